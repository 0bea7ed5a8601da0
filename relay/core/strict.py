"""JSON as every parser reads it, or not at all.

Parsers disagree on duplicate keys, lone surrogates, huge numbers, NaN and deep nesting. What a client sends is
checked by us and then read by the upstream; a document that the two may read differently would be a way round
every check, so such a document is refused.

Rule: what `read_strictly` returns means the same to any conforming parser of the same text.
"""

import json
import re
from math import isinf
from typing import Any, Final, NoReturn, TypeAlias

Event: TypeAlias = dict[str, Any]

MAX_DEPTH: Final = 32
"""Sessions and items nest eight deep, a tool's JSON schema rarely twice that."""
MAX_PARTS: Final = 50_000
"""Values in one event: each costs some 60 bytes of memory for as few as two on the wire."""
MAX_WHOLE: Final = 1 << 63


class LooseJsonError(ValueError):
    """A document that parsers may read differently, or that is no JSON at all. Says which, and no more."""


def _refuse_constant(name: str) -> NoReturn:
    raise LooseJsonError(f"{name} is not a JSON number")


def _whole(digits: str) -> int:
    if len(digits) > len(str(-MAX_WHOLE)) or abs(number := int(digits)) >= MAX_WHOLE:
        raise LooseJsonError("a whole number is beyond 64 bits")
    return number


def _real(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise LooseJsonError("a number is beyond the range of a double")
    return number


def _table(pairs: list[tuple[str, Any]]) -> Event:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise LooseJsonError("a key stands twice in one object")
    return table


_strict: Final = json.JSONDecoder(
    object_pairs_hook=_table, parse_constant=_refuse_constant, parse_int=_whole, parse_float=_real
)


def _too_deep(event: Event) -> bool:
    level: list[Any] = [event]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def read_strictly(text: str) -> Event:
    """Read one event as every parser would, or raise `LooseJsonError`. *text* has been decoded from UTF-8."""
    if _parts(text) > MAX_PARTS and _parts(_STRING.sub("", text)) > MAX_PARTS:
        raise LooseJsonError(f"an event has more than {MAX_PARTS} values")
    try:
        event = _strict.decode(text)
    except LooseJsonError:
        raise
    except RecursionError:
        raise LooseJsonError(f"an event nests deeper than {MAX_DEPTH}") from None
    except ValueError as error:
        # The parser's own words quote no content, only where it stopped.
        raise LooseJsonError(str(error)) from None
    if not isinstance(event, dict):
        raise LooseJsonError("an event is a JSON object")
    if _too_deep(event):
        raise LooseJsonError(f"an event nests deeper than {MAX_DEPTH}")
    if "\\u" in text:
        try:
            json.dumps(event, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise LooseJsonError("a surrogate stands alone") from None
    return event


_STRING: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, or what remains where it does not end: nothing is read twice, so this is linear in any text."""


def _parts(text: str) -> int:
    # Too many at first sight, and the strings are taken out for a second: prose is full of commas.
    return text.count(",") + text.count("[") + text.count("{")
