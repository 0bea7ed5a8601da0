"""A worker's slices of a rate that many workers share: leased ahead of demand, spent here without asking.

    take --held--> given            take --none held--> given on credit, while the store's last word leaves room
    asks --> the store --> told     more slices, what the others left, or how long to wait

Rule: whatever is given here is charged to the shared rate once: before, as a slice, or after, as credit, from
the moment at which it was given. So credit delays what comes next, and in the long run the rate is kept to.
While the store is away the rate and its burst are divided by the workers there were.
"""

from math import ceil, exp, floor, inf
from typing import Final

import msgspec

from relay.core.pacing import Pacer
from relay.core.words import Seconds

AHEAD: Final[Seconds] = 0.25
"""Of demand that a slice is to last: a hundred round trips to a store, and little to die with a worker."""
SHARE: Final = 0.05
"""Of the burst: what all workers together may hold in slices. The rest is there for whoever asks first."""
IDLE_AFTER: Final[Seconds] = 5.0
"""Without a taker, slices go back: most pauses are shorter, and the others wait no longer."""
FRESH: Final[Seconds] = 1.0
"""So long the store's word on the room left is good for all of a worker's part; then for `SHARE` at most."""
REST: Final[Seconds] = 0.1
"""Between two askings where the last was not given in full: the rate is used up, asking adds nothing."""
OUTAGE: Final[Seconds] = 1.0
"""Unheard for longer, the store was away for others too, and they have yet to tell what they gave meanwhile."""
REJOIN: Final[Seconds] = 2.25
"""So long after such a return the rate stays divided: the longest rest of a breaker is 2 s, with its jitter."""
DEBT: Final = 0.25
"""Of the burst: the most debt that is kept, beside two of credit for each worker. What was given beyond it, by
workers that died or did not know of each other, is forgiven: a tenant is not to wait for our mistakes."""
RETRY: Final[Seconds] = 0.25
"""Told to whom only a word of the store would help; it comes sooner."""


class Asked(msgspec.Struct, frozen=True):
    """What a worker tells the store of one rate, and asks of it."""

    spent: int
    """On credit, to be charged whatever is left."""
    since: Seconds
    """When the first of it was given, on this worker's clock."""
    ask: int
    """To be leased, as far as there is room; below zero: to be given back."""


NOTHING_ASKED: Final = Asked(0, 0.0, 0)


