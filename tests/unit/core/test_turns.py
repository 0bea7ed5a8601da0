"""Responses from asking to done: whose they are, and when their first token and audio came."""

import pytest

from relay.core.actions import Moment
from relay.core.turns import MAX_OPEN, Turns

TOKEN, AUDIO = Moment.FIRST_TOKEN, Moment.FIRST_AUDIO


@pytest.fixture
def turns() -> Turns:
    return Turns()


def test_a_response_that_was_asked_for_is_timed_from_the_asking(turns: Turns) -> None:
    turns.asked(1)
    assert turns.created("r", 2)
    assert turns.delta(TOKEN, 3) == [(TOKEN, 2)]
    assert turns.delta(AUDIO, 5) == [(AUDIO, 4)]


def test_a_response_that_nobody_asked_for_is_voice_activity_s(turns: Turns) -> None:
    assert not turns.created("r", 2)
    assert turns.delta(AUDIO, 3) == [(TOKEN, 1), (AUDIO, 1)]


def test_each_moment_comes_once_a_response(turns: Turns) -> None:
    turns.created("r", 0)
    turns.delta(AUDIO, 1)
    assert turns.delta(AUDIO, 2) == turns.delta(TOKEN, 2) == []
    assert not turns.timing


def test_a_text_response_is_timed_until_it_is_done(turns: Turns) -> None:
    turns.created("r", 0)
    turns.delta(TOKEN, 1)
    assert turns.delta(TOKEN, 2) == []
    assert turns.timing
    turns.done("r")
    assert not turns.timing


def test_a_delta_is_the_oldest_response_s_that_still_waits(turns: Turns) -> None:
    turns.created("a", 0)
    turns.created("b", 10)
    assert turns.delta(TOKEN, 11) == [(TOKEN, 11)]
    assert turns.delta(TOKEN, 12) == [(TOKEN, 2)]
    assert turns.delta(AUDIO, 13) == [(AUDIO, 13)]
    assert turns.delta(AUDIO, 14) == [(AUDIO, 4)]


def test_a_delta_without_a_response_is_nobody_s(turns: Turns) -> None:
    assert not turns.timing
    assert turns.delta(AUDIO, 1) == []


def test_a_response_that_the_upstream_did_not_start_is_not_waited_for(turns: Turns) -> None:
    turns.asked(1)
    turns.unasked()
    turns.unasked()
    assert not turns.created("r", 2)


def test_the_same_response_created_twice_is_one(turns: Turns) -> None:
    turns.created("r", 0)
    turns.created("r", 0)
    turns.done("r")
    assert not turns.timing


def test_a_refused_response_ends_with_its_error_once(turns: Turns) -> None:
    turns.created("r", 0)
    turns.refuse("r", {"code": "no"})
    assert turns.done("r") == {"code": "no"}
    assert turns.done("r") is None


def test_what_is_kept_is_bounded(turns: Turns) -> None:
    for number in range(3 * MAX_OPEN):
        turns.asked(number)
        turns.refuse(f"r{number}", {})
    created = [turns.created(f"r{number}", 0) for number in range(3 * MAX_OPEN)]
    assert sum(created) == len(turns.refused) == MAX_OPEN
    timed = [turns.delta(AUDIO, 1) for _ in range(3 * MAX_OPEN)]
    assert sum(bool(seen) for seen in timed) == MAX_OPEN
    assert not turns.timing


def test_what_was_asked_for_long_ago_did_not_begin_this_response() -> None:
    turns = Turns()
    turns.asked(now=0)
    assert not turns.created("resp_1", now=61)
