"""docs/clients.md says of every client what its row knows, and each program in it runs, in every version."""

from pathlib import Path

import pytest

from tests.clients import matrix, page, table
from tests.clients.environments import filled, install, place
from tests.clients.presence import skip_without
from tests.clients.rows import HOST, Row
from tests.clients.standing import standing
from tests.unit.docs import pages

SNIPPET_SECONDS = 60.0
"""After which a program of the page hangs: the slowest imports for ten seconds on a busy machine."""

rows = pytest.mark.parametrize("row", table.ROWS, ids=lambda row: row.id)


@rows
def test_a_section_shows_the_lines_to_change(row: Row) -> None:
    found = page.blocks(pages.read(table.PAGE), row)
    assert any(page.stands(row.change, block.code) for block in found)
    assert HOST in row.change


@rows
def test_a_section_says_what_to_know(row: Row) -> None:
    here = " ".join(page.section(pages.read(table.PAGE), row).split())
    assert [note for note in (*row.notes, *row.why.values()) if note not in here] == []


@rows
def test_the_table_has_one_line_of_a_client(row: Row) -> None:
    assert len(table.shown(row)) == 1


def test_the_table_has_no_line_of_anything_else() -> None:
    titles = [line[0] for line in pages.rows(pages.read(table.PAGE), table.TABLE)]
    assert titles == [row.title for row in table.ROWS]


def test_lines_stand_in_code_whatever_the_indentation() -> None:
    assert page.stands("a(\n    b,\n)", "if c:\n    a(\n        b,\n    )\n")
    assert not page.stands("a(\n    b,\n)", "a(\n    c,\n    b,\n)\n")


@pytest.mark.clients
@pytest.mark.timeout(400)
@rows
async def test_the_programs_of_a_section_run(row: Row, tmp_path: Path) -> None:
    skip_without(row)
    await install(row.environment)
    blocks = page.blocks(pages.read(table.PAGE), row)
    assert blocks
    for number, block in enumerate(blocks):
        # As a user has it: TLS, whatever the client can do without.
        async with standing(tmp_path, tls=True) as stands:
            file = page.written(block, number, row, stands.host(), stands.key)
            command = filled(row.snippet, row.environment, file)
            ended = await matrix.run(command, place(row.environment), stands.variables(row), SNIPPET_SECONDS)
            assert ended.status == 0, ended.err[-matrix.LAST_WORDS :]
            assert stands.simulator.sessions, "no session was held"
