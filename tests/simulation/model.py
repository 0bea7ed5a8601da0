"""The store as `allowances.lua` has it, in virtual time: compared with the real one, it stands in for it.

Rule: it knows nothing of how a share decides. It counts, besides, what was charged, for the laws to be checked.
"""

from math import floor, inf
from typing import Final

from relay.core.allowance import minute_burst
from relay.core.shares import Batch, Told
from relay.core.words import Seconds

GRACE: Final[Seconds] = 1.0
"""How long a rate's mark is kept when it has passed."""


class Model:
    """The store of one tenant. *offset* is how far its clock is from the workers'."""

    def __init__(self) -> None:
        self.offset: Seconds = 0.0
        self.charged = 0
        self.flush()

    def flush(self) -> None:
        """Forget everything."""
        self._marks: dict[str, tuple[Seconds, Seconds]] = {}
        self._batches: dict[str, tuple[int, int]] = {}
        self._days: dict[int, dict[str, tuple[int, int]]] = {}
        self._least: dict[int, tuple[int, int]] = {}

    def sums(self, day: int) -> tuple[int, int]:
        """Return the tokens and the money used on *day*."""
        owns = self._days.get(day, {}).values()
        added = sum(tokens for tokens, _ in owns), sum(micro_usd for _, micro_usd in owns)
        return more(added, self._least.get(day, (0, 0)))

    def exchange(self, worker: str, batch: Batch, at: Seconds) -> Told:
        """Do what the script does with *batch* at the workers' time *at*."""
        now = at + self.offset
        number, granted = self._batches.get(worker, (0, 0))
        fresh = batch.number not in {0, number}
        if batch.number == 0 or fresh:
            granted = 0
        responses_ahead = 0.0
        if batch.responses_per_minute < inf:
            cost, asked = 60 / batch.responses_per_minute, batch.responses
            mark = self._mark(
                "responses", batch.responses_per_minute, batch.responses_room, at - batch.made_at, now
            )
            if fresh:
                mark = charge(mark, asked.spent, now - (at - asked.since), cost)
                if asked.ask < 0:
                    mark += asked.ask * cost
                elif asked.ask > 0:
                    slack = minute_burst(batch.responses_per_minute) * cost
                    start = max(mark, now)
                    granted = max(0, min(asked.ask, floor((now + slack - start) / cost + 0.001)))
                    mark = start + granted * cost if granted else mark
                self.charged += asked.spent + granted + min(0, asked.ask)
                mark = min(mark, now + batch.most_ahead * cost)
                self._marks["responses"] = mark, now
            responses_ahead = max(0.0, mark - now)
        tokens_ahead = 0.0
        if batch.tokens_per_minute < inf:
            cost = 60 / batch.tokens_per_minute
            mark = self._mark("tokens", batch.tokens_per_minute, batch.tokens_room, at - batch.made_at, now)
            if fresh and batch.tokens > 0:
                mark = charge(mark, batch.tokens, now - (at - batch.since), cost)
                self._marks["tokens"] = mark, now
            tokens_ahead = max(0.0, mark - now)
        return self._told(worker, batch, fresh, granted, responses_ahead, tokens_ahead)

    def _told(
        self,
        worker: str,
        batch: Batch,
        fresh: bool,
        granted: int,
        responses_ahead: Seconds,
        tokens_ahead: Seconds,
    ) -> Told:
        if fresh:
            self._batches[worker] = batch.number, granted
        owns = self._days.setdefault(batch.day, {})
        owns[worker] = more(owns.get(worker, (0, 0)), (batch.own_tokens, batch.own_micro_usd))
        known = batch.known_tokens, batch.known_micro_usd
        self._least[batch.day] = more(self._least.get(batch.day, (0, 0)), known)
        tokens, micro_usd = self.sums(batch.day)
        return Told(
            granted=granted,
            tokens=tokens,
            micro_usd=micro_usd,
            responses_room=left(batch.responses_per_minute, responses_ahead),
            tokens_room=left(batch.tokens_per_minute, tokens_ahead),
        )

    def _mark(self, rate: str, limit: float, room: float, elapsed: Seconds, now: Seconds) -> Seconds:
        mark, made = self._marks.get(rate, (-inf, -inf))
        if max(mark, made) + GRACE <= now:
            return now + max(0.0, (minute_burst(limit) - room) * 60 / limit - elapsed)
        return mark - max(0.0, made - now)


def charge(mark: Seconds, amount: int, since: Seconds, cost: Seconds) -> Seconds:
    """Charge *amount* as if it had been told when it was spent."""
    return max(mark, since) + amount * cost if amount > 0 else mark


def more(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """Return the larger of each."""
    return max(one[0], other[0]), max(one[1], other[1])


def left(limit: float, ahead: Seconds) -> float:
    """Return the room that a rate has which is paid for so far ahead."""
    return minute_burst(limit) - ahead * limit / 60 if limit < inf else inf
