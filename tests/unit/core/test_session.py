"""A session, told as a conversation: what happened, and what must be done."""

import pytest

from relay.core.actions import (
    FORWARD,
    NOTHING,
    PONG,
    Actions,
    Close,
    Forward,
    Look,
    Pause,
    Ping,
    Resume,
    Send,
)
from relay.core.deadlines import CLOSE_UPSTREAM
from relay.core.flow import PINGS_BURST
from relay.core.refusals import Reason
from relay.core.words import OTHER, Side
from tests.unit.core.gates import plan
from tests.unit.core.talk import CLIENT, UPSTREAM, Talk, both, error_of

BOTH = pytest.mark.parametrize("side", Side)


@pytest.fixture
def session() -> Talk:
    return Talk(plan(session_seconds=3600, idle_seconds=900))


# --- messages -------------------------------------------------------------------------------------


@BOTH
def test_a_message_is_forwarded_by_the_constant_and_no_deadline_moves(session: Talk, side: Side) -> None:
    deadline = session.deadline
    assert session.says(side, 1) is FORWARD
    assert session.deadline == deadline


@BOTH
def test_what_a_gate_asks_for_is_asked_for(session: Talk, side: Side) -> None:
    session.up.answer = session.down.answer = (Send(CLIENT, b"x"),)
    assert session.says(side, 1) == (Send(CLIENT, b"x"),)


@BOTH
def test_a_gate_s_verdict_ends_the_session_after_the_message_is_through(session: Talk, side: Side) -> None:
    gate = (session.up, session.down)[side]
    gate.answer, gate.over = (Forward(), Send(OTHER[side], b"x")), Reason.BUDGET_SPENT
    first, second, error, *closes = session.says(side, 1)
    assert (first, second) == gate.answer
    assert error_of(error)["code"] == "insufficient_quota"
    assert tuple(closes) == both(1008, 1001, b"budget_spent")
    assert session.reason is Reason.BUDGET_SPENT


@BOTH
def test_messages_that_come_after_the_end_are_dropped(session: Talk, side: Side) -> None:
    session.end(Reason.DRAINING, 1)
    assert session.says(side, 2) == NOTHING


# --- pacing ---------------------------------------------------------------------------------------


def test_a_client_too_fast_is_not_read_until_its_debt_is_paid(session: Talk) -> None:
    session.up.wait = 1.5
    assert session.says(CLIENT, 1) == (Forward(), Pause(CLIENT))
    assert session.deadline == 2.5
    assert session.tick(2.5) == (Resume(CLIENT),)


def test_pacing_the_client_leaves_the_upstream_alone(session: Talk) -> None:
    session.up.wait = 1.5
    session.says(CLIENT, 1)
    assert session.says(UPSTREAM, 1) is FORWARD


def test_messages_already_read_pass_and_put_the_reading_off_further(session: Talk) -> None:
    session.up.wait = 1
    session.says(CLIENT, 1)
    session.up.wait = 3
    actions = session.says(CLIENT, 1)
    assert actions == FORWARD
    assert actions is not FORWARD, "a deadline moved"
    assert session.deadline == 4


def test_a_message_of_little_debt_does_not_shorten_the_wait_of_one_before(session: Talk) -> None:
    session.up.wait = 5
    session.says(CLIENT, 1)
    session.up.wait = 0.1
    session.says(CLIENT, 1)
    assert session.deadline == 6


def test_an_end_while_paced_reads_the_client_again_for_its_close_frame(session: Talk) -> None:
    session.up.wait, session.up.over = 5, Reason.IMPATIENT
    assert session.says(CLIENT, 1) == (
        Forward(),
        Pause(CLIENT),
        Resume(CLIENT),
        *both(1008, 1001, b"too_many_refused"),
    )


# --- congestion and stalls ------------------------------------------------------------------------


@BOTH
def test_a_side_that_takes_less_than_it_is_sent_stops_the_other(session: Talk, side: Side) -> None:
    assert session.congested(side, 1000, 1) == (Pause(OTHER[side]),)
    assert session.relieved(side, 2) == (Resume(OTHER[side]),)


def test_two_holds_make_one_pause(session: Talk) -> None:
    assert session.congested(UPSTREAM, 1000, 0) == (Pause(CLIENT),)
    session.up.wait = 1.5
    assert session.says(CLIENT, 0) == FORWARD
    assert session.relieved(UPSTREAM, 1) == NOTHING
    assert session.tick(1.5) == (Resume(CLIENT),)


@BOTH
def test_a_full_buffer_is_looked_at_each_second(session: Talk, side: Side) -> None:
    session.congested(side, 1000, 0)
    assert session.deadline == 1
    assert session.tick(1) == (Look(side),)
    assert session.looked(side, 1000, 1) == NOTHING
    assert session.deadline == 2


def test_a_client_that_takes_nothing_for_ten_seconds_is_closed(session: Talk) -> None:
    session.congested(CLIENT, 1000, 0)
    assert session.looked(CLIENT, 1000, 9) == NOTHING
    assert session.looked(CLIENT, 1000, 10) == (
        Close(CLIENT, 1008, b"slow_consumer"),
        Resume(UPSTREAM),
        Close(UPSTREAM, 1001, b"slow_consumer"),
    )


