"""What the admin API does, on the relay of this process.

Rule: every answer is a struct of `admin_rows`, so that answers of several processes can be added up.
"""

import asyncio
from collections import Counter
from datetime import date, timedelta
from typing import Final

from relay import __version__
from relay.core.billing import UsageRow, day_of
from relay.core.explain import Ask, Situation, explain, limits
from relay.core.refusals import Reason, Refusal, Refused
from relay.core.words import SECONDS_PER_DAY, Latency, Seconds, SessionId, Side, TenantId, usd
from relay.edge import clock
from relay.edge.admin_lists import Lists
from relay.edge.admin_relay import Operated, count, each, used
from relay.edge.admin_rows import (
    Closed,
    Draining,
    Explanation,
    Memory,
    Overview,
    Refuted,
    Reloaded,
    TenantView,
    Traffic,
    UsageView,
    UsedOf,
)
from relay.edge.door import DRAINING
from relay.settings import Problems, load_file

EPOCH: Final = date(1970, 1, 1)
USAGE_DAYS: Final = 30
"""Told where nobody says since when: a month."""
MOST_ROWS: Final = 500
"""Of usage: a month of sixteen models. Half a megabyte of JSON at most."""
RETRY_AFTER: Final[Seconds] = 5.0
"""A store that comes back is known of within five seconds."""


