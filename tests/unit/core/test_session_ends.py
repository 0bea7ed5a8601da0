"""How a session ends: the first cause wins, both sides are told, and whoever lingers is cut off."""

import pytest

from relay.core.actions import (
    NOTHING,
    Abort,
    Close,
    Finish,
    Hangup,
    Look,
    Resume,
)
from relay.core.deadlines import CLOSE_CLIENT, CLOSE_UPSTREAM
from relay.core.refusals import Reason
from relay.core.session import Session
from relay.core.words import OTHER, Side
from tests.unit.core.gates import plan
from tests.unit.core.talk import CLIENT, UPSTREAM, Judge, Talk, both, error_of

BOTH = pytest.mark.parametrize("side", Side)


@pytest.fixture
def session() -> Talk:
    return Talk(plan(session_seconds=3600, idle_seconds=900))


# --- ends: closing, leaving, breaking -------------------------------------------------------------


@BOTH
def test_a_close_is_carried_across_with_its_code_and_reason(session: Talk, side: Side) -> None:
    assert session.closed(side, 4321, "bye", 1) == (*both(4321, 4321, b"bye"), Hangup(side))
    assert session.closed(OTHER[side], 4321, "bye", 1) == (Hangup(OTHER[side]),)
    assert session.left(side, 1) == NOTHING
    why = (Reason.CLIENT_LEFT, Reason.UPSTREAM_LEFT)[side]
    assert session.left(OTHER[side], 1) == (Finish(why, side, 4321),)


def test_a_code_that_may_not_be_sent_is_carried_as_an_internal_error(session: Talk) -> None:
    assert session.closed(CLIENT, 1015, "", 1) == (*both(1011, 1011, b""), Hangup(CLIENT))


@BOTH
def test_a_close_without_a_code_is_answered_as_an_ordinary_one(session: Talk, side: Side) -> None:
    actions = session.closed(side, 1005, "", 1)
    assert Close(side, 1000) in actions
    assert Close(OTHER[side], 1011) in actions


def test_a_close_s_words_are_carried_without_secrets() -> None:
    session = Session(
        plan=plan(),
        uplink=Judge(),
        downlink=Judge(),
        event_id=lambda: "event_1",
        now=0,
        redact=lambda words: words.replace("hush", "***"),
    )
    assert session.closed(UPSTREAM, 3000, "hush!", 1) == (*both(3000, 3000, b"***!"), Hangup(UPSTREAM))


def test_a_client_that_vanishes_is_told_of_upstream(session: Talk) -> None:
    assert session.left(CLIENT, 1) == (Close(UPSTREAM, 1011),)
    assert session.left(UPSTREAM, 1) == (Finish(Reason.CLIENT_LEFT, CLIENT, 1011),)


def test_an_upstream_that_vanishes_is_told_of_in_words(session: Talk) -> None:
    error, close = session.left(UPSTREAM, 1)
    assert error_of(error)["code"] == "upstream_unavailable"
    assert close == Close(CLIENT, 1011, b"upstream_lost")
    assert session.left(CLIENT, 1) == (Finish(Reason.UPSTREAM_LOST, UPSTREAM, 1011),)


def test_an_end_from_outside_is_told_to_both_in_its_own_words(session: Talk) -> None:
    error, *closes = session.end(Reason.KEY_REVOKED, 1, "Your key was retired.")
    assert error_of(error)["message"] == "Your key was retired."
    assert tuple(closes) == both(3000, 1001, b"key_revoked")


def test_a_client_that_breaks_the_protocol_is_told_how(session: Talk) -> None:
    assert session.broken(CLIENT, Reason.MESSAGE_TOO_BIG, 1) == both(1009, 1001, b"message_too_big")


def test_an_upstream_that_breaks_it_is_told_of_as_lost(session: Talk) -> None:
    session.broken(UPSTREAM, Reason.PROTOCOL_ERROR, 1)
    assert session.reason is Reason.UPSTREAM_BROKEN


def test_the_first_cause_wins(session: Talk) -> None:
    session.closed(CLIENT, 4000, "first", 1)
    assert session.end(Reason.DRAINING, 2) == session.broken(UPSTREAM, Reason.PROTOCOL_ERROR, 2) == NOTHING
    session.closed(UPSTREAM, 4001, "second", 2)
    session.left(UPSTREAM, 2)
    assert session.left(CLIENT, 2) == (Finish(Reason.CLIENT_LEFT, CLIENT, 4000),)


