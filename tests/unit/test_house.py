"""The rules of this house that a machine can hold a patch to."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from relay.core.refusals import Reason, Refusal

ROOT = Path(__file__).resolve().parents[2]
SOURCE = sorted((ROOT / "relay").rglob("*.py"))
CORE = [path for path in sorted((ROOT / "relay" / "core").glob("*.py")) if path.stem != "__init__"]
RULED = [*CORE, *(path for path in sorted((ROOT / "relay" / "edge").glob("*.py")) if path.stem != "__init__")]
MOST_LINES = 300
"""A longer file has two subjects."""
FORBIDDEN = (
    "TO" + "DO",
    "FIX" + "ME",
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "crates" + ".io",
    "proxy.golang" + ".org",
)
"""Unfinished work, and hosts of package registries: which of those is asked is the machine's affair."""
_FORBIDDEN = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in FORBIDDEN))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tracked() -> Iterator[Path]:
    """Return the files under version control, and those about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return (path for line in listed.stdout.split("\0") if line and (path := ROOT / line).is_file())


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a sound, a picture


@pytest.mark.parametrize("path", SOURCE, ids=name)
def test_a_file_has_one_subject(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", SOURCE, ids=name)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", RULED, ids=name)
def test_a_module_says_the_rule_that_it_may_be_held_to(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert re.search(r"^Rules?: \S", docstring, re.MULTILINE)


@pytest.mark.parametrize("path", CORE, ids=name)
def test_a_module_that_decides_has_a_test_file_of_its_own(path: Path) -> None:
    assert (ROOT / "tests" / "unit" / "core" / f"test_{path.stem}.py").exists()


def test_every_test_of_the_core_mirrors_a_module() -> None:
    modules = {path.stem for path in CORE}
    for path in (ROOT / "tests" / "unit" / "core").glob("test_*.py"):
        mirrored = path.stem.removeprefix("test_")
        assert any(mirrored == module or mirrored.startswith(f"{module}_") for module in modules), name(path)


def test_no_file_holds_a_word_that_has_no_place_in_it() -> None:
    found = [
        f"{name(path)}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path, text in texts()
        if not path.name.endswith(".lock")
        for match in _FORBIDDEN.finditer(text)
    ]
    assert found == []


@pytest.mark.parametrize("word", FORBIDDEN)
def test_a_forbidden_word_would_be_found(word: str) -> None:
    assert _FORBIDDEN.search(f"# {word}: see https://{word}/")
    assert not _FORBIDDEN.search(f"a{word}b")


@cache
def rows() -> set[str]:
    """Return what the first cells of the tables on the page of refusals hold."""
    page = (ROOT / "docs" / "refusals.md").read_text()
    return set(re.findall(r"^\|\s*`([^`]+)`\s*\|", page, re.MULTILINE))


@pytest.mark.parametrize("label", [member.label for member in (*Refusal, *Reason)])
def test_every_refusal_and_every_end_has_a_row_on_its_page(label: str) -> None:
    assert label in rows()
