"""The lists of the admin API: tenants, keys, sessions, upstreams.

Rule: a page is made of what is asked for and no more, in the order of ids, which does not change: a walk over
the pages shows everything that was there all along, once.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from relay.core.flow import Hold
from relay.core.words import Seconds, SessionId, Side, TenantId
from relay.edge import clock
from relay.edge.admin_relay import Operated, each, unsent, used
from relay.edge.admin_rows import KeyRow, SessionRow, TenantRow, Traffic, UpstreamRow
from relay.edge.live import Live
from relay.edge.metrics import SIDES

Order: TypeAlias = Literal["id", "age", "bytes", "events", "unsent"]
TenantsOrder: TypeAlias = Literal["id", "sessions", "unsent"]
"""By id, which is how pages are made; or the largest first, which has one page."""
_WEIGHTS: Final[Mapping[str, Callable[[SessionRow], float]]] = {
    "age": lambda row: row.age_seconds,
    "bytes": lambda row: row.traffic.bytes_up + row.traffic.bytes_down,
    "events": lambda row: row.traffic.events_up + row.traffic.events_down,
    "unsent": lambda row: row.unsent_up_bytes + row.unsent_down_bytes,
}


class Window(msgspec.Struct, frozen=True):
    """Which part of a list is wanted: what comes *after* an id, *limit* entries at most."""

    after: str
    limit: int


class Lists:
    """What there is, in pages."""

    def __init__(self, relay: Operated) -> None:
        self.relay = relay

    async def tenants(self, window: Window, order: TenantsOrder) -> list[TenantRow]:
        """Return tenants, after an id in their order or the largest first."""
        catalog = self.relay.settings.catalog
        held: Counter[TenantId] = Counter()
        waiting: Counter[TenantId] = Counter()
        async for live in each(self.relay):
            held[live.terms.tenant.id] += 1
            waiting[live.terms.tenant.id] += unsent(live)
        if order == "id":
            page = _page(catalog.tenants, window)
        else:
            weight = held if order == "sessions" else waiting
            after = (id_ for id_ in catalog.tenants if id_ > window.after)
            page = list(heapq.nlargest(window.limit, after, key=lambda id_: weight[TenantId(id_)]))
        return [
            TenantRow(
                id=tenant.id,
                plan=tenant.plan.name,
                keys=len(tenant.keys),
                concurrent_sessions=_bounded(tenant.plan.concurrent_sessions),
                used=used(self.relay, tenant, held[tenant.id]),
                unsent_bytes=waiting[tenant.id],
            )
            for tenant in (catalog.tenants[TenantId(id_)] for id_ in page)
        ]

    async def keys(self, window: Window, tenant: TenantId | None) -> list[KeyRow]:
        """Return keys, of *tenant* or of all, in the order of their ids."""
        known = self.relay.settings.catalog.keys
        wanted = (id_ for id_, (_, holder) in known.items() if tenant in {None, holder})
        page = _page(wanted, window)
        held: Counter[str] = Counter()
        async for live in each(self.relay):
            held[live.terms.key_id] += 1
        return [
            KeyRow(id=id_, tenant=known[id_][1], pepper=known[id_][0].pepper, sessions=held[id_])
            for id_ in page
        ]

    async def sessions(self, window: Window, tenant: TenantId | None, order: Order) -> list[SessionRow]:
        """Return open sessions, of *tenant* or of all: after an id in their order, or the largest first."""
        now = clock.monotonic()
        if order == "id":
            wanted = (live.id for live in self.relay.sessions if tenant in {None, live.terms.tenant.id})
            found = (self.relay.sessions.find(SessionId(id_)) for id_ in _page(wanted, window))
            return [_row(live, now) for live in found if live is not None]
        rows = [_row(live, now) async for live in each(self.relay, tenant) if live.id > window.after]
        return heapq.nlargest(window.limit, rows, key=_WEIGHTS[order])

    async def upstreams(self, window: Window) -> list[UpstreamRow]:
        """Return upstreams in the order of their names; of one whose address was replaced, the new address."""
        now = clock.monotonic()
        known = {endpoint.upstream.name: endpoint for endpoint in self.relay.dialer.endpoints}
        return [
            UpstreamRow(
                id=endpoint.upstream.name,
                host=urlsplit(endpoint.upstream.url).hostname or "",
                region=endpoint.upstream.region,
                dialect=endpoint.upstream.dialect,
                healthy=endpoint.health.healthy(now),
                sessions=endpoint.open,
                max_sessions=_bounded(endpoint.upstream.max_sessions),
                keys=len(endpoint.upstream.keys),
                key_wait_seconds=endpoint.keys.resting(now),
            )
            for endpoint in (known[name] for name in _page(known, window))
        ]


def _page(ids: Iterable[str], window: Window) -> list[str]:
    """Return the first *limit* of *ids* that come after an id. Their order is fixed, so pages miss nothing."""
    return heapq.nsmallest(window.limit, (id_ for id_ in ids if id_ > window.after))


def _row(live: Live, now: Seconds) -> SessionRow:
    terms = live.terms
    return SessionRow(
        id=live.id,
        name=terms.permit.name,
        tenant=terms.tenant.id,
        key=terms.key_id,
        plan=terms.tenant.plan.name,
        model=terms.model,
        upstream=terms.endpoint.upstream.name,
        region=terms.region,
        dialect=terms.speech,
        latency=live.latency,
        age_seconds=now - live.session.started_at,
        traffic=Traffic(
            events_up=sum(live.counts(Side.CLIENT)),
            events_down=sum(live.counts(Side.UPSTREAM)),
            bytes_up=live.bytes(Side.CLIENT),
            bytes_down=live.bytes(Side.UPSTREAM),
            audio_seconds_up=live.audio_seconds(Side.CLIENT),
            audio_seconds_down=live.audio_seconds(Side.UPSTREAM),
        ),
        unsent_up_bytes=live.buffered(Side.UPSTREAM),
        unsent_down_bytes=live.buffered(Side.CLIENT),
        paused=[
            f"{SIDES[side]}_{cause.label}"
            for side in Side
            for cause in Hold
            if live.session.flows[side].holds & cause
        ],
    )


def _bounded(limit: float) -> float | None:
    return None if limit == inf else limit
