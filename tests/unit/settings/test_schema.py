"""The rows and the structs that they are read into name the same keys."""

from collections.abc import Iterator

import pytest
from msgspec import NODEFAULT
from msgspec.structs import fields

from relay.settings.schema import FILE_TABLE
from relay.settings.tables import Key, NamedTables, Table, Tables

NOT_IN_THE_FILE = {"Plan": {"name"}}
"""A plan's name is the table's."""
NOT_IN_THE_STRUCT = {"Tenant": {"limits"}}
"""A tenant's own limits are merged into its plan."""


def tables(table: Table) -> Iterator[Table]:
    yield table
    for key in table.keys.values():
        match key.shape:
            case Table() as inner:
                yield from tables(inner)
            case Tables(of=inner) | NamedTables(of=inner):
                yield from tables(inner)
            case _:
                pass


READ_INTO = {table.of: table for table in tables(FILE_TABLE) if table.of is not None}
ROWS = [key for table in tables(FILE_TABLE) for key in table.keys.values()]


@pytest.mark.parametrize("struct", READ_INTO, ids=lambda struct: str(struct.__name__))
def test_every_field_can_be_set_and_every_row_has_its_field(struct: type) -> None:
    name = struct.__name__
    in_struct = {field.name for field in fields(struct)} - NOT_IN_THE_FILE.get(name, set())
    assert set(READ_INTO[struct].keys) - NOT_IN_THE_STRUCT.get(name, set()) == in_struct


@pytest.mark.parametrize("struct", READ_INTO, ids=lambda struct: str(struct.__name__))
def test_a_row_is_required_where_its_field_has_no_default(struct: type) -> None:
    defaulted = {
        field.name
        for field in fields(struct)
        if field.default is not NODEFAULT or field.default_factory is not NODEFAULT
    }
    for name, key in READ_INTO[struct].keys.items():
        assert key.required != (name in defaulted | {"plan", "limits"}), name


@pytest.mark.parametrize("key", ROWS, ids=lambda key: str(key.about)[:30])
def test_every_row_says_what_it_means(key: Key) -> None:
    assert key.about.endswith(".")
