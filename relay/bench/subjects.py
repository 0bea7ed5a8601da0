"""What stands between the clients and the upstream while it is measured: one process, on the core kept for
it.

A subject counts as started when it has carried a session. Its directory goes with it, and its process
is ended by its id, whatever happened.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from picows import WSError

from relay.bench import machine
from relay.bench.legs import Ends, Leg, Pair, hang_up
from relay.bench.messages import MODEL
from relay.bench.recipes import Kind, Recipe, program, recipe

START_SECONDS: Final = 20.0
"""From exec to the first session carried: a cold start of Python on a busy machine takes a few of them."""

STOP_SECONDS: Final = 3.0
"""From SIGTERM to SIGKILL; no subject has a session left when it is told to go."""

RETRY_SECONDS: Final = 0.05
"""Between two attempts to reach a subject that is starting."""

LAST_WORDS: Final = 2_000
"""Characters of a failed subject's output that are shown."""

PATH: Final = f"/v1/realtime?model={MODEL}"


class SubjectError(Exception):
    """A subject did not start, or let go of a session; the text says which, and what it said last."""

    def __init__(self, kind: Kind, what: str) -> None:
        super().__init__(f"{kind.value} {what}")
        self.kind = kind
        self.what = what


class Subject(msgspec.Struct, frozen=True):
    """A subject at work. Direct has no process, and costs nothing."""

    kind: Kind
    ends: Ends
    recipe: Recipe
    pid: int | None = None

    @property
    def url(self) -> str:
        """What a client dials."""
        return f"ws://127.0.0.1:{self.recipe.port}{PATH}"

    async def dial(self) -> Leg:
        """Set up a session. Raises OSError or TimeoutError."""
        try:
            return await self.ends.dial(self.url, self.recipe.headers)
        except WSError as refused:
            raise ConnectionError(str(refused)) from refused

    async def pair(self) -> Pair:
        """Set up a session with both ends known. Raises OSError or TimeoutError."""
        try:
            return await self.ends.pair(self.url, self.recipe.headers, beta=self.kind is Kind.BETA)
        except WSError as refused:
            raise ConnectionError(str(refused)) from refused

    def variant(self, kind: Kind) -> "Subject":
        """Return the same process as clients of *kind* find it, one of `VARIANTS`."""
        headers = self.recipe.variants[kind]
        how = msgspec.structs.replace(self.recipe, headers=headers)
        return msgspec.structs.replace(self, kind=kind, recipe=how)

    def spent(self) -> machine.Spent:
        """Return the CPU time used so far, and waited for."""
        return machine.NOTHING_SPENT if self.pid is None else machine.spent(self.pid)

    def rss_bytes(self) -> int:
        """Return the memory held now."""
        return 0 if self.pid is None else machine.rss_bytes(self.pid)


async def version(kind: Kind) -> str:
    """Ask a peer from outside for its version; "unknown" where its answer holds none."""
    process = await asyncio.create_subprocess_exec(
        program(kind),
        "-v",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    found = re.search(rb"\d+\.\d+\.\d+", said)
    return found[0].decode() if found else "unknown"


@asynccontextmanager
async def started(kind: Kind, ends: Ends, *, core: int, descriptors: int) -> AsyncIterator[Subject]:
    """Run *kind* between its clients and *ends*. Raises SubjectError if it carries no session in time."""
    with TemporaryDirectory(prefix=f"relay-bench-{kind.value}-") as name:
        directory = Path(name)
        how = recipe(kind, directory, upstream_port=ends.port, descriptors=descriptors)
        if not how.command:
            yield Subject(kind=kind, ends=ends, recipe=how)
            return
        log = directory / "output"
        process = await _spawn(how, log, core)
        try:
            subject = Subject(kind=kind, ends=ends, recipe=how, pid=process.pid)
            await _first_session(subject, process)
            yield subject
        except SubjectError as failure:
            if failure.kind is not kind or not (said := _last_words(log)):
                raise
            raise SubjectError(kind, f"{failure.what}\n{said}") from failure
        finally:
            await _stop(process)


async def _spawn(how: Recipe, log: Path, core: int) -> asyncio.subprocess.Process:
    # A process starts on the core of the one that starts it, with every thread it makes later.
    with log.open("wb") as output, machine.pinned(core):
        return await asyncio.create_subprocess_exec(
            *how.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **how.environment},
        )


async def _first_session(subject: Subject, process: asyncio.subprocess.Process) -> None:
    """Dial until a session is carried."""
    reason = "nothing listened"
    try:
        async with asyncio.timeout(START_SECONDS):
            while process.returncode is None:
                try:
                    leg = await subject.dial()
                except OSError as refused:
                    reason = str(refused)
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    await hang_up([leg])
                    return
            reason = f"it ended with status {process.returncode}"
    except TimeoutError:
        reason = f"no session in {START_SECONDS:.0f} s ({reason})"
    raise SubjectError(subject.kind, f"did not start: {reason}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End the process: told first, made to after `STOP_SECONDS`."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace").strip()[-LAST_WORDS:]
