"""Whatever is read strictly, every parser reads the same; and nothing is ever raised but the one refusal."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from relay.core.strict import MAX_DEPTH, LooseJsonError, read_strictly

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=6),
    st.text(st.characters(categories=["Cs"]), max_size=2),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
tables = st.dictionaries(st.text(max_size=4), values, max_size=4)
pieces = st.sampled_from(
    [
        *(
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            '"',
            "\\",
            "\\u",
            "\\u0061",
            "\\ud83d",
            "\\ude00",
            '"a"',
            '"type"',
            "//x",
        ),
        *("1", "-", "0", "00", "1e9", "1e999", ".5", "5.", "NaN", "Infinity", "18446744073709551616", "٣"),
        *("true", "nul", " ", "\n", "\t", "\x00", "\ufeff", "é", "\u2028", "'a'", '{"a":1}', '{"a":', '"a":1'),
    ]
)


def read(text: str) -> dict[str, Any] | None:
    """Return what was read, or None where it was refused. Anything else that is raised fails the test."""
    try:
        return read_strictly(text)
    except LooseJsonError:
        return None


def same(one: object, other: object) -> bool:
    """Tell whether two documents are the same, down to the types of their numbers."""
    return repr(one) == repr(other)


def agrees(text: str) -> None:
    event = read(text)
    if event is not None:
        assert same(event, json.loads(text))
        assert same(
            json.loads(text, object_pairs_hook=lambda pairs: dict(reversed(pairs))), dict_reversed(event)
        )
        assert msgspec.json.decode(text.encode()) == event
        assert msgspec.json.decode(msgspec.json.encode(event)) == event, "a rebuilt event says the same"


def dict_reversed(value: object) -> object:
    """Return *value* with the keys of every object in the opposite order: twice the same key would show."""
    match value:
        case dict():
            return {key: dict_reversed(inner) for key, inner in reversed(value.items())}
        case list():
            return [dict_reversed(inner) for inner in value]
        case _:
            return value


@given(tables, st.booleans())
def test_parsers_agree_on_every_document_that_is_accepted(table: dict[str, Any], ascii_only: bool) -> None:
    # A surrogate that stands alone comes out of no UTF-8, but out of an escape it does.
    assume(ascii_only or json.dumps(table, ensure_ascii=False).isprintable())
    agrees(json.dumps(table, ensure_ascii=ascii_only))


@given(tables)
def test_a_document_is_refused_only_for_a_reason(table: dict[str, Any]) -> None:
    text = json.dumps(table)
    try:
        msgspec.json.decode(text)
        sound = True
    except msgspec.DecodeError:
        sound = False  # a number that is none, or a surrogate alone
    big = any(abs(number) >= 2**63 for number in whole_numbers(table))
    assert (read(text) is not None) == (sound and not big)


def whole_numbers(value: object) -> list[int]:
    match value:
        case bool():
            return []
        case int():
            return [value]
        case dict():
            return [number for inner in value.values() for number in whole_numbers(inner)]
        case list():
            return [number for inner in value for number in whole_numbers(inner)]
        case _:
            return []


@given(st.lists(pieces, max_size=12).map("".join))
def test_parsers_agree_on_what_is_accepted_of_any_rubble(text: str) -> None:
    agrees(text)
    agrees("{" + text + "}")
    agrees('{"a":' + text + "}")
    agrees('{"' + text + '":1}')


@given(st.text())
def test_nothing_else_is_raised_over_any_text(text: str) -> None:
    agrees(text)


wrappings = st.lists(st.sampled_from(["[%s]", "[1,%s]", '{"a":%s}', '{"b":{},"a":%s}']), max_size=4)


def wrapped(members: list[str], wrappings: list[str]) -> str:
    inner = "{" + ",".join(member for member in members if member) + "}"
    for wrapping in wrappings:
        inner = wrapping % inner
    return f'{{"x":{inner}}}'


@given(tables, wrappings, st.permutations(['"key":1', r'"k\u0065y":2']))
def test_a_key_given_twice_anywhere_is_refused(
    table: dict[str, Any], wrappings: list[str], twice: list[str]
) -> None:
    assume("key" not in table and read(json.dumps(table)) is not None)
    between = json.dumps(table)[1:-1]
    assert read(wrapped([twice[0], between], wrappings)) is not None
    assert read(wrapped([twice[0], between, twice[1]], wrappings)) is None


@given(st.lists(st.sampled_from(["[", '{"a":']), min_size=1, max_size=2 * MAX_DEPTH))
def test_depth_is_counted_in_containers_of_either_kind(opened: list[str]) -> None:
    closing = "".join("]" if one == "[" else "}" for one in reversed(opened))
    text = '{"x":' + "".join(opened) + "1" * (opened[-1] != "[") + closing + "}"
    assert (read(text) is not None) == (len(opened) + 1 <= MAX_DEPTH)


@pytest.mark.parametrize("length", [1, 100, 10_000])
@given(sign=st.sampled_from(["", "-"]), digit=st.integers(1, 9))
def test_numbers_of_any_length_are_read_or_refused(length: int, sign: str, digit: int) -> None:
    agrees(f'{{"a":{sign}{str(digit) * length}}}')
    agrees(f'{{"a":{sign}{str(digit) * length}.5}}')
    agrees(f'{{"a":{sign}0.{str(digit) * length}}}')
    agrees(f'{{"a":{sign}1e{str(digit) * min(length, 400)}}}')
    agrees(f'{{"a":{sign}1e-{str(digit) * min(length, 400)}}}')
