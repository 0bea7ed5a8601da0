"""The table of docs/clients.md, written from what the last run of the matrix kept.

    python -m tests.clients.table

Rule: a line of the table is written from its row and its record, and from nothing else.
"""

from tests.clients import matrix, node_rows, python_rows
from tests.clients.matrix import Outcome, Record, Result
from tests.clients.rows import Row, Step
from tests.unit.docs import pages

ROWS: tuple[Row, ...] = (*python_rows.ROWS, *node_rows.ROWS)
PAGE = pages.DOCS / "clients.md"
TABLE = "clients"
HEADING = ("client", "in", "version", "speaks", *(step.value for step in Step))
TOLD = frozenset({Step.REFUSAL, Step.RECONNECT})
"""The steps that clients pass in ways of their own: the table says how."""


def line(row: Row, record: Record) -> pages.Row:
    """Return the line of *row*."""
    cells = (_cell(step, record.steps[step]) for step in Step)
    return (row.title, row.language.value, record.version, row.dialect.value, *cells)


def _cell(step: Step, result: Result) -> str:
    match result.outcome:
        case Outcome.PASSED:
            # A bar would end the cell.
            return result.detail.replace("|", "/") if step in TOLD else "yes"
        case Outcome.IMPOSSIBLE:
            return f"no: {result.detail}"
        case Outcome.FAILED:
            return "**fails**"


def shown(row: Row) -> list[pages.Row]:
    """Return the lines that the page has of *row*."""
    return [shown for shown in pages.rows(pages.read(PAGE), TABLE) if shown[0] == row.title]


def write() -> None:
    """Write the table afresh; a row that was not run keeps its line."""
    records = matrix.read()
    lines: list[pages.Row] = []
    for row in ROWS:
        lines += [line(row, records[row.id])] if row.id in records else shown(row)
    pages.rewrite(PAGE, TABLE, HEADING, lines)


if __name__ == "__main__":
    write()
