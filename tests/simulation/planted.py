"""Bugs planted one at a time: each is what somebody might have written, and each must be found by a law.

Rule: a bug is a subclass that gets one thing wrong.
"""

from typing import Final

import msgspec

from relay.core.allowance import minute_burst
from relay.core.breaker import Breaker
from relay.core.leases import Asked, Slices
from relay.core.shares import Batch, Share, Told
from relay.core.tenants import Plan
from relay.core.words import Seconds, UnixSeconds
from tests.simulation.model import Model
from tests.simulation.parts import Parts


def sharing(slices: type[Slices]) -> Parts:
    """Return a fleet whose shares have *slices*."""

    class Planted(Share):
        def __init__(self, plan: Plan, *more: object) -> None:
            super().__init__(plan, *more)  # type: ignore[arg-type]  # passed on as they came
            limit = plan.responses_per_minute
            self._slices = self._responses = slices(limit / 60, minute_burst(limit), self._workers)

    return Parts(share=Planted)


class ForgetsCredit(Slices):
    def asks(self, now: Seconds) -> Asked:
        self._spent = 0
        return super().asks(now)


class SpendsWhatItGaveBack(Slices):
    def asks(self, now: Seconds) -> Asked:
        held = self._held
        asked = super().asks(now)
        self._held = held
        return asked


class LendsWithoutEnd(Slices):
    def _lend(self, amount: int, now: Seconds) -> Seconds:
        return 0.0


class DividesByNobody(Slices):
    def lost(self, now: Seconds, workers: int) -> None:
        super().lost(now, 1)


class RejoinsAtOnce(Slices):
    def told(self, granted: int, room: float, now: Seconds, workers: int) -> None:
        self._lost_at = now
        super().told(granted, room, now, workers)


class StaysApart(Slices):
    def _rejoin(self, now: Seconds) -> None:
        if self._lost_at > now:
            super()._rejoin(now)


class Hoards(Slices):
    def _most(self) -> int:
        return max(1, int(self._burst / self._workers))

    def _wanted(self, now: Seconds) -> int:
        return self._most()


class CountsItsGrantTwice(Slices):
    def told(self, granted: int, room: float, now: Seconds, workers: int) -> None:
        super().told(2 * granted, room, now, workers)


class NumbersARepeatAnew(Share):
    def batch(self, number: int, now: Seconds, wall: UnixSeconds) -> Batch:
        if self._batch is not None:
            self._batch = msgspec.structs.replace(self._batch, number=number)
        return super().batch(number, now, wall)


class DropsWhatWasNotAnswered(Share):
    def lost(self, now: Seconds, workers: int) -> None:
        super().lost(now, workers)
        self._batch = None
        self._slices.unheard()


class NeverAsksForTheOthers(Share):
    def due(self, now: Seconds, *, live: bool) -> bool:
        return super().due(now, live=False)


class TellsOnlyTheLast(Share):
    def settle(self, told: Told, now: Seconds, workers: int) -> None:
        super().settle(told, now, workers)
        for own in self._own.values():
            own.tokens -= own.told_tokens
            own.told_tokens = 0


class LivesInYesterday(Share):
    def _turn_day(self, wall: UnixSeconds) -> None:
        if self._day < 0:
            super()._turn_day(wall)


class CountsForTheOthersToo(Share):
    def settle(self, told: Told, now: Seconds, workers: int) -> None:
        super().settle(msgspec.structs.replace(told, tokens=told.tokens * workers), now, workers)


class BelievesTheStore(Share):
    def batch(self, number: int, now: Seconds, wall: UnixSeconds) -> Batch:
        return msgspec.structs.replace(super().batch(number, now, wall), responses_room=1e9)


class ChargesARepeat(Model):
    def exchange(self, worker: str, batch: Batch, at: Seconds) -> Told:
        self._batches.clear()
        return super().exchange(worker, batch, at)


class KeepsItsClocksMarks(Model):
    def _mark(self, rate: str, limit: float, room: float, elapsed: Seconds, now: Seconds) -> Seconds:
        mark, _ = self._marks.get(rate, (now, now))
        return mark


class ForgivesDebt(Model):
    def exchange(self, worker: str, batch: Batch, at: Seconds) -> Told:
        return super().exchange(worker, msgspec.structs.replace(batch, most_ahead=0.0), at)


class NeverCloses(Breaker):
    def probed(self, answered: bool, now: Seconds, draw: float) -> bool:
        return super().probed(False, now, draw)


class NeverOpens(Breaker):
    def failed(self, now: Seconds, draw: float) -> bool:
        return False


class NeverRests(Breaker):
    def _rest_for(self, rest: Seconds, now: Seconds, draw: float) -> None:
        super()._rest_for(1e-6, now, draw)


PLANTED: Final[dict[str, Parts]] = {
    **{
        slices.__name__: sharing(slices)
        for slices in (
            ForgetsCredit,
            SpendsWhatItGaveBack,
            LendsWithoutEnd,
            DividesByNobody,
            RejoinsAtOnce,
            StaysApart,
            Hoards,
            CountsItsGrantTwice,
        )
    },
    **{
        share.__name__: Parts(share=share)
        for share in (
            NumbersARepeatAnew,
            DropsWhatWasNotAnswered,
            NeverAsksForTheOthers,
            TellsOnlyTheLast,
            LivesInYesterday,
            CountsForTheOthersToo,
            BelievesTheStore,
        )
    },
    **{store.__name__: Parts(store=store) for store in (ChargesARepeat, KeepsItsClocksMarks, ForgivesDebt)},
    **{breaker.__name__: Parts(breaker=breaker) for breaker in (NeverCloses, NeverOpens, NeverRests)},
}
