"""The homes of the ports: all in this process, or all in a store that several processes share.

Rule: whoever uses a port does not know which it is; here it is chosen, once, at start.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Collection

from relay.core.words import Secret, TenantId
from relay.edge.embedded import EmbeddedAllowances, EmbeddedLedger, EmbeddedPermits
from relay.edge.embedded_secrets import EmbeddedSecrets
from relay.edge.store.allowances import StoreAllowances
from relay.edge.store.connection import Store, Witness
from relay.edge.store.ledger import StoreLedger
from relay.edge.store.permits import StorePermits
from relay.edge.store.secrets import StoreSecrets
from relay.edge.store.workers import Workers
from relay.ports import Allowances, Ledger, Permits, Secrets

Live = Callable[[], Collection[TenantId]]
"""Tells which tenants have sessions here."""


class Embedded:
    """Homes in this one process: what they hold ends with it."""

    def __init__(self) -> None:
        self.permits: Permits = EmbeddedPermits()
        self.allowances: Allowances = EmbeddedAllowances()
        self.ledger: Ledger = EmbeddedLedger()
        self.secrets: Secrets = EmbeddedSecrets()
        self.degraded = False

    @contextlib.asynccontextmanager
    async def running(self, live: Live) -> AsyncIterator[None]:
        """There is nothing to keep in touch with."""
        del live
        yield


class Shared:
    """Homes in a store. While it is away each process goes by what it knew last, as the plans say."""

    def __init__(self, url: Secret, told: Witness) -> None:
        self._store = Store.from_url(url, told)
        self._workers = Workers(self._store)
        self._permits = StorePermits(self._store, self._workers)
        self._allowances = StoreAllowances(self._store, lambda: self._workers.count)
        self._ledger = StoreLedger(self._store)
        self.permits: Permits = self._permits
        self.allowances: Allowances = self._allowances
        self.ledger: Ledger = self._ledger
        self.secrets: Secrets = StoreSecrets(self._store)

    @property
    def degraded(self) -> bool:
        """Whether the store is away."""
        return self._store.degraded

    @contextlib.asynccontextmanager
    async def running(self, live: Live) -> AsyncIterator[None]:
        """Keep in touch with the store until the block is left; then tell it all, and return what is held."""
        async with (
            self._store.running(),
            self._workers.running(),
            self._permits.running(),
            self._allowances.running(live),
            self._ledger.running(),
        ):
            yield


def homes(url: Secret | None, told: Witness) -> Embedded | Shared:
    """Return the homes for a configuration with *url* in `[store]`."""
    return Embedded() if url is None else Shared(url, told)