class Slices:
    """One worker's part in a rate of *rate* a second with *burst* to spare, among *workers*."""

    __slots__ = (
        "_apart",
        "_burst",
        "_flying",
        "_held",
        "_lost_at",
        "_pace",
        "_rate",
        "_rejoin_at",
        "_room",
        "_short",
        "_since",
        "_spent",
        "_taken_at",
        "_told_at",
        "_workers",
    )

    def __init__(self, rate: float, burst: float, workers: int) -> None:
        self._rate = max(rate, _LEAST)
        self._burst = burst
        self._workers = workers
        self._held = 0
        self._spent = 0
        self._since: Seconds = 0.0
        self._flying = NOTHING_ASKED
        self._room = 0.0
        self._told_at: Seconds = -inf
        self._short = False
        self._pace = 0.0
        self._taken_at: Seconds = -inf
        self._apart: Pacer | None = _divided(self._rate, burst, workers)
        self._lost_at: Seconds = inf
        self._rejoin_at: Seconds = inf

    def rerate(self, rate: float, burst: float) -> None:
        """Keep to another rate from now on. What was given under the old one is still told."""
        self._rate, self._burst = max(rate, _LEAST), burst
        # Leased at the old price, and left to expire: at the new one, giving back might be too much.
        self._held = 0
        self._room, self._told_at, self._short = 0.0, -inf, False
        self._apart = _divided(self._rate, burst, self._workers)
        self._lost_at = self._rejoin_at = inf

    @property
    def limited(self) -> bool:
        """Whether there is anything to share."""
        return self._rate < inf

    @property
    def apart(self) -> bool:
        """Whether the store's word is missing, and the rate is divided."""
        return self._apart is not None

    @property
    def held(self) -> int:
        """Leased and not spent."""
        return self._held

    @property
    def most_ahead(self) -> float:
        """How many may be given before their time: the burst, and the debt that is kept."""
        return self._burst * (1 + DEBT) + 2 * self._workers

    @property
    def owes(self) -> bool:
        """Whether something was given on credit, and not told."""
        return self._spent > 0

    # --- whoever spends ---------------------------------------------------------------------------

    def take(self, amount: int, now: Seconds) -> Seconds:
        """Give *amount*, and return 0.0; or give nothing, and return how long to wait."""
        if not self.limited:
            return 0.0
        self.expect(amount, now)
        if self._held >= amount:
            self._held -= amount
            return 0.0
        self._rejoin(now)
        wait = self._apart.take(amount, now) if self._apart is not None else self._lend(amount, now)
        if wait > 0.0:
            return wait
        if not self._spent:
            self._since = now
        self._spent += amount
        return 0.0

    def expect(self, amount: int, now: Seconds) -> None:
        """*amount* is wanted, or will be soon: slices follow."""
        self._pace = self._demand(now) + amount
        self._taken_at = now

    def _lend(self, amount: int, now: Seconds) -> Seconds:
        """Return 0.0 if *amount* may be given on credit, else how long to wait."""
        room = self.room(now)
        if room < amount:
            return (amount - room) / self._rate
        # Each keeps to its part, and to one at least: were all to take theirs at once, there is room for it.
        part = max(amount, floor(room / self._workers))
        if now - self._told_at > FRESH:
            part = min(part, max(amount, floor(self._burst * SHARE)))
        return RETRY if self._spent + self._flying.spent + amount > part else 0.0

    def room(self, now: Seconds) -> float:
        """Return the room there was when the store told of it, and what has been added since."""
        if self._told_at == -inf:
            return self._burst
        return min(self._burst, self._room + self._rate * (now - self._told_at))

    def _demand(self, now: Seconds) -> float:
        """Return how many a second were wanted lately."""
        return self._pace * exp(self._taken_at - now)

    # --- whoever asks the store -------------------------------------------------------------------

    def urgent(self, now: Seconds) -> bool:
        """Return whether asking should not wait for its turn."""
        if not self.limited or (self._short and now < self._told_at + REST):
            return False
        wanted = self._wanted(now)
        return self._spent > 0 or (self._held * 2 <= wanted and wanted > 0 and self.room(now) >= 1)

    def due(self, now: Seconds) -> bool:
        """Return whether there is anything to tell or to ask."""
        return self.urgent(now) or self._spent > 0 or self._held > self._wanted(now)

    def asks(self, now: Seconds) -> Asked:
        """Return what to tell and to ask. It stands, and is to be repeated as it is, until `told`."""
        self._flying = Asked(self._spent, self._since, self._wanted(now) - self._held)
        if self._flying.ask < 0:
            self._held += self._flying.ask
        self._spent = 0
        return self._flying

    def told(self, granted: int, room: float, now: Seconds, workers: int) -> None:
        """The store leased *granted*, and has *room* for more: below zero where there is debt."""
        self._workers = workers
        self._short = granted < self._flying.ask
        self._flying = NOTHING_ASKED
        self._held += granted
        self._room, self._told_at = room, now
        if self._apart is not None and self._rejoin_at == inf:
            away = now - self._lost_at if self._lost_at < inf else 0.0
            self._rejoin_at = now + REJOIN if away > OUTAGE else now
        self._rejoin(now)

    def _rejoin(self, now: Seconds) -> None:
        if self._apart is not None and now >= self._rejoin_at:
            self._apart, self._lost_at, self._rejoin_at = None, inf, inf

    def unheard(self) -> None:
        """The store answered, but to an asking under another rate."""
        self._flying = NOTHING_ASKED

    def gives_back(self) -> None:
        """All that is held is to go back: nobody is here to spend it."""
        self._taken_at = -inf

    def lost(self, now: Seconds, workers: int) -> None:
        """The store does not answer, or its answer is of no use."""
        self._workers = workers
        self._rejoin_at = inf
        if self._apart is None:
            self._lost_at = now
            self._apart = _divided(self._rate, self._burst, workers)
            if not self.limited:
                return
            self._apart.spend((self._burst - self.room(now)) / workers, now)
            self._apart.spend(self._spent + self._flying.spent, now)

    def _wanted(self, now: Seconds) -> int:
        if not self.limited or now - self._taken_at > IDLE_AFTER or self._rejoin_at < inf:
            return 0
        return min(max(1, ceil(self._demand(now) * AHEAD)), self._most())

    def _most(self) -> int:
        """Return the most that one worker may hold: its part of `SHARE`, and one where that is less."""
        return max(1, floor(self._burst * SHARE / self._workers))


def _divided(rate: float, burst: float, workers: int) -> Pacer:
    return Pacer(rate / workers, max(1.0, burst / workers))


_LEAST: Final = 1e-12
"""A second: the rate that zero is taken for, as `Pacer` takes it. Once in 30,000 years."""
