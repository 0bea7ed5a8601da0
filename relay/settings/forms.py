"""The forms that a single value may have: a number, a URL, a secret, a list of them.

Each tells in words what it allows; the same words stand in an error and in `docs/configuration.md`.

Rule: a form judges one value alone. What two keys mean together is `relay.settings.checks`' to say.
"""

import re
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any, Final

import msgspec

from relay.core.tenants import UNLIMITED
from relay.settings.problems import did_you_mean
from relay.settings.sources import World, Wrong

MOST: Final = 2**53
"""The largest whole number that a float holds exactly; whoever wants more means "unlimited"."""
_SHOWN: Final = 60
"""Characters of a value that an error repeats."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """What one value may be."""

    kind: str
    """One word or two for a table's column: "integer"."""
    allowed: str
    """The same in full: "an integer from 1 to 65535"; follows "must be"."""
    read: Callable[[object, World], object]
    """Returns the value as the relay holds it, or a `Wrong`."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """An array whose elements have one form."""

    of: Form
    into: Callable[[Iterable[Any]], object] = tuple
    least: int = 0


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """A table whose keys are the operator's own."""

    key: Form
    of: Form


def type_name(raw: object) -> str:
    """Return what TOML calls the type of *raw*."""
    names = {bool: "a boolean", int: "an integer", float: "a float", str: "a string", list: "an array"}
    return "a table" if isinstance(raw, dict) else names.get(type(raw), "a date or a time")


def shown(raw: object) -> str:
    """Return *raw* as an error repeats it; only for values that cannot be secret."""
    match raw:
        case str():
            cut = raw if len(raw) <= _SHOWN else raw[:_SHOWN] + "…"
            return msgspec.json.encode(cut).decode()
        case bool() | int() | float():
            try:
                text = str(raw).lower()
            except ValueError:  # the interpreter writes no integer of over 4,300 digits
                return "an integer beyond all measure"
            return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        case _:
            return type_name(raw)


def _mistyped(raw: object) -> Wrong:
    return Wrong(f"is {type_name(raw)}")


def text(kind: str, allowed: str, judge: Callable[[str, World], object]) -> Form:
    """Return a form of strings, read by *judge*."""

    def read(raw: object, world: World) -> object:
        return judge(raw, world) if isinstance(raw, str) else _mistyped(raw)

    return Form(kind=kind, allowed=allowed, read=read)


def pattern(kind: str, allowed: str, expression: str) -> Form:
    """Return a form of strings that match a regular *expression* from end to end."""
    compiled = re.compile(expression)

    def judge(raw: str, _world: World) -> object:
        return raw if compiled.fullmatch(raw) else Wrong(f"is {shown(raw)}")

    return text(kind, allowed, judge)


def choice(*options: str) -> Form:
    """Return a form that is one of a few words."""

    def judge(raw: str, _world: World) -> object:
        return raw if raw in options else Wrong(f"is {shown(raw)}", did_you_mean(raw, options))

    return text("choice", " or ".join(f'"{option}"' for option in options), judge)


def _read_flag(raw: object, _world: World) -> object:
    return raw if isinstance(raw, bool) else _mistyped(raw)


FLAG: Final = Form(kind="boolean", allowed="true or false", read=_read_flag)


def whole(low: int, high: int = MOST) -> Form:
    """Return a form of integers within bounds, both included."""

    def read(raw: object, _world: World) -> object:
        if isinstance(raw, bool) or not isinstance(raw, int):
            return _mistyped(raw)
        return raw if low <= raw <= high else Wrong(f"is {shown(raw)}")

    bounds = f"of at least {low}" if high == MOST else f"from {low} to {high}"
    return Form(kind="integer", allowed=f"an integer {bounds}", read=read)


def number(*, above: float | None = None, low: float = 0) -> Form:
    """Return a form of numbers, of integers or floats: over *above* where it is given, else from *low*."""

    def read(raw: object, _world: World) -> object:
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            return _mistyped(raw)
        fits = raw > above if above is not None else raw >= low
        return raw if fits and raw <= MOST and isfinite(raw) else Wrong(f"is {shown(raw)}")

    bound = f"above {above:g}" if above is not None else f"of at least {low:g}"
    return Form(kind="number", allowed=f"a number {bound}", read=read)


def limit(form: Form) -> Form:
    """Return *form*, or "unlimited"."""

    def read(raw: object, world: World) -> object:
        if isinstance(raw, str):
            if raw == "unlimited":
                return UNLIMITED
            return Wrong(f"is {shown(raw)}", did_you_mean(raw, ("unlimited",)))
        return form.read(raw, world)

    return Form(kind=f'{form.kind} or "unlimited"', allowed=f'{form.allowed}, or "unlimited"', read=read)
