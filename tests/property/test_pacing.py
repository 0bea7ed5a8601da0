"""A rate in one number does what a log of everything that passed would do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.core.pacing import Pacer

rates = st.floats(0.01, 1e6)
bursts = st.floats(0, 1e6)
amounts = st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 100)), min_size=1, max_size=40)
"""How much each time, and how long after the last."""

shares = st.lists(
    st.tuples(st.sampled_from([0.1, 0.4, 1.0, 1.1]), st.sampled_from([0.0, 0.1, 1.0])), max_size=30
)
"""The same, as shares of the burst and of the time in which it comes back."""


class LeakyBucket:
    """The same law in plain words: a bucket of *burst*, filled by what passes, drained at *rate*."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst, self.level, self.now = rate, burst, 0.0, 0.0

    def drain(self, now: float) -> None:
        self.level = max(0.0, self.level - self.rate * (now - self.now))
        self.now = now

    def wait(self) -> float:
        return max(0.0, (self.level - self.burst) / self.rate)


def close_to(value: float, rate: float) -> object:
    return pytest.approx(value, rel=1e-6, abs=1e-6 + 1e-3 / rate)


@given(rates, bursts, amounts)
def test_spending_waits_as_long_as_a_leaky_bucket_takes_to_drain(
    rate: float, burst: float, passed: list[tuple[float, float]]
) -> None:
    pacer, bucket, now = Pacer(rate, burst), LeakyBucket(rate, burst), 0.0
    for amount, later in passed:
        now += later
        bucket.drain(now)
        assert pacer.wait(now) == close_to(bucket.wait(), rate)
        bucket.level += amount
        assert pacer.spend(amount, now) == close_to(bucket.wait(), rate)


@given(rates, bursts, amounts)
def test_whoever_obeys_the_wait_keeps_to_the_rate(
    rate: float, burst: float, passed: list[tuple[float, float]]
) -> None:
    pacer, now, total = Pacer(rate, burst), 0.0, 0.0
    for amount, later in passed:
        now += later
        total += amount
        now += pacer.spend(amount, now)
        assert total <= (rate * now + burst) * (1 + 1e-6) + 1e-3


@given(rates, bursts, shares)
def test_no_window_of_time_is_given_more_than_its_rate_and_the_burst(
    rate: float, burst: float, asked: list[tuple[float, float]]
) -> None:
    pacer, now = Pacer(rate, burst), 0.0
    given_at: list[tuple[float, float]] = []
    for share, later in asked:
        now += later * burst / rate
        amount = share * burst
        if pacer.take(amount, now) == 0:
            given_at.append((now, amount))
        for start, _ in given_at:
            passed = sum(amount for at, amount in given_at if at >= start)
            assert passed <= (rate * (now - start) + burst) * (1 + 1e-6) + 1e-6 * rate


@given(rates, bursts, amounts)
def test_what_was_not_given_is_given_after_the_wait_if_it_ever_can_be(
    rate: float, burst: float, asked: list[tuple[float, float]]
) -> None:
    pacer, now = Pacer(rate, burst), 0.0
    for amount, later in asked:
        now += later
        wait = pacer.take(amount, now)
        if wait and amount <= burst:
            now += wait * (1 + 1e-9) + 1e-9
            assert pacer.take(amount, now) == 0


@given(rates, bursts, amounts, st.floats(0, 1e5))
def test_giving_back_undoes_a_spending(
    rate: float, burst: float, passed: list[tuple[float, float]], amount: float
) -> None:
    pacer, twin, now = Pacer(rate, burst), Pacer(rate, burst), 0.0
    for spent, later in passed:
        now += later
        pacer.spend(spent, now)
        twin.spend(spent, now)
    pacer.spend(amount, now)
    pacer.give_back(amount)
    assert pacer.wait(now) == close_to(twin.wait(now), rate)
    assert pacer.spend(1, now) == close_to(twin.spend(1, now), rate)
