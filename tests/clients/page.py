"""docs/clients.md as its tests read it: sections under headings, and the code blocks in them.

Rule: what a reader copies is what is run; nothing but the host and the key is put in its place.
"""

from pathlib import Path
from typing import NamedTuple

from tests.clients.environments import place
from tests.clients.rows import HOST, KEY, Row
from tests.unit.docs import pages

SUFFIXES = {"python": "py", "js": "mjs", "html": "html"}
"""Language of a fence -> ending of the file that holds its block."""


class Block(NamedTuple):
    """A code block."""

    language: str
    code: str


def section(text: str, row: Row) -> str:
    """Return the part of the page under `## <language>` and `### <section>`. Empty if there is none."""
    lines: list[str] = []
    language = heading = ""
    fenced = False
    for line in text.splitlines(keepends=True):
        if line.startswith("```"):
            fenced = not fenced
        # A comment in a program is no heading.
        marks, _, words = line.rstrip().partition(" ") if not fenced else ("", "", "")
        if marks == "##":
            language, heading = words, ""
        elif marks == "###":
            heading = words
        elif (language, heading) == (row.language.value, row.section):
            lines.append(line)
    return "".join(lines)


def blocks(text: str, row: Row) -> list[Block]:
    """Return the code blocks of *row*'s section that are of a language that is run."""
    here = section(text, row)
    return [Block(language, code) for language in SUFFIXES for code in pages.blocks(here, language)]


def written(block: Block, number: int, row: Row, host: str, key: str) -> Path:
    """Write *block* where *row*'s command finds it, with the real *host* and *key*."""
    folder = place(row.environment) / "snippets"
    folder.mkdir(exist_ok=True)
    file = folder / f"{row.id}-{number}.{SUFFIXES[block.language]}"
    file.write_text(block.code.replace(HOST, host).replace(KEY, key), encoding="utf-8")
    return file


def stands(change: str, code: str) -> bool:
    """Say whether the lines of *change* stand in *code*, one after another, whatever the indentation."""
    lines = [line.strip() for line in code.splitlines()]
    wanted = [line.strip() for line in change.splitlines()]
    return any(lines[start : start + len(wanted)] == wanted for start in range(len(lines)))
