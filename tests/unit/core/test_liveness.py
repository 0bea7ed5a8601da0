"""Is each side still there, and does it take what it is sent? An answer is what to do, or why to end."""

from math import inf

import pytest

from relay.core.actions import NOTHING, PONG, Pause, Ping, Resume
from relay.core.deadlines import Alarm, Deadlines
from relay.core.flow import PINGS_BURST, PINGS_PER_SECOND, Flow, Hold
from relay.core.liveness import Liveness
from relay.core.refusals import Reason
from relay.core.words import OTHER, Side

CLIENT, UPSTREAM = Side
BOTH = pytest.mark.parametrize("side", Side)


class Leg:
    """Two flows, their table of timers, and the liveness that watches over them."""

    def __init__(self) -> None:
        self.flows = (Flow(CLIENT, 0), Flow(UPSTREAM, 0))
        self.deadlines = Deadlines()
        self.liveness = Liveness(self.flows, self.deadlines, 0)


@pytest.fixture
def leg() -> Leg:
    return Leg()


@BOTH
def test_a_side_that_says_nothing_is_pinged_and_then_given_up(leg: Leg, side: Side) -> None:
    assert leg.deadlines.next() == 20
    assert leg.liveness.listen(side, 20) == (Ping(side),)
    assert leg.liveness.listen(side, 30) is (Reason.CLIENT_SILENT, Reason.UPSTREAM_SILENT)[side]


@BOTH
def test_a_side_that_answers_its_ping_lives_for_another_lull(leg: Leg, side: Side) -> None:
    leg.liveness.listen(side, 20)
    leg.flows[side].heard = 21
    leg.deadlines.clear()
    assert leg.liveness.listen(side, 30) == NOTHING
    assert leg.deadlines.next() == 41
    assert leg.liveness.listen(side, 41) == (Ping(side),)


@BOTH
def test_a_side_that_speaks_is_not_pinged(leg: Leg, side: Side) -> None:
    leg.flows[side].heard = 15
    assert leg.liveness.listen(side, 20) == NOTHING


@BOTH
def test_the_clock_of_silence_stands_still_while_the_side_is_not_read(leg: Leg, side: Side) -> None:
    leg.liveness.listen(side, 20)
    leg.flows[side].hold(Hold.PACE, 21)
    assert leg.liveness.listen(side, 30) == NOTHING
    assert leg.liveness.listen(side, 50) == NOTHING
    leg.flows[side].release(Hold.PACE, 60)
    assert leg.liveness.listen(side, 70) == NOTHING
    assert leg.liveness.listen(side, 80) == (Ping(side),)


@BOTH
def test_a_ping_is_answered(leg: Leg, side: Side) -> None:
    assert leg.liveness.pinged(side, 5) is PONG
    assert leg.flows[side].heard == 5


@BOTH
def test_a_full_write_buffer_takes_no_pong(leg: Leg, side: Side) -> None:
    leg.liveness.congested(side, 1000, 0)
    assert leg.liveness.pinged(side, 1) == NOTHING
    assert leg.liveness.pinged(OTHER[side], 1) is PONG
    leg.liveness.relieved(side, 2)
    assert leg.liveness.pinged(side, 3) is PONG


@BOTH
def test_a_flood_of_pings_is_a_reason_to_end(leg: Leg, side: Side) -> None:
    for _ in range(PINGS_BURST):
        assert leg.liveness.pinged(side, 0) is PONG
    assert leg.liveness.pinged(side, 0) is (Reason.PING_FLOOD, Reason.UPSTREAM_BROKEN)[side]


def test_pings_at_the_rate_go_on_for_ever(leg: Leg) -> None:
    assert all(leg.liveness.pinged(CLIENT, beat / PINGS_PER_SECOND) is PONG for beat in range(1000))


@BOTH
def test_a_full_write_buffer_stops_the_reading_of_the_other_side(leg: Leg, side: Side) -> None:
    assert leg.liveness.congested(side, 1000, 0) == (Pause(OTHER[side]),)
    assert leg.liveness.relieved(side, 1) == (Resume(OTHER[side]),)


@BOTH
def test_a_buffer_that_takes_nothing_for_ten_seconds_is_stalled(leg: Leg, side: Side) -> None:
    leg.liveness.congested(side, 1000, 0)
    for second in range(1, 10):
        assert leg.liveness.looked(side, 1000, second) == NOTHING
        assert leg.deadlines.next() == second + 1
    assert leg.liveness.looked(side, 1000, 10) is (Reason.SLOW_CONSUMER, Reason.UPSTREAM_STALLED)[side]


@BOTH
def test_any_progress_starts_the_ten_seconds_anew(leg: Leg, side: Side) -> None:
    leg.liveness.congested(side, 1000, 0)
    for second in range(1, 100):
        assert leg.liveness.looked(side, 1000 - second // 9, second) == NOTHING
    assert isinstance(leg.liveness.looked(side, 989, 109.5), Reason)


@BOTH
def test_a_buffer_that_grows_makes_no_progress(leg: Leg, side: Side) -> None:
    leg.liveness.congested(side, 1000, 0)
    assert leg.liveness.looked(side, 2000, 5) == NOTHING
    assert isinstance(leg.liveness.looked(side, 2000, 10), Reason)


@BOTH
def test_what_was_queued_meanwhile_hides_no_progress(leg: Leg, side: Side) -> None:
    leg.liveness.congested(side, 1000, 0)
    assert leg.liveness.looked(side, 2000, 5) == NOTHING
    assert leg.liveness.looked(side, 1500, 9) == NOTHING
    assert leg.liveness.looked(side, 1500, 18) == NOTHING
    assert isinstance(leg.liveness.looked(side, 1500, 19), Reason)


@BOTH
def test_pongs_that_nobody_asked_for_are_a_flood_too(leg: Leg, side: Side) -> None:
    for _ in range(60):
        assert leg.liveness.ponged(side, 0) == NOTHING
    assert isinstance(leg.liveness.ponged(side, 0), Reason)


def test_a_client_that_reads_nothing_is_not_read_for_more_to_answer(leg: Leg) -> None:
    assert leg.liveness.answered(0) == NOTHING
    leg.liveness.congested(Side.CLIENT, 1000, 0)
    assert leg.liveness.answered(0) == (Pause(Side.CLIENT),)
    assert leg.liveness.answered(1) == NOTHING
    assert set(leg.liveness.relieved(Side.CLIENT, 2)) == {Resume(Side.CLIENT), Resume(Side.UPSTREAM)}


@BOTH
def test_a_look_at_a_buffer_that_has_drained_since_arms_nothing(leg: Leg, side: Side) -> None:
    leg.liveness.congested(side, 1000, 0)
    leg.liveness.relieved(side, 1)
    leg.deadlines.clear(Alarm.SILENT_CLIENT, Alarm.SILENT_UPSTREAM)
    assert leg.liveness.looked(side, 0, 100) == NOTHING
    assert leg.deadlines.next() == inf