def test_an_upstream_that_takes_nothing_is_told_of_as_lost(session: Talk) -> None:
    session.congested(UPSTREAM, 1000, 0)
    error, *_ = session.looked(UPSTREAM, 1000, 10)
    assert error_of(error)["code"] == "upstream_unavailable"
    assert session.reason is Reason.UPSTREAM_STALLED


def test_any_progress_is_ten_seconds_more(session: Talk) -> None:
    session.congested(CLIENT, 1000, 0)
    for second in range(1, 60):
        assert session.looked(CLIENT, 1000 - second, second) == NOTHING
    assert session.reason is None


@BOTH
def test_buffers_are_nobody_s_business_after_the_end(session: Talk, side: Side) -> None:
    session.end(Reason.DRAINING, 0)
    assert session.congested(side, 1000, 0) == session.relieved(side, 0) == session.pinged(side, 0) == NOTHING


def test_what_else_a_late_tick_asks_for_comes_before_a_look_that_may_end_the_session(session: Talk) -> None:
    session.congested(CLIENT, 1000, 0)
    assert session.tick(20) == (Ping(CLIENT), Look(CLIENT))


# --- silence --------------------------------------------------------------------------------------


def test_both_sides_are_pinged_after_twenty_seconds_and_given_up_ten_later(session: Talk) -> None:
    assert session.deadline == 20
    assert session.tick(20) == (Ping(CLIENT), Ping(UPSTREAM))
    assert session.deadline == 30
    session.heard(UPSTREAM, 21)
    assert session.tick(30) == both(1011, 1001, b"client_silent")
    assert session.reason is Reason.CLIENT_SILENT


def test_an_upstream_that_is_silent_is_told_of_as_lost(session: Talk) -> None:
    session.tick(20)
    session.heard(CLIENT, 21)
    error, *closes = session.tick(30)
    assert error_of(error)["message"] == "The connection to the upstream was lost."
    assert tuple(closes) == both(1011, 1001, b"upstream_silent")


@BOTH
def test_a_message_is_a_sign_of_life(session: Talk, side: Side) -> None:
    session.heard(OTHER[side], 15)
    session.says(side, 15)
    assert session.tick(20) == NOTHING
    assert session.deadline == 35


def test_a_held_client_is_not_expected_to_answer(session: Talk) -> None:
    session.congested(UPSTREAM, 1000, 0)
    session.heard(UPSTREAM, 19)
    for second in range(20, 100):
        session.heard(UPSTREAM, second)
        actions = session.tick(second)
        assert Ping(CLIENT) not in actions
        if Look(UPSTREAM) in actions:
            session.looked(UPSTREAM, 1000 - second, second)
    assert session.reason is None


def test_a_ping_is_answered(session: Talk) -> None:
    assert session.pinged(CLIENT, 1) is PONG


def test_a_flood_of_pings_ends_the_session(session: Talk) -> None:
    for _ in range(PINGS_BURST):
        session.pinged(CLIENT, 0)
    assert session.pinged(CLIENT, 0) == both(1008, 1001, b"ping_flood")


def test_a_flood_of_pongs_ends_the_session(session: Talk) -> None:
    for _ in range(PINGS_BURST):
        assert session.ponged(CLIENT, 0) == NOTHING
    assert session.ponged(CLIENT, 0) == both(1008, 1001, b"ping_flood")
    assert session.ponged(CLIENT, 0) == NOTHING


def test_a_client_that_reads_no_answers_is_asked_for_no_more(session: Talk) -> None:
    session.congested(CLIENT, 1000, 0)
    session.up.answer = (Send(CLIENT, b"no"),)
    assert session.says(CLIENT, 1) == (Send(CLIENT, b"no"), Pause(CLIENT))


# --- age and idleness -----------------------------------------------------------------------------


def alive(session: Talk, until: float) -> Actions:
    """Answer every ping up to *until*, and return what the last tick asked for."""
    actions = NOTHING
    while session.deadline <= until and session.reason is None:
        now = session.deadline
        for side in Side:
            session.heard(side, now)
        actions = session.tick(now)
    return actions


def test_a_session_ends_at_its_age_however_lively() -> None:
    session = Talk(plan(session_seconds=90, idle_seconds=900))
    error, *closes = alive(session, 90)
    assert error_of(error)["message"] == "Your session hit the maximum duration of 1.5 minutes."
    assert tuple(closes) == both(1001, 1001, b"too_old")
    assert session.reason is Reason.TOO_OLD


@BOTH
def test_a_session_in_which_nobody_says_anything_ends(side: Side) -> None:
    session = Talk(plan(session_seconds=9000, idle_seconds=100))
    session.says(side, 50)
    assert alive(session, 149) == NOTHING
    assert session.reason is None
    error, *_ = alive(session, 150)
    assert error_of(error)["code"] == "session_expired"
    assert session.reason is Reason.IDLE


def test_pings_do_not_make_a_session_busy() -> None:
    session = Talk(plan(idle_seconds=100))
    session.pinged(CLIENT, 99)
    alive(session, 100)
    assert session.reason is Reason.IDLE


def test_of_two_alarms_in_one_instant_the_first_ends_the_session() -> None:
    session = Talk(plan(session_seconds=50, idle_seconds=50))
    session.tick(50)
    assert session.reason in {Reason.TOO_OLD, Reason.CLIENT_SILENT}
    assert session.deadline == 50 + CLOSE_UPSTREAM