class Operations(Lists):
    """Everything that an operator may ask of one relay."""

    def __init__(self, relay: Operated) -> None:
        super().__init__(relay)
        self._started = clock.monotonic()

    # --- looking ----------------------------------------------------------------------------------

    async def overview(self) -> Overview:
        """Return the relay at a glance."""
        relay = self.relay
        ended, _ = relay.metrics.counted()
        events = [sum(ended.events[side]) for side in Side]
        sizes = list(ended.bytes)
        audio: list[float] = [
            sum(amount for (one, _), amount in ended.audio.items() if one == side) for side in Side
        ]
        refused: Counter[str] = Counter()
        for (refusal, _), times in ended.refusals.items():
            refused[refusal.label] += times
        unsent = [0, 0]
        async for live in each(self.relay):
            for side in Side:
                events[side] += sum(live.counts(side))
                sizes[side] += live.bytes(side)
                audio[side] += live.audio_seconds(side)
                unsent[side] += live.buffered(side)
            refused.update({refusal.label: times for refusal, times in live.refusals()})
        guard = relay.memory
        return Overview(
            version=__version__,
            uptime_seconds=clock.monotonic() - self._started,
            draining=relay.metrics.draining,
            workers=1,
            memory=Memory(level=guard.level, used_bytes=guard.used(), limit_bytes=guard.limit),
            connections=relay.connections.open,
            sessions=len(relay.sessions),
            tenants=len(relay.settings.catalog.tenants),
            traffic=Traffic(
                events_up=events[Side.CLIENT],
                events_down=events[Side.UPSTREAM],
                bytes_up=sizes[Side.CLIENT],
                bytes_down=sizes[Side.UPSTREAM],
                audio_seconds_up=audio[Side.CLIENT],
                audio_seconds_down=audio[Side.UPSTREAM],
            ),
            unsent_up_bytes=unsent[Side.UPSTREAM],
            unsent_down_bytes=unsent[Side.CLIENT],
            refusals={label: times for label, times in refused.items() if times},
        )

    async def tenant(self, tenant_id: TenantId) -> TenantView | None:
        """Return one tenant; None if there is none of that id."""
        tenant = self.relay.settings.catalog.tenants.get(tenant_id)
        if tenant is None:
            return None
        return TenantView(
            id=tenant.id,
            plan=tenant.plan.name,
            keys=[key.id for key in tenant.keys],
            models=_listed(tenant.models),
            regions=_listed(tenant.regions),
            origins=sorted(tenant.origins),
            own_upstreams=[upstream.name for upstream in tenant.upstreams],
            limits=limits(tenant.plan, self.relay.settings.plans),
            used=used(self.relay, tenant, await count(self.relay, tenant_id)),
        )

    async def usage(self, tenant_id: TenantId, since: date | None) -> UsageView | Refused | None:
        """Return what a tenant used since a day; None if there is none of that id."""
        if tenant_id not in self.relay.settings.catalog.tenants:
            return None
        today = EPOCH + timedelta(days=day_of(clock.wall()))
        first = max(EPOCH, since or today - timedelta(days=USAGE_DAYS))
        found = await self.relay.ledger.usage(tenant_id, (first - EPOCH).days * SECONDS_PER_DAY)
        if found is None:
            message = "What was used cannot be known while the store is away."
            return Refused(Refusal.RELAY_FULL, message, retry_after=RETRY_AFTER)
        newest = sorted(found, key=lambda row: (-row.day, row.model))
        return UsageView(
            tenant=tenant_id,
            since=first.isoformat(),
            rows=[_used_of(row) for row in newest[:MOST_ROWS]],
            cut=len(newest) > MOST_ROWS,
            tokens=sum(row.usage.tokens for row in found),
            usd=usd(sum(row.micro_usd for row in found)),
        )

    async def explain(self, tenant_id: TenantId, ask: Ask, latency: Latency) -> Explanation | None:
        """Say whether a tenant would be let in, and what it was refused for; None if there is none such."""
        relay, now = self.relay, clock.monotonic()
        tenant = relay.settings.catalog.tenants.get(tenant_id)
        if tenant is None:
            return None
        await relay.allowances.prepare(tenant)
        refused: Counter[str] = Counter()
        held = 0
        async for live in each(self.relay, tenant_id):
            held += 1
            refused.update({refusal.label: times for refusal, times in live.refusals() if times})
        known = {endpoint.upstream.name: endpoint for endpoint in relay.dialer.endpoints}
        situation = Situation(
            draining=DRAINING if relay.metrics.draining else None,
            memory=relay.memory.refusal(latency),
            day=relay.allowances.of(tenant).day_refusal(clock.wall()),
            sessions=held,
            unhealthy=frozenset(name for name, one in known.items() if not one.health.healthy(now)),
            full=frozenset(name for name, one in known.items() if one.full()),
        )
        return Explanation(
            tenant=tenant_id,
            plan=tenant.plan.name,
            asked=ask,
            answer=explain(ask, tenant, relay.settings.catalog, situation),
            limits=limits(tenant.plan, relay.settings.plans),
            used=used(self.relay, tenant, held),
            lately=list(relay.lately.of(tenant_id)),
            in_sessions=dict(refused),
        )

    # --- doing ------------------------------------------------------------------------------------

    async def close(self, session: SessionId) -> Closed | None:
        """End one session; None if it is not here."""
        live = self.relay.sessions.find(session)
        if live is None or live.pipe is None:
            return None
        live.pipe.end(Reason.OPERATOR)
        return Closed(closed=1)

    async def close_all(self, tenant: TenantId) -> Closed | None:
        """End every session of a tenant; None if there is no such tenant and no session of one."""
        closed = self.relay.sessions.end_those(lambda holder, _key: holder == tenant, Reason.OPERATOR)
        if not closed and tenant not in self.relay.settings.catalog.tenants:
            return None
        return Closed(closed=closed)

    async def drain(self) -> Draining:
        """Take no new sessions, and let the open ones end."""
        sessions = len(self.relay.sessions)
        self.relay.on_drain()
        return Draining(draining=True, sessions=sessions)

    async def reload(self) -> Reloaded | Refuted:
        """Read the configuration again, in a thread, since ten thousand tenants take a second."""
        async with self.relay.reloading:
            fresh = await asyncio.to_thread(load_file, self.relay.settings.name)
            if isinstance(fresh, Problems):
                return Refuted(problems=[problem.text() for problem in fresh.all])
            try:
                ended = self.relay.reload(fresh)
            except OSError as error:
                return Refuted(problems=[f"ca: {error}"])
        return Reloaded(
            at=clock.wall(),
            tenants=len(fresh.catalog.tenants),
            upstreams=len(self.relay.dialer.endpoints),
            sessions_ended=ended,
            warnings=[warning.text() for warning in fresh.warnings],
        )


def _used_of(row: UsageRow) -> UsedOf:
    return UsedOf(
        day=(EPOCH + timedelta(days=row.day)).isoformat(),
        model=row.model,
        responses=row.responses,
        tokens=row.usage.tokens,
        usage=row.usage,
        usd=usd(row.micro_usd),
    )


def _listed(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)
