"""A form takes what it says it allows, and nothing else."""

from datetime import date
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.settings.forms import FLAG, MOST, Form, choice, limit, number, pattern, shown, whole
from relay.settings.sources import World, Wrong

WORLD = World({}, str)


def read(form: Form, raw: object) -> object:
    return form.read(raw, WORLD)


@pytest.mark.parametrize("raw", [1, 10, 5])
def test_an_integer_within_bounds_is_taken(raw: int) -> None:
    assert read(whole(1, 10), raw) == raw


@pytest.mark.parametrize(
    ("raw", "what"),
    [(0, "is 0"), (11, "is 11"), (True, "is a boolean"), (1.0, "is a float"), ("1", "is a string")],
)
def test_what_is_no_integer_within_bounds_is_refused(raw: object, what: str) -> None:
    assert read(whole(1, 10), raw) == Wrong(what)


@pytest.mark.parametrize("raw", [-1, nan, inf, -inf, MOST + 1, 10**400, True, "1", [], {}])
def test_a_number_is_finite_and_not_negative(raw: object) -> None:
    assert isinstance(read(number(), raw), Wrong)
    assert isinstance(read(number(above=0), raw), Wrong)


def test_a_number_may_be_whole_or_not() -> None:
    assert read(number(), 0) == 0
    assert read(number(), 0.5) == 0.5
    assert read(number(above=0), 0) == Wrong("is 0")
    assert read(number(low=2), 1.5) == Wrong("is 1.5")


def test_a_limit_may_be_unlimited() -> None:
    assert read(limit(whole(1)), "unlimited") == inf
    assert read(limit(whole(1)), 3) == 3
    assert read(limit(whole(1)), 0) == Wrong("is 0")
    assert read(limit(whole(1)), "unlimitd") == Wrong('is "unlimitd"', 'did you mean "unlimited"?')


def test_a_flag_is_a_boolean() -> None:
    assert read(FLAG, False) is False
    assert read(FLAG, 0) == Wrong("is an integer")


def test_a_choice_is_one_of_its_words() -> None:
    assert read(choice("free", "locked"), "locked") == "locked"
    assert read(choice("free", "locked"), "lock") == Wrong('is "lock"', 'did you mean "locked"?')
    assert read(choice("free", "locked"), 1) == Wrong("is an integer")


def test_a_pattern_is_matched_from_end_to_end() -> None:
    form = pattern("name", "letters", "[a-z]+")
    assert read(form, "abc") == "abc"
    assert read(form, "abc\n") == Wrong('is "abc\\n"')


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (True, "true"),
        (inf, "inf"),
        ("é\n", '"é\\n"'),
        ("x" * 80, '"' + "x" * 60 + '…"'),
        (10**80, "1" + "0" * 59 + "…"),
        ([], "an array"),
        ({}, "a table"),
        (date(2026, 1, 1), "a date or a time"),
    ],
)
def test_a_value_is_shown_in_few_characters(raw: object, text: str) -> None:
    assert shown(raw) == text


def test_an_integer_too_long_to_write_is_shown_all_the_same() -> None:
    assert shown(10**5000) == "an integer beyond all measure"  # as hexadecimal digits may spell one


ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())


@given(ANY, st.sampled_from([whole(1), number(), limit(whole(1)), limit(number(above=0)), FLAG, choice("a")]))
def test_every_form_reads_or_refuses_any_value(raw: object, form: Form) -> None:
    value = read(form, raw)
    assert isinstance(value, Wrong) or value == inf or value is raw
