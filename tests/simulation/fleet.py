"""Workers that share a tenant's allowance, on a clock and a network of the test's making.

    seed --> who asks how much, when the store is away, slow, flushed, set to another hour, when a worker dies
         --> the laws, looked at in every step and at the end

Rule: everything random comes from the seed, so that a failure is had again by its number. Shares, breakers and
the store may be replaced by ones with a planted bug, and nothing else is.
"""

import random
from collections.abc import Iterator
from itertools import count
from typing import Final

from relay.core.allowance import minute_burst
from relay.core.breaker import FAILURES
from relay.core.leases import SHARE
from relay.core.shares import Told
from relay.core.tenants import Plan
from relay.core.words import SECONDS_PER_DAY, Seconds, UnixSeconds
from tests.simulation.parts import SOUND, Demand, Parts, Worker

STEP: Final[Seconds] = 0.025
CHAOS: Final[Seconds] = 6.0
"""Troubles end here."""
EXACT_AFTER: Final[Seconds] = 5.0
"""And all is exact again so much later."""
END: Final[Seconds] = CHAOS + EXACT_AFTER + 3.0
TIMEOUT: Final[Seconds] = 0.05
SWEEP: Final[Seconds] = 0.25
EXCESS: Final = 0.1
"""Of the burst: what workers may give too much, all told, while they cannot know of each other."""
FORGOTTEN: Final = 0.25
"""The same, where the store forgot the rate, and heard of it from a worker that did not know the last of it."""
MOST_OFFERED: Final = 400.0
"""A second: enough to use up the largest limit, few enough for ten thousand seeds."""
HEARD_WITHIN: Final[Seconds] = 1.0 + 4 * STEP
"""What was spent on one worker is known to all: a poll, a push and the steps they wait for."""


class BrokenLawError(AssertionError):
    """A law did not hold."""


