"""A worker's part of a tenant's allowance, where the tenant has sessions on many workers.

    sessions --take, debit--> Share --batch--> the store --told--> Share: what all workers used together

Rule: what is used here counts here at once, and is told in numbered batches. A batch is frozen when it is first
sent and repeated until it is answered, so that the store, which knows the last number of each worker, charges
it once. A day's sums are told as each worker's own, all of it so far: told twice, or to a store that lost them,
they add up to the same.
"""

from collections.abc import Callable
from math import inf
from typing import Final

import msgspec

from relay.core.allowance import Allowance, minute_burst, per_minute
from relay.core.leases import Asked, Slices
from relay.core.pacing import Pacer
from relay.core.refusals import Refused
from relay.core.tenants import Plan
from relay.core.words import MicroUsd, Seconds, UnixSeconds

PUSH_EVERY: Final[Seconds] = 0.25
"""What was used is told so often where a budget is limited: other workers may overspend that much longer."""
POLL_EVERY: Final[Seconds] = 0.7
"""What the others used is asked for so often. Looked at four times a second, that makes 0.75 s; with the way
there and back it is known within one."""
UNHURRIED: Final[Seconds] = 5.0
"""What was used is told so often where nothing depends on it but a sum that may be looked at."""
NEAR: Final = 0.05
"""Of a budget: with less than that left, what is used is told at once."""


class Batch(msgspec.Struct, frozen=True):
    """What a worker tells of one tenant, and asks for, in one go."""

    number: int
    """Rises. 0: nothing is to be charged or leased; it may be repeated."""
    day: int
    """Since 1970, UTC: the one that tokens and money were used in."""
    own_tokens: int
    """Used on that day by this worker, all told. Likewise the next."""
    own_micro_usd: MicroUsd
    known_tokens: int
    """Used on that day by all workers, as this one knows: the truth is never less. Likewise the next."""
    known_micro_usd: MicroUsd
    tokens: int
    """Used since the batch before, to be charged to the minute."""
    since: Seconds
    """When the first of them was used, on this worker's clock."""
    responses: Asked
    responses_per_minute: float
    tokens_per_minute: float
    made_at: Seconds
    responses_room: float
    """Left when this was made, as this worker thinks: for a store that lost it. Likewise the next."""
    tokens_room: float
    most_ahead: float
    """How many responses may be given before their time, debt and all."""


class Told(msgspec.Struct, frozen=True):
    """What the store answers to a batch: the sums of its day over all workers, and what the rates leave."""

    granted: int
    tokens: int
    micro_usd: MicroUsd
    responses_room: float
    """Below zero where there is debt. No matter where the rate is unlimited; likewise the next."""
    tokens_room: float


class _Own:
    """Used on one day by this worker; and how much of it the store was told."""

    __slots__ = ("micro_usd", "tokens", "told_micro_usd", "told_tokens")

    def __init__(self) -> None:
        self.tokens = self.told_tokens = 0
        self.micro_usd: MicroUsd = 0
        self.told_micro_usd: MicroUsd = 0

    @property
    def untold(self) -> bool:
        return self.tokens > self.told_tokens or self.micro_usd > self.told_micro_usd


