"""The memory guard: reads ten times a second how much is in use, and does as `relay.core.overload` says.

Rule: where the limit or the use cannot be read there is no guard, and nobody is refused for it. Memory comes
back by whole sessions: nothing is dropped from one that lives.
"""

import asyncio
import ctypes
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Final

import structlog

from relay.core.overload import Level, Load, Overload, excess, victims
from relay.core.refusals import Reason, Refused
from relay.core.words import Latency, Seconds, Side
from relay.edge.clock import monotonic
from relay.edge.live import Live, Sessions

LOOK_EVERY: Final[Seconds] = 0.1
"""At 10 Gbit/s some 120 MB come in meanwhile, were nothing else to hold them back."""
CUT_AFTER: Final[Seconds] = 0.5
"""For a shed session's last words: a stalled reader's stand behind all that it was sent."""
UNLIMITED_FROM: Final = 1 << 60
"""For "no limit" a cgroup of version 1 says the largest whole page there is; no machine has an exbibyte."""
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")

log = structlog.get_logger("memory")


def resident() -> int | None:
    """Return how many bytes of this process are in memory; None where that cannot be told."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return None


def cgroup_limit(root: Path = Path("/")) -> int | None:
    """Return the bytes that this process's cgroup may hold, its parents' limits included; None for no limit."""
    try:
        listed = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    limits = [limit for line in listed if (limit := _limit_of(line, root / "sys/fs/cgroup")) is not None]
    return min(limits, default=None)


def _limit_of(line: str, mount: Path) -> int | None:
    """Return the limit behind one line of `/proc/self/cgroup`: `hierarchy:controllers:path`."""
    _, _, rest = line.partition(":")
    controllers, _, path = rest.partition(":")
    if controllers == "":
        base, file = mount, "memory.max"
    elif "memory" in controllers.split(","):
        base, file = mount / "memory", "memory.limit_in_bytes"
    else:
        return None
    # In a container the path may be the host's while the container's own is mounted: the root is asked too.
    inside = PurePosixPath(path.lstrip("/"))
    limits = [_number(base / place / file) for place in (inside, *inside.parents)]
    return min((limit for limit in limits if limit is not None), default=None)


def _number(file: Path) -> int | None:
    try:
        number = int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):  # not there; "max"
        return None
    return number if number < UNLIMITED_FROM else None


def _trimmer() -> Callable[[], object]:
    """Return what gives freed memory back to the machine, so that what is read next is the truth."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; other C libraries need none
    return (lambda: None) if trim is None else (lambda: trim(ctypes.c_size_t(0)))


class MemoryGuard:
    """Holds one process to *limit* bytes; with None, to nothing."""

    def __init__(
        self, sessions: Sessions, limit: int | None, used: Callable[[], int | None] = resident
    ) -> None:
        self.limit = limit
        self.used = used
        self._sessions = sessions
        self._overload = Overload()
        self._doomed: dict[Live, Seconds] = {}
        """Sessions that were shed, and when they are cut if they are still there."""
        self._trim = _trimmer()

    @property
    def level(self) -> Level:
        """How short memory is."""
        return self._overload.level

    def refusal(self, latency: Latency) -> Refused | None:
        """Say why no session may start now, if none may."""
        return self._overload.refusal(latency)

    def look(self) -> None:
        """Read how much is in use, and do what follows."""
        self._cut(monotonic())
        used = None if self.limit is None else self.used()
        if used is None or self.limit is None:
            return
        before = self.level
        level = self._overload.look(used, self.limit)
        if level is not before:
            log.warning("memory", level=level, used_bytes=used, limit_bytes=self.limit)
        if level is Level.SHED:
            self._shed(used, self.limit)

    async def watch(self) -> None:
        """Look, again and again."""
        while True:
            try:
                self.look()
            except Exception:
                log.exception("memory guard broke")  # and goes on: without it the kernel chooses who dies
            await asyncio.sleep(LOOK_EVERY)

    def _shed(self, used: int, limit: int) -> None:
        coming = sum(_unsent(live) for live in self._doomed)  # what was ended has yet to come back
        loads = (
            Load(live.id, live.latency, _unsent(live)) for live in self._sessions if live not in self._doomed
        )
        doomed = victims(loads, excess(used, limit) - coming)
        due = monotonic() + CUT_AFTER
        for session in doomed:
            live = self._sessions.find(session)
            if live is not None and live.pipe is not None:
                self._doomed[live] = due
                live.pipe.end(Reason.SHED)
        if doomed:
            log.warning("sessions shed", sessions=len(doomed), used_bytes=used, limit_bytes=limit)

    def _cut(self, now: Seconds) -> None:
        """Cut those who did not take their last words in time. Once all are gone, give back what was theirs."""
        if not self._doomed:
            return
        for live, due in list(self._doomed.items()):
            if live.pipe is None:
                del self._doomed[live]
            elif now >= due:
                live.pipe.cut()
        if not self._doomed:
            self._trim()


def _unsent(live: Live) -> int:
    return live.buffered(Side.CLIENT) + live.buffered(Side.UPSTREAM)
