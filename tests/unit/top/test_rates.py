"""How fast things go, from two looks."""

from relay.top.rates import between
from tests.unit.top.looks import session, snapshot


def test_rates_are_what_happened_by_the_relays_own_clock() -> None:
    before = snapshot(10.0, 100, [session("a", 10)], refusals={"not_allowed": 3})
    after = snapshot(12.0, 160, [session("a", 30), session("b", 5)], refusals={"not_allowed": 4, "draining": 1})
    rates = between(before, after)
    assert rates is not None
    assert (rates.whole.events_up, rates.whole.events_down) == (30, 60)
    assert (rates.whole.bytes_up, rates.whole.bytes_down) == (30_000, 60_000)
    assert (round(rates.whole.audio_up, 6), round(rates.whole.audio_down, 6)) == (3.0, 1.5)
    assert set(rates.sessions) == {"a"}  # of the other one there is no earlier look
    assert rates.sessions["a"].events_up == 10
    assert rates.refusals == {"not_allowed": 30.0, "draining": 30.0}


def test_there_are_none_at_the_first_look_and_after_a_restart() -> None:
    assert between(None, snapshot(10.0)) is None
    assert between(snapshot(10.0), snapshot(3.0)) is None
    assert between(snapshot(10.0), snapshot(10.0)) is None


def test_a_sum_that_stepped_back_is_no_negative_rate() -> None:
    rates = between(snapshot(10.0, 100, refusals={"draining": 4}), snapshot(12.0, 90, refusals={"draining": 1}))
    assert rates is not None
    assert rates.whole.events_up == 0
    assert rates.refusals == {}
