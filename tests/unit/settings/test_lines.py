"""Every key, table and element of a TOML document is found on its line, however it is written."""

import tomllib
from collections.abc import Iterator

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from relay.settings.lines import Path, lines_of

ODD = '''\
# a comment with = [ and " in it
top = "a # b = [c]"   # "
literal = 'C:\\'
multi = """
[not.a.table]
key = 1 \\""" still inside
two quotes at the end"""""
after_multi = 1

raw = \'\'\'
x = [
\'\'\'\'
[ spaced . "quoted.key" . 'single' ]
a.b . c = true
a.b.d = [ 1, # one ]
  2,

  [ 3, { x = 1, y.z = [
    "}" ] } ], ]
when = 1979-05-27 07:32:00
inline = { k = "v", "q k" = { deep = 'x' }, empty = {}, none = [] }
"\\u00e9" = 1
[[many]]
n = 0
[many.inner]
n = 1
  [[many.inner.more]]
  n = 2
  [[many.inner.more]]
  n = 3
[[many]]
n = 4
[[many.inner.more]]
n = 5
'''
WHERE: dict[Path, int] = {
    ("top",): 2,
    ("literal",): 3,
    ("multi",): 4,
    ("after_multi",): 8,
    ("raw",): 10,
    ("spaced",): 13,
    ("spaced", "quoted.key"): 13,
    ("spaced", "quoted.key", "single"): 13,
    ("spaced", "quoted.key", "single", "a"): 14,
    ("spaced", "quoted.key", "single", "a", "b"): 14,
    ("spaced", "quoted.key", "single", "a", "b", "c"): 14,
    ("spaced", "quoted.key", "single", "a", "b", "d"): 15,
    ("spaced", "quoted.key", "single", "a", "b", "d", 0): 15,
    ("spaced", "quoted.key", "single", "a", "b", "d", 1): 16,
    ("spaced", "quoted.key", "single", "a", "b", "d", 2): 18,
    ("spaced", "quoted.key", "single", "a", "b", "d", 2, 0): 18,
    ("spaced", "quoted.key", "single", "a", "b", "d", 2, 1): 18,
    ("spaced", "quoted.key", "single", "a", "b", "d", 2, 1, "x"): 18,
    ("spaced", "quoted.key", "single", "a", "b", "d", 2, 1, "y"): 18,
    ("spaced", "quoted.key", "single", "a", "b", "d", 2, 1, "y", "z"): 18,
    ("spaced", "quoted.key", "single", "a", "b", "d", 2, 1, "y", "z", 0): 19,
    ("spaced", "quoted.key", "single", "when"): 20,
    ("spaced", "quoted.key", "single", "inline"): 21,
    ("spaced", "quoted.key", "single", "inline", "k"): 21,
    ("spaced", "quoted.key", "single", "inline", "q k"): 21,
    ("spaced", "quoted.key", "single", "inline", "q k", "deep"): 21,
    ("spaced", "quoted.key", "single", "inline", "empty"): 21,
    ("spaced", "quoted.key", "single", "inline", "none"): 21,
    ("spaced", "quoted.key", "single", "é"): 22,
    ("many",): 23,
    ("many", 0): 23,
    ("many", 0, "n"): 24,
    ("many", 0, "inner"): 25,
    ("many", 0, "inner", "n"): 26,
    ("many", 0, "inner", "more"): 27,
    ("many", 0, "inner", "more", 0): 27,
    ("many", 0, "inner", "more", 0, "n"): 28,
    ("many", 0, "inner", "more", 1): 29,
    ("many", 0, "inner", "more", 1, "n"): 30,
    ("many", 1): 31,
    ("many", 1, "n"): 32,
    ("many", 1, "inner"): 33,
    ("many", 1, "inner", "more"): 33,
    ("many", 1, "inner", "more", 0): 33,
    ("many", 1, "inner", "more", 0, "n"): 34,
}


def paths(value: object, at: Path = ()) -> Iterator[Path]:
    """Go through everything inside a parsed document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, deeper in inner:
        yield (*at, key)
        yield from paths(deeper, (*at, key))


def test_odd_notations_are_found_on_their_lines() -> None:
    assert dict(lines_of(ODD)) == WHERE


def test_the_odd_document_is_one_that_the_standard_reader_takes() -> None:
    assert set(paths(tomllib.loads(ODD))) == set(WHERE)


def test_line_ends_of_either_kind_count_once() -> None:
    assert dict(lines_of(ODD.replace("\n", "\r\n"))) == WHERE


@pytest.mark.parametrize("text", ["", "\n", "# nothing", "[a]", "a=1", "[[a]]", "a=[]\n", "a={}"])
def test_short_documents_are_taken_whole(text: str) -> None:
    assert set(lines_of(text)) == set(paths(tomllib.loads(text)))


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
SCALARS = (
    st.none().map(lambda _: 0) | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8) | st.dates()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_whatever_is_in_a_document_has_a_line(data: dict[str, object]) -> None:
    text = tomlkit.dumps(data)
    lines = lines_of(text)
    assert set(lines) == set(paths(tomllib.loads(text)))
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, st.integers(10**9, 10**10), max_size=5), max_size=5))
def test_a_value_stands_on_the_line_that_is_told(data: dict[str, dict[str, int]]) -> None:
    text = tomlkit.dumps(data)
    rows = text.split("\n")
    lines = lines_of(text)
    for table, pairs in data.items():
        for key, value in pairs.items():
            assert str(value) in rows[lines[table, key] - 1]
