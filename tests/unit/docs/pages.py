"""The project's pages, and the tables in them that are written from code.

A table that is checked stands between `<!-- table: NAME -->` and `<!-- end -->`; its first row is the heading.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
ALL = (*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")))

Row = tuple[str, ...]
_FENCE = re.compile(r"^(```+)(\w*)[^\n]*\n(.*?)^\1`*[ ]*$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(text: str) -> str:
    """Return *text* without its code blocks and comments."""
    return _COMMENT.sub("", _FENCE.sub("", text))


def blocks(text: str, *languages: str) -> list[str]:
    """Return the code blocks in one of *languages*."""
    return [match[3] for match in _FENCE.finditer(text) if match[2] in languages]


def spans(text: str) -> list[str]:
    """Return what stands in single backticks, outside of blocks."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose(text))


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _region(table: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- table: {table} -->\n\n?)(.*?)(\n?<!-- end -->)", re.DOTALL)


def rows(text: str, table: str) -> list[Row]:
    """Return the rows of a marked table, without heading and rule."""
    found = _region(table).search(text)
    assert found is not None, f"there is no table {table}"
    lines = [line for line in found[2].splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines[2:]]


def rewrite(page: Path, table: str, heading: Row, fresh: list[Row]) -> None:
    """Put *fresh* rows in the place of a marked table's."""
    lines = [heading, ("---",) * len(heading), *fresh]
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    text = read(page)
    assert _region(table).search(text), f"{page} has no table {table}"
    written = _region(table).sub(lambda found: f"<!-- table: {table} -->\n\n{body}\n\n<!-- end -->", text)
    page.write_text(written, encoding="utf-8")
