"""What becomes of new and of open sessions when memory runs short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.core.overload import SMALL, Level, Load, Overload, excess, victims
from relay.core.refusals import Refusal
from relay.core.words import LATENCIES, Latency, SessionId

MIB = 1024 * 1024


def at(*percents: float) -> Overload:
    overload = Overload()
    for percent in percents:
        overload.look(percent, 100)
    return overload


def load(name: str, unsent: int, latency: Latency = "balanced") -> Load:
    return Load(SessionId(name), latency, unsent)


@pytest.mark.parametrize(
    ("percents", "level"),
    [
        ((91.9,), Level.ACCEPT),
        ((92,), Level.REFUSE),
        ((94.9,), Level.REFUSE),
        ((95,), Level.SHED),
        ((120,), Level.SHED),
        ((92, 90), Level.REFUSE),
        ((92, 89.9), Level.ACCEPT),
        ((95, 93), Level.SHED),
        ((95, 92.9), Level.REFUSE),
        ((95, 91), Level.REFUSE),
        ((95, 80), Level.ACCEPT),
        ((95, 80, 91), Level.ACCEPT),
    ],
)
def test_each_level_begins_at_its_share_and_ends_two_points_lower(
    percents: tuple[float, ...], level: Level
) -> None:
    assert at(*percents).level is level


@pytest.mark.parametrize("latency", LATENCIES)
def test_everyone_may_start_while_there_is_memory(latency: Latency) -> None:
    assert at(50).refusal(latency) is None


@pytest.mark.parametrize(("latency", "refused"), [("low", False), ("balanced", True), ("high", True)])
def test_those_in_a_hurry_have_a_reserve(latency: Latency, refused: bool) -> None:
    assert (at(93).refusal(latency) is not None) is refused


@pytest.mark.parametrize("latency", LATENCIES)
def test_nobody_may_start_while_sessions_are_shed(latency: Latency) -> None:
    refused = at(96).refusal(latency)
    assert refused is not None
    assert refused.refusal is Refusal.RELAY_FULL
    assert refused.retry_after == 5


def test_what_has_to_go_is_what_is_beyond_the_point_of_refusing() -> None:
    assert excess(960, 1000) == pytest.approx(40)


def test_the_fullest_go_first_and_no_more_of_them_than_it_takes() -> None:
    loads = [load("a", 2 * MIB), load("b", 4 * MIB), load("c", 3 * MIB)]
    assert victims(loads, 5 * MIB) == ("b", "c")


def test_the_patient_go_before_anyone_fuller_and_those_in_a_hurry_go_last() -> None:
    loads = [load("low", 9 * MIB, "low"), load("balanced", 4 * MIB), load("high", MIB, "high")]
    assert victims(loads, MIB // 2) == ("high",)
    assert victims(loads, 3 * MIB) == ("high", "balanced")
    assert victims(loads, 20 * MIB) == ("high", "balanced", "low")


def test_a_session_that_holds_next_to_nothing_is_left_alone() -> None:
    assert victims([load("a", SMALL), load("b", SMALL + 1)], 100 * MIB) == ("b",)
    assert victims([load("a", MIB)], 0) == ()


@given(
    st.lists(st.tuples(st.integers(0, 4 * MIB), st.sampled_from(LATENCIES)), max_size=30),
    st.integers(0, 64 * MIB),
)
def test_as_few_go_as_free_enough_or_all_that_hold_something(
    held: list[tuple[int, Latency]], surplus: int
) -> None:
    loads = [load(str(number), unsent, latency) for number, (unsent, latency) in enumerate(held)]
    by_id = {one.session: one.unsent for one in loads}
    gone = victims(loads, surplus)
    freed = [by_id[session] for session in gone]
    assert len(set(gone)) == len(gone)
    assert all(unsent > SMALL for unsent in freed)
    assert sum(freed) >= surplus or len(gone) == sum(one.unsent > SMALL for one in loads)
    assert sum(freed[:-1]) < surplus or not freed
