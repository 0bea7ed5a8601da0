"""An environment is made once for as long as its pins hold, and half of one is not taken for it."""

from pathlib import Path

import pytest

from tests.clients import environments
from tests.clients.environments import InstallError, filled, install, missing, place, stamp
from tests.clients.rows import Environment

COUNTS = ("{python}", "-c", "open('{place}/../counted', 'a').write('.')")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setattr(environments, "PLACES", tmp_path / ".clients")
    (tmp_path / "pins.txt").write_text("a==1", encoding="utf-8")
    return tmp_path


def environment(*install: tuple[str, ...], needs: tuple[str, ...] = ()) -> Environment:
    return Environment(name="made", stamps=("pins.txt",), install=install, needs=needs)


async def test_it_is_made_again_only_when_its_pins_change(root: Path) -> None:
    made = environment(COUNTS)
    await install(made)
    await install(made)
    assert (root / ".clients" / "counted").read_text() == "."
    (root / "pins.txt").write_text("a==2", encoding="utf-8")
    await install(made)
    assert (root / ".clients" / "counted").read_text() == ".."


async def test_it_begins_empty(root: Path) -> None:
    await install(environment(("sh", "-c", "echo left > left")))
    await install(environment(("sh", "-c", "echo other > other")))
    assert sorted(path.name for path in place(environment()).iterdir()) == [environments.STAMP, "other"]


async def test_a_failed_installation_says_why_and_is_tried_again(root: Path) -> None:
    broken = environment(("sh", "-c", "echo no such package >&2; exit 3"), COUNTS)
    for _ in range(2):
        with pytest.raises(InstallError, match=r"(?s)ended with status 3:.*no such package"):
            await install(broken)
    assert not (root / ".clients" / "counted").exists()


async def test_an_installation_that_hangs_is_given_up(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "INSTALL_SECONDS", 0.1)
    with pytest.raises(InstallError, match="not done after"):
        await install(environment(("sleep", "60")))


def test_the_commands_are_part_of_the_stamp(root: Path) -> None:
    assert stamp(environment(COUNTS)) == stamp(environment(COUNTS, needs=("sh",)))
    assert stamp(environment(COUNTS)) != stamp(environment())


def test_words_are_filled_in(root: Path) -> None:
    words = filled(("{place}/bin/python", "{root}/x", "{snippet}"), environment(), root / "it.py")
    assert words == [f"{root}/.clients/made/bin/python", f"{root}/x", f"{root}/it.py"]


def test_programs_that_are_not_there_are_named() -> None:
    assert missing(environment(needs=("sh", "no-such-program"))) == ["no-such-program"]
