"""The home of `Permits` in a store: leases, renewed while their sessions live.

    {tenant}:sessions       ZSET: session -> when its lease ends, by the server's clock
    {tenant}:starts         when all starts so far are paid for (GCRA)
    {tenant}:name:<name>    the session that bears the name, for as long as a lease

A process that dies renews nothing, and what it held is free after one lease. What was given out while the store
was away, or forgotten by it, is written back by the next beat, which comes at once when the store returns.

Rule: each taking and giving back is one script. A session that was let in is never ended for the store's sake.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from enum import IntEnum
from typing import Final, Self

import msgspec

from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Tenant
from relay.core.words import Seconds, SessionId, SessionName, TenantId
from relay.edge.clock import monotonic
from relay.edge.embedded import WHEN_FULL
from relay.edge.store.beat import LEASE, beating
from relay.edge.store.connection import Store, Unavailable
from relay.edge.store.local_permits import Here
from relay.edge.store.scripts import Script, key
from relay.edge.store.workers import Workers
from relay.ports import Permit

BATCH: Final = 256
"""Sessions renewed by one script, which keeps the server from others for some 0.2 ms."""
WHEN_AWAY: Final[Seconds] = 2.0
"""Told as `Retry-After` while the store is away: as long as it is left alone at the most."""
_LEASE_MS: Final = round(LEASE * 1000)
_MOST: Final = 1 << 50
"""What "unlimited" is told as, and microseconds that are ages: sums of it are still exact in Lua's doubles."""
_TAKE: Final = Script.packaged("take")
_RENEW: Final = Script.packaged("renew")
_GIVE_BACK: Final = Script.packaged("give_back")


class _Verdict(IntEnum):
    """As `take.lua` numbers them."""

    GIVEN = 0
    CONFLICT = 1
    FULL = 2
    TOO_FAST = 3


class StorePermits:
    """`Permits` for all processes that share *store*."""

    def __init__(self, store: Store, workers: Workers) -> None:
        self._store = store
        self._workers = workers
        self._here: dict[TenantId, Here] = {}
        self._owed: dict[SessionId, tuple[Permit, Seconds]] = {}
        """To be given back, and when their leases have ended anyway."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Renew the leases of what is held until the block is left."""
        async with beating(self._store, "permits' beat", self.beat):
            yield self

    async def take(self, tenant: Tenant, session: SessionId, name: SessionName | None) -> Permit | Refused:
        """See `Permits.take`."""
        permit, may_hold = Permit(tenant.id, session, name), not self._store.degraded
        try:
            answer = await self._store.run(
                "permit_take", _TAKE, _keys(permit, "starts"), _terms(tenant, session)
            )
            here = self._here.setdefault(tenant.id, Here())
            if isinstance(answer, Unavailable):
                refused = self._take_here(here, tenant, session, name)
            else:
                verdict, wait, fleet, unpaid = msgspec.convert(answer, tuple[int, int, int, int])
                refused = _refused(tenant, name, _Verdict(verdict), wait / 1e6)
                may_hold = refused is None
                if may_hold:
                    here.sessions[session] = name
                here.learn(fleet, monotonic(), unpaid / 1e6)
        finally:
            # Where the store may believe that it is held, and it is not, it goes back: no one else would do so.
            if may_hold and not self._holds(permit):
                self._owe(permit)
        if refused is not None:
            return refused
        self._owed.pop(session, None)
        return permit

    async def holder(self, tenant: TenantId, name: SessionName) -> SessionId | None:
        """See `Permits.holder`. While the store is away: of this process' sessions."""
        answer = await self._store.command("permit_holder", "GET", _name(tenant, name))
        if isinstance(answer, bytes):
            return SessionId(answer.decode())
        if answer is None:
            return None
        here = self._here.get(tenant)
        return here.holder(name) if here is not None else None

    async def give_back(self, permit: Permit) -> None:
        """See `Permits.give_back`."""
        here = self._here.get(permit.tenant)
        if here is not None:
            here.sessions.pop(permit.session, None)
        await self._give_back(permit)

    async def beat(self) -> bool:
        """Renew every lease, and give back what could not be. Return whether the store took all of it."""
        now, done = monotonic(), True
        self._owed = {session: owed for session, owed in self._owed.items() if now < owed[1]}
        for session, (permit, _) in list(self._owed.items()):
            if await self._return(permit):
                self._owed.pop(session, None)
            elif self._store.degraded:
                return False
            else:
                done = False  # a shard of several may be away: the others' leases are renewed all the same
        for tenant, here in list(self._here.items()):
            if here.idle:
                del self._here[tenant]
            for batch in _batches(tuple(here.sessions.items())):
                if await self._renew(tenant, here, batch):
                    continue
                if self._store.degraded:
                    return False
                done = False
        return done

    async def _renew(
        self, tenant: TenantId, here: Here, batch: Sequence[tuple[SessionId, SessionName | None]]
    ) -> bool:
        named = [(session, name) for session, name in batch if name is not None]
        answer = await self._store.run(
            "permit_renew",
            _RENEW,
            (key(tenant, "sessions"), *(_name(tenant, name) for _, name in named)),
            (_LEASE_MS, len(batch), *(session for session, _ in batch), *(session for session, _ in named)),
        )
        if not isinstance(answer, int):
            return False
        here.learn(answer, monotonic())
        for session, name in batch:
            if session not in here.sessions:  # it ended meanwhile, and was given back before it was renewed
                await self._give_back(Permit(tenant, session, name))
        return True

    async def _give_back(self, permit: Permit) -> None:
        if not await self._return(permit):
            self._owe(permit)

    async def _return(self, permit: Permit) -> bool:
        answer = await self._store.run("permit_give_back", _GIVE_BACK, _keys(permit), (permit.session,))
        return not isinstance(answer, Unavailable)

    def _holds(self, permit: Permit) -> bool:
        here = self._here.get(permit.tenant)
        return here is not None and permit.session in here.sessions

    def _owe(self, permit: Permit) -> None:
        self._owed.setdefault(permit.session, (permit, monotonic() + LEASE))

    def _take_here(
        self, here: Here, tenant: Tenant, session: SessionId, name: SessionName | None
    ) -> Refused | None:
        """Go by what is known in this process, as the plan says."""
        workers = self._workers.count
        if tenant.plan.store_down == "refuse":
            return Refused(
                Refusal.RELAY_FULL,
                "The relay cannot tell how many sessions are open: its store does not answer.",
                retry_after=WHEN_AWAY,
            )
        if name is not None and (here.holder(name) or session) != session:
            return _refused(tenant, name, _Verdict.CONFLICT, 0.0)
        if session not in here.sessions:
            if here.full(tenant.plan, workers):
                return _refused(tenant, name, _Verdict.FULL, 0.0)
            wait = here.start(tenant.plan, workers, monotonic())
            if wait > 0.0:
                return _refused(tenant, name, _Verdict.TOO_FAST, wait)
        here.sessions[session] = name
        return None