def test_a_held_side_is_read_again_so_that_its_close_frame_is_found(session: Talk) -> None:
    session.congested(CLIENT, 1000, 0)
    assert session.end(Reason.DRAINING, 1) == (
        Close(CLIENT, 1012, b"draining"),
        Resume(UPSTREAM),
        Close(UPSTREAM, 1001, b"draining"),
    )


def test_nobody_leaves_twice(session: Talk) -> None:
    session.left(CLIENT, 1)
    assert session.left(CLIENT, 2) == NOTHING


# --- closing --------------------------------------------------------------------------------------


def test_an_upstream_that_does_not_finish_closing_is_cut_off_after_a_second(session: Talk) -> None:
    session.end(Reason.DRAINING, 10)
    session.left(CLIENT, 10)
    assert session.deadline == 10 + CLOSE_UPSTREAM
    assert session.tick(11) == (Abort(UPSTREAM), Finish(Reason.DRAINING, None, 1012))


def test_a_client_that_does_not_finish_closing_is_looked_at_and_cut_off(session: Talk) -> None:
    session.end(Reason.DRAINING, 10)
    assert session.tick(11) == (Abort(UPSTREAM), Look(CLIENT))
    assert session.looked(CLIENT, 0, 11) == NOTHING
    assert session.deadline == 10 + CLOSE_CLIENT
    assert session.tick(12) == (Look(CLIENT),)
    assert session.looked(CLIENT, 0, 12) == (Abort(CLIENT), Finish(Reason.DRAINING, None, 1012))


def test_a_slow_client_is_still_given_its_tail_while_it_takes_any(session: Talk) -> None:
    session.closed(UPSTREAM, 1000, "", 10)
    session.left(UPSTREAM, 10)
    now, left = 11.0, 1000
    for _ in range(50):
        assert session.deadline == now
        assert session.tick(now) == (Look(CLIENT),)
        left -= 1
        assert session.looked(CLIENT, left, now) == NOTHING
        now += CLOSE_CLIENT - CLOSE_UPSTREAM
    assert session.left(CLIENT, now) == (Finish(Reason.UPSTREAM_LEFT, UPSTREAM, 1000),)


def test_however_slowly_a_client_takes_its_tail_the_session_is_over_after_a_minute(session: Talk) -> None:
    session.closed(UPSTREAM, 1000, "", 10)
    session.left(UPSTREAM, 10)
    session.tick(70)
    ended = session.looked(CLIENT, 1, 70)
    assert ended == (Abort(CLIENT), Finish(Reason.UPSTREAM_LEFT, UPSTREAM, 1000))


def test_an_upstream_that_is_gone_needs_no_cutting_off(session: Talk) -> None:
    session.end(Reason.DRAINING, 10)
    session.left(UPSTREAM, 10)
    assert session.tick(11) == (Look(CLIENT),)


def test_a_close_frame_of_one_who_is_gone_already_is_nobody_s(session: Talk) -> None:
    session.end(Reason.DRAINING, 10)
    session.tick(11)
    assert session.closed(UPSTREAM, 1000, "", 11) == NOTHING


@BOTH
def test_a_look_asked_for_before_the_end_does_not_count_as_the_closing_s(session: Talk, side: Side) -> None:
    session.end(Reason.DRAINING, 10)
    assert session.looked(side, 0, 10) == NOTHING
    assert session.deadline == 10 + CLOSE_UPSTREAM
    session.tick(11)
    assert session.looked(UPSTREAM, 0, 11) == NOTHING
    assert session.looked(CLIENT, 9999, 11) == NOTHING
    assert session.deadline == 10 + CLOSE_CLIENT


@BOTH
def test_a_finished_session_has_nothing_more_to_say(session: Talk, side: Side) -> None:
    for one in Side:
        session.left(one, 1)
    assert session.reason is Reason.CLIENT_LEFT
    assert session.closed(side, 1000, "", 2) == session.left(side, 2) == session.looked(side, 0, 2) == NOTHING
    assert session.heard(side, 2) == session.says(side, 2) == session.tick(9999) == NOTHING
    assert session.deadline == float("inf")
