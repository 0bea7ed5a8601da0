"""What the admin API asks of the relay of this process, and how it walks over the sessions.

Rule: whatever walks over all sessions lets others have the event loop every `AT_ONCE` of them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

from relay.core.explain import Lately
from relay.core.tenants import Tenant
from relay.core.words import Side, TenantId, usd
from relay.edge import clock
from relay.edge.admin_rows import Used
from relay.edge.connections import Connections
from relay.edge.dialer import Dialer
from relay.edge.live import Live, Sessions
from relay.edge.memory import MemoryGuard
from relay.edge.metrics import Metrics
from relay.ports import Allowances, Ledger
from relay.settings import Settings

AT_ONCE: Final = 100
"""Sessions that are walked over in one go: some tenths of a millisecond, in which no frame is relayed."""


class Operated(Protocol):
    """What a relay offers its operator."""

    settings: Settings
    sessions: Sessions
    metrics: Metrics
    connections: Connections
    dialer: Dialer
    lately: Lately
    memory: MemoryGuard
    reloading: asyncio.Lock

    @property
    def ledger(self) -> Ledger:
        """What was used."""

    @property
    def allowances(self) -> Allowances:
        """What tenants still have."""

    @property
    def on_drain(self) -> Callable[[], object]:
        """What drains it, as SIGTERM does. Called again while that goes on, it changes nothing."""

    def reload(self, settings: Settings) -> int:
        """Go by *settings*; return how many sessions ended. Raises `OSError` where that cannot be."""


async def each(relay: Operated, tenant: TenantId | None = None) -> AsyncIterator[Live]:
    """Walk over the sessions that are open now, of *tenant* or of all."""
    for number, live in enumerate(list(relay.sessions)):
        if number % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
        if tenant in {None, live.terms.tenant.id}:
            yield live


async def count(relay: Operated, tenant: TenantId) -> int:
    """Return how many sessions *tenant* holds."""
    return len([live async for live in each(relay, tenant)])


def used(relay: Operated, tenant: Tenant, sessions: int) -> Used:
    """Return what *tenant*, who holds *sessions*, uses now."""
    tokens, micro = relay.allowances.of(tenant).spent_today(clock.wall())
    return Used(sessions=sessions, tokens_today=tokens, usd_today=usd(micro))


def unsent(live: Live) -> int:
    """Return the bytes in a session's write buffers, both ways."""
    return live.buffered(Side.CLIENT) + live.buffered(Side.UPSTREAM)
