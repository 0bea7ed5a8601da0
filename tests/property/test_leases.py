"""Workers that share a rate through a store that answers give what one rate would give, and slices more."""

import random
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from relay.core.allowance import minute_burst
from relay.core.leases import SHARE
from relay.core.pacing import Pacer
from relay.core.shares import Share
from relay.core.tenants import Plan
from tests.simulation.model import Model

limits = st.sampled_from([1.0, 6.0, 60.0, 120.0, 6000.0])
moves = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.001, 0.01, 0.3, 1.0, 7.0])), max_size=120)
"""Which worker is asked for a response, and how long after the one before."""


class Workers:
    """Shares of one tenant, and the store that they tell at once of all that is urgent or due."""

    def __init__(self, limit: float, size: int) -> None:
        self.store, self.numbers, self.now = Model(), count(1), 0.0
        plan = Plan(name="p", responses_per_minute=limit)
        self.shares = [Share(plan, size, lambda: None) for _ in range(size)]
        for number in range(size):
            self.tell(number)

    def tell(self, number: int) -> None:
        share = self.shares[number]
        batch = share.batch(next(self.numbers), self.now, self.now)
        share.settle(self.store.exchange(str(number), batch, self.now), self.now, len(self.shares))

    def take(self, number: int) -> bool:
        taken = self.shares[number].take_response(self.now, self.now) is None
        for other, share in enumerate(self.shares):
            if share.due(self.now, live=True):
                self.tell(other)
        return taken


def one_worker_against_the_rate(limit: float, gaps: list[float]) -> None:
    """Law: alone, nothing is refused that the rate allows, and no more given than that and a slice."""
    workers, rate, burst = Workers(limit, 1), limit / 60, minute_burst(limit)
    exact = Pacer(rate, burst)
    ahead = Pacer(rate, burst + max(1.0, SHARE * burst))
    for gap in gaps:
        workers.now += gap
        if workers.take(0):
            exact.spend(1, workers.now)
            assert ahead.spend(1, workers.now) <= 1e-6
        else:
            assert exact.take(1, workers.now) > 0.0


@given(limits, st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.3, 1.0, 7.0]), max_size=200))
def test_one_worker_gives_what_the_rate_gives(limit: float, gaps: list[float]) -> None:
    one_worker_against_the_rate(limit, gaps)


def test_one_worker_gives_what_the_rate_gives_over_a_hundred_thousand_steps() -> None:
    dice = random.Random(1)
    one_worker_against_the_rate(600.0, [dice.expovariate(20.0) for _ in range(100_000)])


@given(limits, st.integers(1, 4), moves)
def test_workers_together_give_the_rate_and_a_slice_and_a_credit_each(
    limit: float, size: int, moves: list[tuple[int, float]]
) -> None:
    workers, burst = Workers(limit, size), minute_burst(limit)
    together = Pacer(limit / 60, burst + max(size, SHARE * burst) + size)
    for number, gap in moves:
        workers.now += gap
        if workers.take(number % size):
            assert together.spend(1, workers.now) <= 1e-6


@given(limits, st.integers(1, 4), moves)
def test_whatever_is_given_is_charged_once(limit: float, size: int, moves: list[tuple[int, float]]) -> None:
    workers, given = Workers(limit, size), 0
    for number, gap in moves:
        workers.now += gap
        given += workers.take(number % size)
    for number, share in enumerate(workers.shares):
        share.leave()
        workers.tell(number)
        assert share.settled
    assert workers.store.charged == given
