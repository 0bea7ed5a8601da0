"""`Allowances` in the store: what all workers' sessions of a tenant use together.

    Share --batch--> allowances.lua --told--> Share   at once where a slice or a budget is short, or in a sweep

Rule: no session waits for the store here but one that is about to start (`prepare`), and that one no longer
than two of the store's deadlines. What the store did not answer is sent again as it was.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from itertools import count
from math import inf
from typing import Final, Protocol, Self

from relay.core.allowance import Allowance, minute_burst
from relay.core.leases import FRESH
from relay.core.shares import Batch, Share, Told
from relay.core.tenants import Tenant
from relay.core.words import SECONDS_PER_DAY, Seconds, TenantId
from relay.edge.clock import monotonic, wall
from relay.edge.store.beat import steadily
from relay.edge.store.client import Word
from relay.edge.store.connection import Unavailable
from relay.edge.store.scripts import Script, key

SWEEP_EVERY: Final[Seconds] = 0.25
"""How often it is looked who is due: as often as a limited budget is told."""
AT_ONCE: Final = 4
"""Exchanges under way in a sweep: half of the store's connections, so that a start need not queue for one."""
FORGET_AFTER: Final[Seconds] = 60.0
"""A tenant without sessions is forgotten here, but on a day on which it used something."""
DAYS_KEPT: Final = 2
"""A day's sums, past its end: a batch may come a night late."""
_DEAREST_US: Final = 1e15
"""What one costs where the rate is zero, or as good as: thirty years, which a double still tells to the us."""

EXCHANGE: Final = Script.packaged("allowances")


class Asks(Protocol):
    """Of the store, what is needed here."""

    @property
    def degraded(self) -> bool:
        """See `Store.degraded`."""

    def on_return(self, call: Callable[[], None]) -> None:
        """See `Store.on_return`."""

    async def run(
        self, op: str, script: Script, keys: Sequence[str], args: Sequence[Word] = ()
    ) -> object | Unavailable:
        """See `Store.run`."""


class _Account:
    """One tenant's share here."""

    __slots__ = ("share", "talking", "tenant", "touched_at")

    def __init__(self, tenant: Tenant, share: Share, now: Seconds) -> None:
        self.tenant = tenant.id
        self.share = share
        self.touched_at = now
        self.talking = asyncio.Lock()


