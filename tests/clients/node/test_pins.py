"""What npm installs is pinned by hash, names nobody's address, and is what the rows say it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.environments import ROOT
from tests.clients.node_rows import ROWS, SYSTEMS
from tests.clients.rows import Row

LOCKS = sorted({Path(name) for row in ROWS for name in row.environment.stamps if name.endswith("-lock.json")})


def lock(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / path).read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("path", LOCKS, ids=str)
def test_every_package_is_pinned_by_hash_and_no_address_is_named(path: Path) -> None:
    pins = {name: pin for name, pin in lock(path)["packages"].items() if name}
    assert pins
    assert [name for name, pin in pins.items() if not pin["integrity"].startswith("sha512-")] == []
    assert "://" not in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", LOCKS, ids=str)
def test_a_lock_is_of_the_package_json_beside_it_which_takes_exact_versions(path: Path) -> None:
    asked = json.loads((ROOT / path).with_name("package.json").read_text(encoding="utf-8"))
    packages = lock(path)["packages"]
    for kind in ("dependencies", "optionalDependencies"):
        assert packages[""].get(kind) == asked.get(kind)
        for name, version in asked.get(kind, {}).items():
            assert packages[f"node_modules/{name}"]["version"] == version


@pytest.mark.parametrize("row", [row for row in ROWS if row.version != SYSTEMS], ids=lambda row: row.id)
def test_a_row_says_the_version_that_is_pinned(row: Row) -> None:
    (path,) = [Path(name) for name in row.environment.stamps if name.endswith("-lock.json")]
    assert lock(path)["packages"][f"node_modules/{row.package}"]["version"] == row.version