class Share(Allowance):
    """An allowance kept together with other workers. *stir* is called when the store should hear of it now."""

    __slots__ = (
        "_batch",
        "_known",
        "_own",
        "_slices",
        "_stir",
        "_tokens_room",
        "_told_at",
        "_untold",
        "_untold_since",
        "_workers",
    )

    def __init__(self, plan: Plan, workers: int, stir: Callable[[], None]) -> None:
        super().__init__(plan)
        self._stir = stir
        self._workers = workers
        self._slices = self._responses = _sliced(plan, workers)
        self._tokens_minute = _divided(plan, workers)
        self._batch: Batch | None = None
        self._own: dict[int, _Own] = {}
        self._untold = 0
        self._untold_since: Seconds = 0.0
        self._known = (-1, 0, 0)
        self._tokens_room = 0.0
        self._told_at: Seconds = -inf

    def replan(self, plan: Plan) -> None:
        """See `Allowance.replan`. Until the store is heard, a new rate is divided by the workers."""
        old, self._plan = self._plan, plan
        if plan.responses_per_minute != old.responses_per_minute:
            self._slices.rerate(plan.responses_per_minute / 60, minute_burst(plan.responses_per_minute))
        if plan.tokens_per_minute != old.tokens_per_minute:
            self._tokens_minute = _divided(plan, self._workers)

    # --- what sessions use ------------------------------------------------------------------------

    def take_response(self, now: Seconds, wall: UnixSeconds) -> Refused | None:
        """See `Allowance.take_response`."""
        refused = super().take_response(now, wall)
        if self._slices.urgent(now):
            self._stir()
        return refused

    def debit(self, tokens: int, micro_usd: MicroUsd, now: Seconds, wall: UnixSeconds) -> None:
        """See `Allowance.debit`. While the store is away the others are taken to use as much as this worker."""
        self._turn_day(wall)
        alike = self._workers if self._slices.apart else 1
        self._tokens += tokens * alike
        self._micro_usd += micro_usd * alike
        self._tokens_minute.spend(tokens, now)
        if not self._untold:
            self._untold_since = now
        self._untold += tokens
        own = self._own.get(self._day)
        if own is None:
            own = self._own[self._day] = _Own()
            # No budget asks for a day that is over, but on a clock a little behind: one day more is kept.
            self._own = {day: kept for day, kept in self._own.items() if day >= self._day - 1}
        own.tokens += tokens
        own.micro_usd += micro_usd
        if self._near():
            self._stir()

    def expect(self, now: Seconds) -> None:
        """A session is about to start, and will want a response."""
        if self._slices.limited:
            self._slices.expect(1, now)

    # --- what the store is told -------------------------------------------------------------------

    def used_on(self, day: int) -> bool:
        """Return whether anything was used here on *day*: to be remembered until it is over."""
        return day in self._own

    @property
    def settled(self) -> bool:
        """Whether the store knows all that was used here, and nothing is held of it."""
        return not (self._batch or self._untold or self._slices.held or self._slices.owes or self._untold_day())

    def fresh(self, now: Seconds, within: Seconds) -> bool:
        """Return whether the store was heard within so many seconds."""
        return now - self._told_at <= within

    def due(self, now: Seconds, *, live: bool) -> bool:
        """Return whether the store is to be told or asked now. *live*: the tenant has sessions here."""
        if self._batch is not None or self._slices.due(now):
            return True
        plan, silent = self._plan, now - self._told_at
        limited = min(plan.tokens_per_minute, plan.tokens_per_day, plan.usd_per_day) < inf
        if self._untold or self._untold_day() is not None:
            return silent >= (PUSH_EVERY if limited else UNHURRIED) or self._near() or not live
        return live and limited and silent >= POLL_EVERY

    def batch(self, number: int, now: Seconds, wall: UnixSeconds) -> Batch:
        """Return what to tell now: what was not answered, or else all there is, as *number*."""
        if self._batch is not None:
            return self._batch
        self._turn_day(wall)
        untold = self._untold_day()
        day = self._day if untold is None else untold
        own = self._own.get(day) or _Own()
        asked = self._slices.asks(now)
        told = self._untold > 0 or asked.spent > 0 or asked.ask != 0
        known_day, known_tokens, known_micro_usd = self._known
        self._batch = Batch(
            number=number if told else 0,
            day=day,
            own_tokens=own.tokens,
            own_micro_usd=own.micro_usd,
            known_tokens=(known_tokens if known_day == day else 0) + own.tokens - own.told_tokens,
            known_micro_usd=(known_micro_usd if known_day == day else 0) + own.micro_usd - own.told_micro_usd,
            tokens=self._untold,
            since=self._untold_since,
            responses=asked,
            responses_per_minute=self._plan.responses_per_minute,
            tokens_per_minute=self._plan.tokens_per_minute,
            made_at=now,
            responses_room=self._slices.room(now),
            tokens_room=self._tokens_left(now),
            most_ahead=self._slices.most_ahead,
        )
        self._untold = 0
        return self._batch

    def settle(self, told: Told, now: Seconds, workers: int) -> None:
        """The store answered the batch; *workers* share the rates."""
        batch, self._batch = self._batch, None
        assert batch is not None
        self._told_at, self._workers = now, workers
        if batch.responses_per_minute == self._plan.responses_per_minute:
            self._slices.told(told.granted, told.responses_room, now, workers)
        else:
            self._slices.unheard()
        if batch.tokens_per_minute == self._plan.tokens_per_minute < inf:
            self._tokens_minute = per_minute(self._plan.tokens_per_minute)
            self._tokens_minute.spend(minute_burst(self._plan.tokens_per_minute) - told.tokens_room, now)
            self._tokens_minute.spend(self._untold, now)
            self._tokens_room = told.tokens_room
        own = self._own.get(batch.day) or _Own()
        own.told_tokens, own.told_micro_usd = batch.own_tokens, batch.own_micro_usd
        if batch.day == self._day:
            self._known = (batch.day, told.tokens, told.micro_usd)
            self._tokens = told.tokens + own.tokens - batch.own_tokens
            self._micro_usd = told.micro_usd + own.micro_usd - batch.own_micro_usd

    def lost(self, now: Seconds, workers: int) -> None:
        """The store did not answer. From now on each of *workers* keeps to its part of what was left."""
        self._workers = workers
        limit = self._plan.tokens_per_minute
        if not self._slices.apart and limit < inf:
            left = self._tokens_left(now)
            self._tokens_minute = _divided(self._plan, workers)
            self._tokens_minute.spend((minute_burst(limit) - left) / workers, now)
            self._tokens_minute.spend(self._untold + (self._batch.tokens if self._batch else 0), now)
        self._slices.lost(now, workers)
        if self._batch is not None and self._batch.number == 0:
            self._batch = None  # it told nothing: the next one may tell something
            self._slices.unheard()

    def leave(self) -> None:
        """The tenant has no session here any more: what is held goes back."""
        self._slices.gives_back()

    def _tokens_left(self, now: Seconds) -> float:
        """Return the room there was when the store told of it, and what has been added since."""
        limit = self._plan.tokens_per_minute
        if limit == inf or self._told_at == -inf:
            return minute_burst(limit)
        return min(minute_burst(limit), self._tokens_room + (now - self._told_at) * limit / 60)

    def _untold_day(self) -> int | None:
        return min((day for day, own in self._own.items() if own.untold), default=None)

    def _near(self) -> bool:
        plan = self._plan
        return (
            self._tokens >= (1 - NEAR) * plan.tokens_per_day
            or self._micro_usd >= (1 - NEAR) * plan.micro_usd_per_day
        )


def _sliced(plan: Plan, workers: int) -> Slices:
    limit = plan.responses_per_minute
    return Slices(limit / 60, minute_burst(limit), workers)


def _divided(plan: Plan, workers: int) -> Pacer:
    limit = plan.tokens_per_minute / workers
    return Pacer(limit / 60, minute_burst(limit))
