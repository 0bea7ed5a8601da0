"""The machine under the measurement: cores, descriptors, and what a process has cost, from /proc.

CPU is the process's own time as the scheduler accounts it, and beside it the time for which something else
had its core: by that a disturbed run is known. Linux only; on another system the first call says so.
"""

import os
import platform
import resource
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec

PACKAGES: Final = (
    "realtime-relay",
    "picows",
    "aiofastnet",
    "uvloop",
    "websockets",
    "uvicorn",
    "starlette",
    "msgspec",
)
"""Whose versions a figure depends on."""


class Cores(msgspec.Struct, frozen=True):
    """Where the two sides of the measurement run; the same core if there is but one."""

    subject: int
    load: int

    @property
    def apart(self) -> bool:
        """Whether the two sides leave each other alone."""
        return self.subject != self.load


def cores() -> Cores:
    """Return the first and the last core this process may use. Raises RuntimeError where there is no /proc."""
    if not Path("/proc/self/schedstat").exists():
        raise RuntimeError("the measurement reads /proc/PID/schedstat, which only Linux has")
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(subject=allowed[0], load=allowed[-1])


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Run the body, and every process it starts, on *core*; afterwards as before."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_descriptors() -> int:
    """Take as many file descriptors as the system lets us, for us and our children; return how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def family(pid: int) -> tuple[int, ...]:
    """Return *pid* and its living descendants."""
    found = [pid]
    for parent in found:
        for task in _tasks(parent):
            try:
                found.extend(int(child) for child in (task / "children").read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return tuple(found)


class Spent(msgspec.Struct, frozen=True):
    """What the scheduler says of a process since its start, in nanoseconds."""

    ran: int
    waited: int
    """Ready to run, while its core ran something else."""


NOTHING_SPENT: Final = Spent(0, 0)


def spent(pid: int) -> Spent:
    """Return what *pid* and its living descendants have spent; nothing, if it is gone."""
    return _sum(task for member in family(pid) for task in _tasks(member))


def spent_here() -> Spent:
    """Return what this process has spent, without those it has started."""
    return _sum(_tasks(os.getpid()))


def rss_bytes(pid: int) -> int:
    """Return the resident memory of *pid* and its descendants."""
    total = 0
    for member in family(pid):
        for line in Path(f"/proc/{member}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


class Machine(msgspec.Struct, frozen=True):
    """What a figure was measured on."""

    cpu: str
    cores: int
    kernel: str
    python: str
    packages: dict[str, str]


def describe() -> Machine:
    """Say what this machine is."""
    return Machine(
        cpu=_cpu_model(),
        cores=os.cpu_count() or 1,
        kernel=platform.release(),
        python=platform.python_version(),
        packages={name: _version(name) for name in PACKAGES},
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _tasks(pid: int) -> tuple[Path, ...]:
    try:
        return tuple(Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return ()


def _sum(tasks: Iterable[Path]) -> Spent:
    each = [_spent(task) for task in tasks]
    return Spent(sum(task.ran for task in each), sum(task.waited for task in each))


def _spent(task: Path) -> Spent:
    try:
        ran, waited, _ = map(int, (task / "schedstat").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        return NOTHING_SPENT
    return Spent(ran, waited)
