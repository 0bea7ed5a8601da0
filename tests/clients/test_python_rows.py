"""The Python rows are what is pinned, and the pins say nothing of where packages come from."""

import re
from pathlib import Path

import pytest

from tests.clients.environments import ROOT
from tests.clients.python_rows import ROWS
from tests.clients.rows import Row

PINS = sorted((ROOT / "requirements" / "clients").glob("*.txt"))
COMPILER = (ROOT / "requirements" / "compile-clients.sh").read_text(encoding="utf-8")

rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)


@rows
def test_a_row_names_the_version_that_is_pinned(row: Row) -> None:
    (pins,) = row.environment.stamps
    pinned = (ROOT / pins).read_text(encoding="utf-8")
    assert re.search(rf"^{row.package}=={re.escape(row.version)} \\$", pinned, re.MULTILINE)
    assert re.search(rf"^compile {row.environment.name} .*=={re.escape(row.version)}'$", COMPILER, re.MULTILINE)


@pytest.mark.parametrize("pins", PINS, ids=lambda pins: pins.stem)
def test_pins_hold_hashes_and_no_addresses(pins: Path) -> None:
    text = pins.read_text(encoding="utf-8")
    assert "://" not in text
    requirements = re.split(r"\n(?! )", text.strip())
    assert [line for line in requirements if "--hash=sha256:" not in line] == []


def test_every_file_of_pins_has_a_row() -> None:
    stamps = {stamp for row in ROWS for stamp in row.environment.stamps}
    assert stamps == {str(pins.relative_to(ROOT)) for pins in PINS}