class World:
    """One seed's fleet, run by `run`."""

    def __init__(self, seed: int, parts: Parts) -> None:
        self.dice = dice = random.Random(seed)
        self.parts = parts
        self.size = dice.choice((1, 2, 3, 4))
        self.calm = dice.random() < 0.3
        limit = dice.choice((6.0, 60.0, 600.0, 1200.0))
        self.budget = dice.choice((0, 0, 300, 3000))
        self.plan = Plan(
            name="p",
            responses_per_minute=limit,
            tokens_per_day=self.budget or float("inf"),
            usd_per_day=float("inf"),
        )
        self.rate, self.burst = limit / 60, minute_burst(limit)
        self.store = parts.store()
        self.numbers = count(1)
        self.names = count(1)
        offered = min(
            MOST_OFFERED, self.rate * dice.choice((0.2, 1.0, 10.0)) + dice.choice((0.0, self.burst / 2))
        )
        self.overload = offered >= 3 * self.rate + self.burst / END
        self.offered = offered
        self.workers = [self._worker() for _ in range(self.size)]
        # Midnight comes in the middle of things, once in a while.
        self.epoch: UnixSeconds = 20_000.0 * SECONDS_PER_DAY - (
            dice.choice((3.0, CHAOS + 1.0)) if seed % 4 == 0 else -9.0
        )
        self.now: Seconds = 0.0
        self.troubles = sorted(self._troubles())
        self.down_until: Seconds = -1.0
        self.well_since: Seconds = 0.0
        self.loss = 0.0 if self.calm else dice.choice((0.0, 0.05, 0.3))
        self.crashed = self.flushed = False
        self.admitted = 0
        self.level = 0.0
        self.late = 0
        self.used: dict[int, int] = {}
        self.spent_since: dict[int, Seconds] = {}

    def _worker(self) -> Worker:
        part = self.dice.choice((0.0, 1.0, 1.0)) if self.size > 1 else 1.0
        debits = self.dice.choice((0.0, 8.0, 8.0)) if self.size > 1 else 8.0
        demand = Demand(self.offered / self.size * part, debits, self.dice.choice((1, 20)))
        return Worker(self.parts, self.plan, self.size, f"w{next(self.names)}", demand)

    def _troubles(self) -> Iterator[tuple[Seconds, str]]:
        if self.calm:
            return
        for _ in range(self.dice.choice((1, 2))):
            kind = self.dice.choice(("down", "down", "flush", "jump", "crash"))
            yield self.dice.uniform(0.5, CHAOS - 2.5), kind

    # --- time passes ------------------------------------------------------------------------------

    def run(self) -> None:
        """Play the seed. Raises `BrokenLawError`."""
        steps = round(END / STEP)
        for number in range(steps):
            self.now = number * STEP
            self._trouble()
            for worker in self.workers:
                self._land(worker)
                if worker.ready:
                    self._use(worker)
                self._talk(worker, sweep=number % 10 == 0)
            self._check()
        self._stop()

    def _trouble(self) -> None:
        while self.troubles and self.troubles[0][0] <= self.now:
            _, kind = self.troubles.pop(0)
            if kind == "down":
                self.down_until = self.now + self.dice.uniform(0.2, 2.0)
                for worker in self.workers:
                    worker.refused_calls = 0
            elif kind == "flush":
                self.store.flush()
                self.flushed = True
            elif kind == "jump":
                self.store.offset += self.dice.choice((-3600.0, 3600.0))
                self.flushed = True  # set forward, the rate's key expires at once
            else:
                self._crash()
        if self.now > CHAOS:
            self.loss = 0.0

    def _crash(self) -> None:
        self.crashed = True
        victim = self.dice.randrange(self.size)
        self.workers[victim] = self._worker()

    @property
    def down(self) -> bool:
        """Whether the store is away."""
        return self.now < self.down_until

    # --- what workers do --------------------------------------------------------------------------

    def _use(self, worker: Worker) -> None:
        wall, demand = self.now + self.epoch, worker.demand
        for _ in range(int(demand.responses * STEP + self.dice.random())):
            if worker.share.take_response(self.now, wall) is None:
                self.admitted += 1
                self.level += 1
                self.late += self.now > CHAOS + EXACT_AFTER
        if self.budget and self.dice.random() < demand.debits * STEP:
            day = int(wall // SECONDS_PER_DAY)
            worker.share.debit(demand.tokens, 0, self.now, wall)
            self.used[day] = self.used.get(day, 0) + demand.tokens
            if self.used[day] >= self.budget:
                self.spent_since.setdefault(day, self.now)

    def _talk(self, worker: Worker, *, sweep: bool) -> None:
        if worker.flight is not None:
            return
        if not worker.breaker.closed:
            self._probe(worker)
            return
        if not (worker.stirred or not worker.ready or (sweep and worker.share.due(self.now, live=True))):
            return
        worker.stirred = False
        if not worker.ready:
            worker.share.expect(self.now)
        batch = worker.share.batch(next(self.numbers), self.now, self.now + self.epoch)
        told: Told | None = None
        if self.down:
            worker.refused_calls += 1
        elif self.dice.random() >= self.loss / 2:  # it came to the store
            told = self.store.exchange(worker.name, batch, self.now)
            if self.dice.random() < self.loss / 2:  # and the answer did not come back
                told = None
        took = TIMEOUT if told is None else self.dice.choice((0.001, 0.001, STEP))
        worker.flight = self.now + took, told

    def _probe(self, worker: Worker) -> None:
        worker.share.lost(self.now, self.size)
        worker.ready = True
        if self.now >= worker.breaker.probe_at:
            worker.refused_calls += 1
            if worker.breaker.probed(not self.down, self.now, self.dice.random()):
                worker.stirred = True

    def _land(self, worker: Worker) -> None:
        if worker.flight is None or worker.flight[0] > self.now:
            return
        (_, told), worker.flight = worker.flight, None
        worker.ready = True
        if told is None:
            worker.share.lost(self.now, self.size)
            worker.breaker.failed(self.now, self.dice.random())
        else:
            worker.breaker.succeeded()
            worker.share.settle(told, self.now, self.size)

    def _stop(self) -> None:
        """All sessions end: what is known is told, and what is held goes back."""
        self.now = END
        for worker in self.workers:
            worker.share.leave()
        for _ in range(20):
            self.now += STEP
            for worker in self.workers:
                self._land(worker)
                if not worker.share.settled:
                    worker.stirred = True
                    self._talk(worker, sweep=False)
        self._settled()

    # --- the laws ---------------------------------------------------------------------------------

    def _check(self) -> None:
        self._law(self.level <= self.most(), f"{self.level:.1f} responses over the rate")
        self.level = max(0.0, self.level - self.rate * STEP)
        for worker in self.workers:
            self._law(worker.refused_calls <= FAILURES + 8, "a store that is away is asked again and again")
        if self.down or self.now < CHAOS:
            self.well_since = self.now
        exact = self.now - self.well_since >= EXACT_AFTER or (self.calm and self.now > 1.0)
        if exact and self.budget:
            self._check_budget()

    def most(self) -> float:
        """Return how far responses may run ahead of the rate."""
        if self.calm:
            return self.burst + max(SHARE * self.burst, self.size) + self.size
        excess = FORGOTTEN if self.flushed else EXCESS
        if self.flushed and self.crashed:
            excess = 1.0  # it may be heard first of a worker that is new, and knows nothing
        return self.burst * (1 + excess + self.crashed / self.size) + 2 * self.size + 1

    def _check_budget(self) -> None:
        wall = self.now + self.epoch
        day = int(wall // SECONDS_PER_DAY)
        if (spent_since := self.spent_since.get(day)) is not None:
            if self.now - spent_since > HEARD_WITHIN and not self.crashed:
                for worker in self.workers:
                    self._law(
                        worker.share.day_refusal(wall) is not None, f"{worker.name}: a spent budget is used"
                    )
        else:
            for worker in self.workers:
                refused = worker.share.day_refusal(wall)
                self._law(refused is None, f"{worker.name}: a budget is refused that is not spent")

    def _settled(self) -> None:
        if not self.crashed:
            self._law(all(worker.share.settled for worker in self.workers), "something is never told")
            # What was charged, not answered, and lost with all the rest, is charged again.
            equal = self.store.charged == self.admitted or self.flushed
            self._law(equal, f"{self.store.charged} charged, {self.admitted} given")
            for day, tokens in self.used.items():
                told = self.store.sums(day)[0]
                over = self.flushed and day < max(self.used)  # of no use to anybody any more
                self._law(told == tokens or over, f"{told} tokens told of {tokens}")
        if (
            self.overload
            and not self.budget
            and not self.crashed
            and any(worker.demand.responses for worker in self.workers)
        ):
            usable = self.rate * (END - CHAOS - EXACT_AFTER)
            self._law(self.late >= 0.95 * usable - self.size - 1, f"only {self.late} of {usable:.0f} are given")

    def _law(self, holds: bool, broken: str) -> None:
        if not holds:
            raise BrokenLawError(f"at {self.now:.3f} s: {broken}")


def play(seed: int, parts: Parts = SOUND) -> None:
    """Play *seed*. Raises `BrokenLawError` where a law does not hold."""
    World(seed, parts).run()


def finds(seeds: range, parts: Parts) -> int | None:
    """Return the first of *seeds* that finds a law broken."""
    for seed in seeds:
        try:
            play(seed, parts)
        except BrokenLawError:
            return seed
    return None
