"""Reasons to hold a side are a set; pausing and resuming are its edges."""

import pytest

from relay.core.actions import NOTHING, Pause, Resume
from relay.core.flow import PINGS_BURST, Flow, Hold
from relay.core.words import Side


@pytest.fixture
def flow() -> Flow:
    return Flow(Side.UPSTREAM, 0)


def test_a_hold_pauses_and_its_release_resumes(flow: Flow) -> None:
    assert flow.hold(Hold.PACE, 1) == (Pause(Side.UPSTREAM),)
    assert flow.release(Hold.PACE, 2) == (Resume(Side.UPSTREAM),)


def test_the_same_hold_twice_is_one(flow: Flow) -> None:
    flow.hold(Hold.PACE, 1)
    assert flow.hold(Hold.PACE, 2) == NOTHING
    assert flow.release(Hold.PACE, 4) == (Resume(Side.UPSTREAM),)
    assert flow.paused_so_far(Hold.PACE, 9) == 3


def test_two_holds_make_one_pause_and_both_must_go(flow: Flow) -> None:
    flow.hold(Hold.PACE, 1)
    assert flow.hold(Hold.CONGESTION, 2) == NOTHING
    assert flow.release(Hold.PACE, 3) == NOTHING
    assert flow.release(Hold.CONGESTION, 4) == (Resume(Side.UPSTREAM),)


def test_a_hold_that_is_not_there_cannot_be_released(flow: Flow) -> None:
    assert flow.release(Hold.CONGESTION, 1) == NOTHING
    flow.hold(Hold.PACE, 1)
    assert flow.release(Hold.CONGESTION, 2) == NOTHING


def test_time_held_is_counted_by_cause_while_it_runs_and_after(flow: Flow) -> None:
    flow.hold(Hold.PACE, 1)
    flow.hold(Hold.CONGESTION, 2)
    assert flow.paused_so_far(Hold.PACE, 3) == 2
    assert flow.paused_so_far(Hold.CONGESTION, 3) == 1
    flow.release(Hold.PACE, 5)
    flow.hold(Hold.PACE, 10)
    assert flow.paused_so_far(Hold.PACE, 11) == 4 + 1


def test_silence_counts_from_when_the_relay_listens_again(flow: Flow) -> None:
    flow.hold(Hold.CONGESTION, 1)
    flow.pinged_at = 1
    flow.release(Hold.CONGESTION, 30)
    assert flow.heard == 30
    assert flow.pinged_at is None


def test_pings_have_a_budget(flow: Flow) -> None:
    granted = [flow.pings.take(1, 0) for _ in range(PINGS_BURST + 1)]
    assert granted[:-1] == [0.0] * PINGS_BURST
    assert granted[-1] > 0


@pytest.mark.parametrize(
    ("cause", "label"), [(Hold.PACE, "pace"), (Hold.CONGESTION, "congestion"), (Hold(0), "none")]
)
def test_a_cause_has_a_label(cause: Hold, label: str) -> None:
    assert cause.label == label