def _name(tenant: TenantId, name: SessionName) -> str:
    return key(tenant, "name", name)


def _keys(permit: Permit, *more: str) -> tuple[str, ...]:
    keys = [key(permit.tenant, part) for part in ("sessions", *more)]
    if permit.name is not None:
        keys.append(_name(permit.tenant, permit.name))
    return tuple(keys)


def _terms(tenant: Tenant, session: SessionId) -> tuple[SessionId, int, int, int, int]:
    """Return what `take.lua` is told of the plan."""
    rate = tenant.plan.session_starts_per_minute
    cost = min(_MOST, round(60e6 / rate)) if rate > 0 else _MOST
    # As in one process: the burst is a minute's worth, and never less than the one that makes a start possible.
    slack = max(cost, 60_000_000)
    return session, int(min(tenant.plan.concurrent_sessions, _MOST)), _LEASE_MS, cost, slack


def _refused(tenant: Tenant, name: SessionName | None, verdict: _Verdict, wait: Seconds) -> Refused | None:
    plan = tenant.plan
    match verdict:
        case _Verdict.GIVEN:
            return None
        case _Verdict.CONFLICT:
            return Refused(
                Refusal.SESSION_CONFLICT,
                f"A session named {name} is live already.",
                param="relay_session",
            )
        case _Verdict.FULL:
            return Refused(
                Refusal.TOO_MANY_SESSIONS,
                f"At most {plan.concurrent_sessions:.0f} sessions at once are allowed.",
                retry_after=WHEN_FULL,
            )
        case _Verdict.TOO_FAST:
            return Refused(
                Refusal.TOO_MANY_SESSIONS,
                f"At most {plan.session_starts_per_minute:.0f} session starts a minute are allowed.",
                retry_after=wait,
            )


def _batches(
    sessions: Sequence[tuple[SessionId, SessionName | None]],
) -> Iterator[Sequence[tuple[SessionId, SessionName | None]]]:
    for start in range(0, len(sessions), BATCH):
        yield sessions[start : start + BATCH]
