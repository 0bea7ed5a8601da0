"""How many workers this machine can use: `--workers auto`.

Rule: the process's own share counts, not the machine's size: a container on 64 cores may have the time of two.
"""

import math
import os
from pathlib import Path
from typing import Final

_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""Of the control group, as seen from inside it; version 2. Elsewhere there is none, and affinity decides."""


def usable() -> int:
    """Return how many cores this process may keep busy; 1 at least."""
    try:
        quota = _QUOTA.read_text(encoding="ascii")
    except OSError:
        quota = ""
    return within(len(os.sched_getaffinity(0)), quota)


def within(cores: int, quota: str) -> int:
    """Return how many of *cores* a *quota* leaves: `max 100000` all, `250000 100000` (of each 100 ms) three."""
    share, _, period = quota.partition(" ")
    if not share.isdecimal() or not period.strip().isdecimal():
        return max(1, cores)
    return max(1, min(cores, math.ceil(int(share) / int(period))))
