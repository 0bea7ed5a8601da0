"""What a tenant still has: responses, tokens and money, shared by all of its sessions in one process.

`relay.core.shares` has the part that one worker of many keeps of it.

Rule: budgets are post-paid. A start needs a balance above zero; what was used is debited afterwards, and
may take the balance below zero by one response a session. Days are UTC.
"""

from typing import Protocol

from relay.core.pacing import Pacer
from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Plan
from relay.core.words import SECONDS_PER_DAY, MicroUsd, Seconds, UnixSeconds


class Rate(Protocol):
    """What responses are taken from."""

    def take(self, amount: int, now: Seconds, /) -> Seconds:
        """Give *amount* and return 0.0, or return how long until it could be given."""


class Allowance:
    """One tenant's balances. Sessions ask and debit."""

    __slots__ = ("_day", "_micro_usd", "_plan", "_responses", "_tokens", "_tokens_minute")

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._responses: Rate = per_minute(plan.responses_per_minute)
        self._tokens_minute = per_minute(plan.tokens_per_minute)
        self._day = -1
        self._tokens = 0
        self._micro_usd: MicroUsd = 0

    def replan(self, plan: Plan) -> None:
        """Hold the tenant to *plan* from now on; what was used stays used, where its rate did not change."""
        if plan.responses_per_minute != self._plan.responses_per_minute:
            self._responses = per_minute(plan.responses_per_minute)
        if plan.tokens_per_minute != self._plan.tokens_per_minute:
            self._tokens_minute = per_minute(plan.tokens_per_minute)
        self._plan = plan

    def spent_today(self, wall: UnixSeconds) -> tuple[int, MicroUsd]:
        """Return the tokens and the money used since midnight, UTC."""
        self._turn_day(wall)
        return self._tokens, self._micro_usd

    def day_refusal(self, wall: UnixSeconds) -> Refused | None:
        """Say no where the day's budget is spent."""
        self._turn_day(wall)
        left = SECONDS_PER_DAY - wall % SECONDS_PER_DAY
        if self._tokens >= self._plan.tokens_per_day:
            what = f"budget of {self._plan.tokens_per_day:.0f} tokens a day"
        elif self._micro_usd >= self._plan.micro_usd_per_day:
            what = f"budget of {self._plan.usd_per_day:g} USD a day"
        else:
            return None
        return Refused(
            Refusal.BUDGET_SPENT,
            f"The {what} is spent. It starts anew at 00:00 UTC.",
            retry_after=left,
        )

    def take_response(self, now: Seconds, wall: UnixSeconds) -> Refused | None:
        """Let one response start and charge it to the minute, or say why not."""
        refused = self.day_refusal(wall)
        if refused is not None:
            return refused
        wait = self._tokens_minute.wait(now)
        if wait > 0.0:
            return Refused(
                Refusal.TOKENS_SPENT,
                f"Rate limit reached: {self._plan.tokens_per_minute:.0f} tokens a minute. "
                f"Try again in {wait:.1f} s.",
                retry_after=wait,
            )
        wait = self._responses.take(1, now)
        if wait > 0.0:
            return Refused(
                Refusal.TOO_MANY_RESPONSES,
                f"Rate limit reached: {self._plan.responses_per_minute:.0f} responses a minute. "
                f"Try again in {wait:.1f} s.",
                retry_after=wait,
            )
        return None

    def debit(self, tokens: int, micro_usd: MicroUsd, now: Seconds, wall: UnixSeconds) -> None:
        """Charge what was used."""
        self._turn_day(wall)
        self._tokens += tokens
        self._micro_usd += micro_usd
        self._tokens_minute.spend(tokens, now)

    def _turn_day(self, wall: UnixSeconds) -> None:
        day = int(wall // SECONDS_PER_DAY)
        # A clock that steps back over midnight must not give yesterday's budget a second time.
        if day > self._day:
            self._day, self._tokens, self._micro_usd = day, 0, 0


def minute_burst(limit: float) -> float:
    """Return what a limit a minute lets through at once: all of it, and one at least, for a start."""
    return max(1.0, limit)


def per_minute(limit: float) -> Pacer:
    """Return what holds a flow to *limit* a minute."""
    return Pacer(limit / 60, minute_burst(limit))
