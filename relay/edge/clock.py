"""The two clocks. Everything that needs the time is handed it from here.

Rule: durations and deadlines are read off `monotonic`; `wall` serves days of budgets and what people read.
"""

import time
from collections.abc import Callable

from relay.core.words import Seconds, UnixSeconds

monotonic: Callable[[], Seconds] = time.monotonic


def wall() -> UnixSeconds:
    """Return the time of day."""
    return time.time()  # noqa: TID251 - the one place


def epoch() -> UnixSeconds:
    """Return what to add to `monotonic` to get the time of day."""
    return wall() - monotonic()
