"""The vocabulary holds: the sides mirror each other, and a secret does not slip out."""

import copy
import json
import pickle

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.core.words import OTHER, SECONDS_PER_DAY, Secret, Side, usd


def test_the_other_of_the_other_side_is_the_side_itself() -> None:
    assert OTHER[Side.CLIENT] is Side.UPSTREAM
    assert all(OTHER[OTHER[side]] is side for side in Side)


def test_a_day_has_24_hours() -> None:
    assert SECONDS_PER_DAY == 24 * 60 * 60


def test_money_is_counted_in_millionths_and_shown_in_dollars() -> None:
    assert usd(1_250_000) == 1.25
    assert usd(0) == 0


@given(st.text(min_size=4).filter(lambda text: text not in "[Secret(***)]"))
def test_a_secret_is_in_none_of_its_own_renderings(text: str) -> None:
    secret = Secret(text)
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r}", "%s" % secret, repr([secret])):  # noqa: UP031 - this rendering too
        assert text not in shown
    assert secret.reveal() == text


def test_a_secret_equals_only_a_secret_of_the_same_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_secret_is_neither_pickled_nor_encoded() -> None:
    with pytest.raises(TypeError, match="not written"):
        pickle.dumps(Secret("hush"))
    with pytest.raises(TypeError, match="not written"):
        copy.deepcopy(Secret("hush"))
    with pytest.raises(TypeError):
        json.dumps(Secret("hush"))
    with pytest.raises(TypeError):
        msgspec.json.encode(Secret("hush"))


def test_a_secret_has_no_place_for_more() -> None:
    with pytest.raises(AttributeError):
        Secret("hush").note = "x"  # type: ignore[attr-defined]
