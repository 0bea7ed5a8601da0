"""The matrix of clients: each row's program is run against a relay, and what came of its steps is kept.

    row -> environment -> relay, simulator, control -> program -> a line of JSON per step -> build/clients.json

Rule: whatever a program does, each step of its row has an outcome.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from tests.clients.environments import ROOT, filled, place
from tests.clients.rows import Row, Step, Told
from tests.clients.standing import standing

RESULTS = ROOT / "build" / "clients.json"
PROGRAM_SECONDS = 120.0
"""After which a program is ended, and the steps it did not tell have failed."""
LAST_WORDS = 2_000
"""Characters kept of what a program wrote to stderr."""


class Outcome(StrEnum):
    """What came of a step."""

    PASSED = "passed"
    FAILED = "failed"
    IMPOSSIBLE = "impossible"
    """The client has nothing that could do it: `Row.why` says what it lacks."""


class Result(msgspec.Struct, frozen=True):
    """What came of a step, and what was seen of it."""

    outcome: Outcome
    detail: str


class Record(msgspec.Struct, frozen=True):
    """What came of a row."""

    version: str
    steps: dict[Step, Result]

    def failures(self) -> list[str]:
        """Return a line for each step that failed."""
        return [
            f"{step}: {result.detail}"
            for step, result in self.steps.items()
            if result.outcome is Outcome.FAILED
        ]


class Ended(msgspec.Struct, frozen=True):
    """How a program ended."""

    status: int | None
    """None: it was ended by us, for taking too long."""
    out: str
    err: str


async def run(command: list[str], folder: Path, variables: Mapping[str, str], seconds: float) -> Ended:
    """Run a client's program to its end, or end it after *seconds*, with whatever it has started."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=variables, start_new_session=True, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    talk = asyncio.ensure_future(process.communicate())
    status: int | None = None
    try:
        async with asyncio.timeout(seconds):
            await asyncio.shield(talk)
            status = process.returncode
    except TimeoutError:
        pass
    finally:
        # A browser is a family of processes; the session that was started for it is ended whole.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = await talk
    return Ended(status, out.decode(errors="replace"), err.decode(errors="replace"))


async def tried(row: Row, folder: Path) -> Record:
    """Run *row*, whose environment is installed. *folder* is for the certificate."""
    async with standing(folder, tls=row.tls) as stands:
        command = filled(row.command, row.environment)
        ended = await run(command, place(row.environment), stands.variables(row), PROGRAM_SECONDS)
    return record(row, ended)


def record(row: Row, ended: Ended) -> Record:
    """Return what the program of *row* told, and of each step that it did not tell that it failed."""
    told = {tale.step: tale for tale in tales(ended.out.splitlines())}
    last_words = ended.err[-LAST_WORDS:].strip()
    how = "was ended for taking too long" if ended.status is None else f"ended with status {ended.status}"
    steps = {}
    for step in Step:
        if step in row.why:
            steps[step] = Result(Outcome.IMPOSSIBLE, row.why[step])
        elif step in told:
            outcome = Outcome.PASSED if told[step].ok else Outcome.FAILED
            steps[step] = Result(outcome, told[step].detail)
        else:
            steps[step] = Result(Outcome.FAILED, f"not told; the program {how}: {last_words}")
    return Record(row.version, steps)


def tales(lines: Iterable[str]) -> Iterable[Told]:
    """Return what is told in *lines*; what a client writes beside it is nobody's."""
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError):
            yield msgspec.json.decode(line, type=Told)


def read() -> dict[str, Record]:
    """Return the records kept: row id -> record. Empty before the first run."""
    if not RESULTS.exists():
        return {}
    return msgspec.json.decode(RESULTS.read_bytes(), type=dict[str, Record])


def keep(row: Row, kept: Record) -> None:
    """Keep the record of *row* in place of an older one."""
    RESULTS.parent.mkdir(exist_ok=True)
    document: Any = {**read(), row.id: kept}
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
