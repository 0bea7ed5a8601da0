"""Whatever a program does, each step of its row has an outcome."""

import sys
from pathlib import Path

import msgspec
import pytest

from tests.clients import matrix
from tests.clients.matrix import Ended, Outcome, Result, record, run
from tests.clients.python_rows import ROWS
from tests.clients.rows import Row, Step

ROW = ROWS[0]
TOLD = '{"step": "text", "ok": true, "detail": "an echo"}'


def outcomes(row: Row, ended: Ended) -> dict[Step, Result]:
    return record(row, ended).steps


def test_what_a_program_tells_is_its_outcome() -> None:
    out = f'{TOLD}\n{{"step": "tool", "ok": false, "detail": "no call"}}\n'
    steps = outcomes(ROW, Ended(0, out, ""))
    assert steps[Step.TEXT] == Result(Outcome.PASSED, "an echo")
    assert steps[Step.TOOL] == Result(Outcome.FAILED, "no call")


def test_what_a_program_does_not_tell_has_failed_with_its_last_words() -> None:
    steps = outcomes(ROW, Ended(1, TOLD, "Traceback ...\nImportError: gone\n"))
    assert list(steps) == list(Step)
    assert steps[Step.AUDIO].outcome is Outcome.FAILED
    assert steps[Step.AUDIO].detail.startswith("not told; the program ended with status 1")
    assert steps[Step.AUDIO].detail.endswith("ImportError: gone")
    assert "too long" in outcomes(ROW, Ended(None, "", ""))[Step.AUDIO].detail


def test_what_a_client_writes_beside_it_is_passed_over() -> None:
    noise = 'INFO connected\n{"level": "info"}\n{"step": "dance", "ok": true}\n[]\n'
    assert outcomes(ROW, Ended(0, noise + TOLD, ""))[Step.TEXT].outcome is Outcome.PASSED


def test_a_step_that_cannot_work_says_why_and_is_not_asked_for() -> None:
    row = msgspec.structs.replace(ROW, why={Step.RECONNECT: "it has nothing to do it with"})
    assert Step.RECONNECT not in row.steps
    told = record(row, Ended(0, "", ""))
    assert told.steps[Step.RECONNECT] == Result(Outcome.IMPOSSIBLE, "it has nothing to do it with")
    assert [line.partition(":")[0] for line in told.failures()] == [
        step for step in Step if step != "reconnect"
    ]


def test_a_record_takes_the_place_of_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "RESULTS", tmp_path / "build" / "clients.json")
    assert matrix.read() == {}
    for ended in (Ended(1, "", "crash"), Ended(0, TOLD, "")):
        for row in ROWS[:2]:
            matrix.keep(row, record(row, ended))
    assert matrix.read() == {row.id: record(row, Ended(0, TOLD, "")) for row in ROWS[:2]}


async def test_a_program_is_ended_with_whatever_it_has_started(tmp_path: Path) -> None:
    # The child holds the pipe open: reading it to its end waits for both.
    started = "import subprocess, sys; print('begun', flush=True); subprocess.run(['sleep', '60'])"
    ended = await run([sys.executable, "-c", started], tmp_path, {}, seconds=2.0)
    assert (ended.status, ended.out.split()) == (None, ["begun"])


async def test_what_a_program_leaves_behind_is_ended_too(tmp_path: Path) -> None:
    leaves = "import subprocess; subprocess.Popen(['sleep', '60'], stdout=-3, stderr=-3); print('done')"
    ended = await run([sys.executable, "-c", leaves], tmp_path, {}, seconds=30.0)
    assert (ended.status, ended.out, ended.err) == (0, "done\n", "")