class StoreAllowances:
    """`Allowances` for many workers. *workers*: how many there are, or were when the store last said."""

    def __init__(self, store: Asks, workers: Callable[[], int]) -> None:
        self._store = store
        self._workers = workers
        self._worker = secrets.token_hex(8)
        self._numbers = count(1)
        self._accounts: dict[TenantId, _Account] = {}
        self._urgent: set[TenantId] = set()
        self._stirred = asyncio.Event()
        self._returned = asyncio.Event()
        store.on_return(self._returned.set)

    def of(self, tenant: Tenant) -> Allowance:
        """See `Allowances.of`."""
        return self._account(tenant).share

    async def prepare(self, tenant: Tenant) -> None:
        """See `Allowances.prepare`."""
        account, plan = self._account(tenant), tenant.plan
        if min(plan.responses_per_minute, plan.tokens_per_minute, plan.tokens_per_day, plan.usd_per_day) == inf:
            return
        account.share.expect(monotonic())
        async with account.talking:
            if not account.share.fresh(monotonic(), FRESH):
                await self._exchange(account)

    @contextlib.asynccontextmanager
    async def running(self, live: Callable[[], Collection[TenantId]]) -> AsyncIterator[Self]:
        """Keep in touch with the store until the block is left; then tell it all, and give back what is held.

        *live* returns which tenants have sessions here.
        """
        tasks = [
            asyncio.create_task(steadily("sweep", lambda: self._sweeps(live)), name="allowances: sweep"),
            asyncio.create_task(steadily("at once", self._hurries), name="allowances: at once"),
        ]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for account in self._accounts.values():
                account.share.leave()
            now = monotonic()
            # Twice: the first may repeat what was under way.
            for _ in range(2):
                await self._exchange_all([a for a in self._accounts.values() if a.share.due(now, live=False)])

    # --- when to talk -----------------------------------------------------------------------------

    async def _sweeps(self, live: Callable[[], Collection[TenantId]]) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_EVERY):
                    await self._returned.wait()
            self._returned.clear()
            now, here = monotonic(), live()
            await self._exchange_all(
                [a for a in self._accounts.values() if a.share.due(now, live=a.tenant in here)]
            )
            if not self._store.degraded:
                self._forget(now - FORGET_AFTER, here)

    async def _hurries(self) -> None:
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            hurried = [self._accounts[tenant] for tenant in self._urgent if tenant in self._accounts]
            self._urgent.clear()
            await self._exchange_all(hurried)

    async def _exchange_all(self, accounts: Sequence[_Account]) -> None:
        for first in range(0, len(accounts), AT_ONCE):
            await asyncio.gather(*(self._talk(account) for account in accounts[first : first + AT_ONCE]))

    async def _talk(self, account: _Account) -> None:
        async with account.talking:
            await self._exchange(account)

    def _forget(self, before: Seconds, live: Collection[TenantId]) -> None:
        today = int(wall() // SECONDS_PER_DAY)
        for tenant, account in list(self._accounts.items()):
            kept = tenant in live or account.touched_at > before or account.share.used_on(today)
            if not kept and account.share.settled:
                del self._accounts[tenant]

    def _account(self, tenant: Tenant) -> _Account:
        now = monotonic()
        account = self._accounts.get(tenant.id)
        if account is None:

            def stir() -> None:
                self._urgent.add(tenant.id)
                self._stirred.set()

            share = Share(tenant.plan, self._workers(), stir)
            account = self._accounts[tenant.id] = _Account(tenant, share, now)
        account.touched_at = now
        account.share.replan(tenant.plan)
        return account

    # --- talking ----------------------------------------------------------------------------------

    async def _exchange(self, account: _Account) -> None:
        share, now = account.share, monotonic()
        if self._store.degraded:
            share.lost(now, self._workers())
            return
        batch = share.batch(next(self._numbers), now, wall())
        keys = (
            key(account.tenant, "rate", "responses"),
            key(account.tenant, "rate", "tokens"),
            key(account.tenant, "spent", str(batch.day)),
            key(account.tenant, "batch", self._worker),
        )
        answer = await self._store.run("allowances", EXCHANGE, keys, words_of(self._worker, batch, now))
        now = monotonic()
        if isinstance(answer, Unavailable):
            share.lost(now, self._workers())
        else:
            share.settle(read_told(answer, batch), now, self._workers())


def words_of(worker: str, batch: Batch, now: Seconds) -> tuple[Word, ...]:
    """Return the script's arguments for *batch* of *worker*, sent now."""
    responses, cost = batch.responses, _cost_us(batch.responses_per_minute)
    return (
        batch.number,
        (batch.day + 1 + DAYS_KEPT) * SECONDS_PER_DAY,
        batch.tokens,
        batch.own_tokens,
        batch.own_micro_usd,
        batch.known_tokens,
        batch.known_micro_usd,
        worker,
        _cost_us(batch.tokens_per_minute),
        max(0.0, now - batch.since) * 1e6,
        _ahead_us(batch.tokens_per_minute, batch.tokens_room, now - batch.made_at),
        cost,
        minute_burst(batch.responses_per_minute) * cost if cost else 0,
        responses.spent,
        max(0.0, now - responses.since) * 1e6,
        responses.ask,
        _ahead_us(batch.responses_per_minute, batch.responses_room, now - batch.made_at),
        batch.most_ahead * cost,
    )


def _cost_us(limit: float) -> float:
    """Return the microseconds that one of *limit* a minute costs; 0.0 where it is unlimited."""
    return min(60e6 / limit, _DEAREST_US) if limit > 0 else _DEAREST_US


def read_told(answer: object, batch: Batch) -> Told:
    """Read what the script answered to *batch*."""
    assert isinstance(answer, list)
    granted, tokens, micro_usd, responses_ahead, tokens_ahead = map(float, answer)
    return Told(
        granted=int(granted),
        tokens=int(tokens),
        micro_usd=int(micro_usd),
        responses_room=_room(batch.responses_per_minute, responses_ahead),
        tokens_room=_room(batch.tokens_per_minute, tokens_ahead),
    )


def _ahead_us(limit: float, room: float, elapsed: Seconds) -> float:
    """Return for how long the rate is paid for, where it left *room* so many seconds ago."""
    return max(0.0, (minute_burst(limit) - room) * _cost_us(limit) - elapsed * 1e6) if limit < inf else 0.0


def _room(limit: float, ahead_us: float) -> float:
    return minute_burst(limit) - ahead_us / _cost_us(limit) if limit < inf else inf
