"""Every client connects, and does what its users do, with an address and a key changed and nothing else.

`-k openai-python` runs the rows of that name. What was seen is kept in build/clients.json.
"""

from pathlib import Path

import pytest

from tests.clients import matrix, table
from tests.clients.environments import install
from tests.clients.presence import skip_without
from tests.clients.rows import Row

pytestmark = [
    pytest.mark.clients,
    pytest.mark.timeout(400),  # an installation and a program, each with a limit of its own
]


@pytest.mark.parametrize("row", table.ROWS, ids=lambda row: row.id)
async def test_a_client_does_what_its_users_do_and_the_page_says_so(row: Row, tmp_path: Path) -> None:
    skip_without(row)
    await install(row.environment)
    record = await matrix.tried(row, tmp_path)
    matrix.keep(row, record)
    assert record.failures() == []
    # The table is written by `python -m tests.clients.table`.
    assert table.shown(row) == [table.line(row, record)]
