"""Tables of keys, and the walk that reads a parsed file against them.

Rule: the walk goes on past every mistake; what it could not read is absent from what it returns.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias, assert_never

import msgspec

from relay.settings.forms import Form, Listing, Pairs, type_name
from relay.settings.lines import Path
from relay.settings.problems import Findings, did_you_mean
from relay.settings.sources import World, Wrong

Shape: TypeAlias = "Form | Listing | Pairs | Table | Tables | NamedTables"
Values: TypeAlias = dict[str, Any]
"""What was read of one table: key -> value, without those that were absent or wrong."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key that an operator may set."""

    shape: Shape
    about: str
    """What it means, for the reference."""
    required: bool = False
    absent: str = ""
    """What leaving it out means, where the default's value does not say it."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table whose keys are ours."""

    about: str
    keys: Mapping[str, Key]
    of: type[msgspec.Struct] | None = None
    """What it is read into; the defaults stand there."""


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """An array of tables."""

    of: Table


class NamedTables(msgspec.Struct, frozen=True, kw_only=True):
    """Tables by names of the operator's own."""

    name: Form
    of: Table


class Walk:
    """One reading of one parsed file."""

    def __init__(self, findings: Findings, world: World, homes: Mapping[str, str]) -> None:
        self._findings = findings
        self._world = world
        self._homes = homes
        """Key -> the table it belongs to, for a key that stands in the wrong one."""

    def table(self, raw: Mapping[str, object], table: Table, at: Path) -> Values:
        """Read one table."""
        values: Values = {}
        for name, value in raw.items():
            key = table.keys.get(name)
            if key is None:
                self._unknown((*at, name), name, table)
                continue
            read = self._shape(value, key.shape, (*at, name))
            if not isinstance(read, Wrong):
                values[name] = read
        for name, key in table.keys.items():
            if key.required and name not in raw:
                allowed = key.shape.allowed if isinstance(key.shape, Form) else ""
                self._findings.error((*at, name), "is missing", allowed=allowed)
        return values

    def _unknown(self, at: Path, name: str, table: Table) -> None:
        hint = did_you_mean(name, table.keys)
        if name in self._homes:
            hint = f"it belongs in {self._homes[name]}"
        self._findings.error(at, "unknown key", hint=hint)

    def _shape(self, raw: object, shape: Shape, at: Path) -> object:
        match shape:
            case Form():
                return self._form(raw, shape, at)
            case Listing():
                return self._listing(raw, shape, at)
            case Pairs():
                return self._pairs(raw, shape, at)
            case Table():
                if not isinstance(raw, dict):
                    return self._mistyped(raw, at, "a table")
                return self.table(raw, shape, at)
            case Tables():
                return self._tables(raw, shape, at)
            case NamedTables():
                return self._named_tables(raw, shape, at)
            case _:
                assert_never(shape)

    def _form(self, raw: object, form: Form, at: Path) -> object:
        read = form.read(raw, self._world)
        if isinstance(read, Wrong):
            self._findings.error(at, read.what, allowed=form.allowed if read.misformed else "", hint=read.hint)
        return read

    def _listing(self, raw: object, listing: Listing, at: Path) -> object:
        if not isinstance(raw, list):
            return self._mistyped(raw, at, f"an array, each of it {listing.of.allowed}")
        if len(raw) < listing.least:
            wrong = Wrong("is empty")
            self._findings.error(at, wrong.what, hint="name at least one")
            return wrong
        read = [self._form(value, listing.of, (*at, index)) for index, value in enumerate(raw)]
        # A wrong element keeps its place as None, so that checks know where the others stand.
        return listing.into(None if isinstance(value, Wrong) else value for value in read)

    def _pairs(self, raw: object, pairs: Pairs, at: Path) -> object:
        if not isinstance(raw, dict):
            return self._mistyped(raw, at, "a table")
        values: Values = {}
        for name, value in raw.items():
            key = self._form(name, pairs.key, (*at, name))
            read = self._form(value, pairs.of, (*at, name))
            if not isinstance(key, Wrong):
                values[name] = None if isinstance(read, Wrong) else read
        return values

    def _tables(self, raw: object, tables: Tables, at: Path) -> object:
        if not isinstance(raw, list):
            return self._mistyped(raw, at, f"an array of tables: [[{at[-1]}]]")
        read: list[Values] = []
        for index, value in enumerate(raw):
            inner = self._shape(value, tables.of, (*at, index))
            read.append(inner if isinstance(inner, dict) else {})
        return read

    def _named_tables(self, raw: object, tables: NamedTables, at: Path) -> object:
        if not isinstance(raw, dict):
            return self._mistyped(raw, at, f"tables by name: [{at[-1]}.NAME]")
        values: Values = {}
        for name, value in raw.items():
            self._form(name, tables.name, (*at, name))
            read = self._shape(value, tables.of, (*at, name))
            values[name] = read if isinstance(read, dict) else {}
        return values

    def _mistyped(self, raw: object, at: Path, allowed: str) -> Wrong:
        wrong = Wrong(f"is {type_name(raw)}")
        self._findings.error(at, wrong.what, allowed=allowed)
        return wrong
