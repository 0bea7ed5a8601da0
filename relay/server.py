"""The composition root: the one place where the parts meet, and the life of the process.

    bind -> serve -> (SIGHUP: read the file again) -> SIGTERM: drain -> stop

Rule: signals, listeners and the end of the process are decided here and nowhere else.
"""

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator
from typing import Final, Self
from urllib.parse import urlsplit

import structlog

from relay.core.redaction import Redactor
from relay.core.refusals import Reason
from relay.core.tenants import Catalog, Upstream
from relay.core.words import Seconds, Secret, TenantId
from relay.edge import clock, listener, ops, prices
from relay.edge.admission import Admission
from relay.edge.connections import Connections, Listening
from relay.edge.dialer import Dialer
from relay.edge.door import Door, Terrain
from relay.edge.embedded import EmbeddedAllowances, EmbeddedLedger, EmbeddedPermits
from relay.edge.embedded_secrets import EmbeddedSecrets
from relay.edge.grants import Grants
from relay.edge.live import Sessions
from relay.edge.metrics import Metrics
from relay.edge.rest import Rest
from relay.edge.sealing import Sealer
from relay.settings import Settings

LAG_LOOK: Final[Seconds] = 0.5
"""How often the event loop's lag is measured."""

log = structlog.get_logger("relay")


class Relay:
    """One relay in one process, on the running event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._redact = redactor_of(settings)
        self._prices = prices.packaged()
        self.metrics = Metrics(self._open_sessions, _models(settings.catalog, self._prices.models))
        listen = settings.listen
        self.connections = Connections(listen.max_connections, listen.per_address)
        self._permits = EmbeddedPermits()
        self.ledger = EmbeddedLedger()
        self.sessions = Sessions(self.metrics, self._permits, self.ledger, self.connections.leave_address)
        self._dialer = Dialer(
            self._redact, lambda upstream, why, took: self.metrics.chose(upstream.name, why, took)
        )
        self._dialer.keep(_upstreams(settings.catalog), self._redact)
        self.metrics.upstreams = self._healths
        allowances = EmbeddedAllowances()
        self._drawn = Sealer.drawn()
        self._grants = Grants(self._sealer(settings), EmbeddedSecrets())
        self._admission = Admission(
            redact=self._redact,
            permits=self._permits,
            allowances=allowances,
            dialer=self._dialer,
            sessions=self.sessions,
            connections=self.connections,
            prices=self._prices,
            grants=self._grants,
        )
        self._door = Door(
            terrain=Terrain(settings.catalog, listen.trusted_proxies),
            admission=self._admission,
            allowances=allowances,
            grants=self._grants,
            metrics=self.metrics,
            rest=Rest(
                catalog=lambda: self._door.terrain.catalog,
                grants=self._grants,
                allowances=allowances,
                metrics=self.metrics,
                priced=self._prices.models,
                draining=lambda: self._door.draining,
            ),
        )
        self._public: listener.Listener | None = None
        self._ops: listener.Listener | None = None

    # --- where it is ------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The public port."""
        assert self._public is not None
        return self._public.port

    @property
    def ops_port(self) -> int:
        """The operator's port."""
        assert self._ops is not None
        return self._ops.port

    @property
    def url(self) -> str:
        """The base URL that an SDK is given, as seen from this machine."""
        scheme = "https" if self.settings.listen.tls_cert else "http"
        return f"{scheme}://127.0.0.1:{self.port}/v1"

    # --- its life ---------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Serve until the block is left; then end what is open, at once."""
        listen = self.settings.listen
        tls = _certificate(listen.tls_cert, listen.tls_key)
        listening = Listening(self.connections, self.metrics.refused)
        public_socket = listener.bind(listen.host, listen.port)
        try:
            ops_socket = listener.bind(self.settings.ops.host, self.settings.ops.port)
        except OSError:
            public_socket.close()
            raise
        self._public = listener.public(self._door.app, public_socket, tls, listening)
        self._ops = listener.private(ops.application(self.metrics, self._unready), ops_socket)
        watching = asyncio.create_task(self._watch_loop(), name="loop lag")
        try:
            async with self._ops.running(), self._public.running():
                log.info(
                    "relay serving",
                    port=self.port,
                    ops_port=self.ops_port,
                    tls=tls is not None,
                    tenants=len(self.settings.catalog.tenants),
                    upstreams=len(self.settings.catalog.upstreams),
                )
                try:
                    yield self
                finally:
                    await self._cut()
        finally:
            watching.cancel()

    def reload(self, settings: Settings) -> int:
        """Go by *settings* from now on. Return how many sessions ended because their key is gone.

        Raises `OSError`, with nothing changed, where an upstream's `ca` cannot be read.
        Listening addresses and TLS stay as they were; live sessions keep the plan they were let in under.
        """
        catalog, redact = settings.catalog, redactor_of(settings)
        self._dialer.keep(_upstreams(catalog), redact)  # first: it may fail, and then nothing has changed
        self.settings, self._redact, self._admission.redact = settings, redact, redact
        self._grants.sealer = self._sealer(settings)
        self._door.terrain = Terrain(catalog, settings.listen.trusted_proxies)
        self.metrics.know_models(_models(catalog, self._prices.models))
        self.connections.most = settings.listen.max_connections

        def keyless(tenant: TenantId, key_id: str) -> bool:
            held = catalog.keys.get(key_id)
            return held is None or held[1] != tenant

        return self.sessions.end_those(keyless, Reason.KEY_REVOKED)

    async def drain(self) -> None:
        """Take no new sessions, let the open ones end, and close the rest at the deadline, spread out."""
        self._door.draining = self.metrics.draining = True
        listen = self.settings.listen
        log.info("relay draining", sessions=len(self.sessions), seconds=listen.drain_seconds)
        try:
            async with asyncio.timeout(listen.drain_seconds):
                await self.sessions.empty()
        except TimeoutError:
            await self._evict(listen.drain_spread_seconds)
        log.info("relay drained")

    async def _evict(self, spread: Seconds) -> None:
        """Close what is left, one after another in random order over *spread* seconds."""
        left = list(self.sessions)
        random.shuffle(left)
        log.info("relay evicting", sessions=len(left), spread_seconds=spread)
        started = clock.monotonic()
        for number, live in enumerate(left):
            due = started + spread * number / len(left)
            await asyncio.sleep(max(0.0, due - clock.monotonic()))
            if live.pipe is not None:
                live.pipe.end(Reason.DRAINING)
        await self.sessions.empty()

    async def _cut(self) -> None:
        self._door.draining = self.metrics.draining = True
        self.sessions.end_those(lambda _tenant, _key: True, Reason.DRAINING)
        await self.sessions.empty()

    # --- what the parts ask of it -----------------------------------------------------------------

    def _sealer(self, settings: Settings) -> Sealer:
        """Return what seals client secrets: the configured keys, or else one that this process drew."""
        if settings.sealing_key is None:
            return self._drawn
        return Sealer((settings.sealing_key, *settings.retired_sealing_keys))

    def _open_sessions(self) -> Sessions:
        return self.sessions

    def _unready(self) -> str | None:
        return "draining" if self._door.draining else None

    def _healths(self) -> list[tuple[str, bool]]:
        now = clock.monotonic()
        return [(endpoint.upstream.name, endpoint.health.healthy(now)) for endpoint in self._dialer.endpoints]

    async def _watch_loop(self) -> None:
        while True:
            due = clock.monotonic() + LAG_LOOK
            await asyncio.sleep(LAG_LOOK)
            self.metrics.histograms.loop_lag.observe(max(0.0, clock.monotonic() - due))


def redactor_of(settings: Settings) -> Redactor:
    """Return a redactor that knows every secret of *settings*."""
    catalog = settings.catalog
    secrets: list[Secret | None] = [
        settings.ops.token,
        settings.store.url,
        settings.sealing_key,
        *settings.retired_sealing_keys,
        *catalog.peppers.values(),
        *(key for upstream in _upstreams(catalog) for key in (*upstream.keys, upstream.proxy)),
    ]
    secrets += [_password(upstream.proxy) for upstream in _upstreams(catalog) if upstream.proxy is not None]
    return Redactor(secret for secret in secrets if secret is not None)


def _password(url: Secret) -> Secret | None:
    password = urlsplit(url.reveal()).password
    return Secret(password) if password else None


def _upstreams(catalog: Catalog) -> list[Upstream]:
    own = [upstream for tenant in catalog.tenants.values() for upstream in tenant.upstreams]
    return [*catalog.upstreams, *own]


def _models(catalog: Catalog, priced: object) -> set[str]:
    names = set(priced) if isinstance(priced, dict) else set()
    names.update(catalog.aliases, catalog.aliases.values())
    for upstream in _upstreams(catalog):
        names.update(upstream.models, upstream.models.values())
    return names


def _certificate(cert: str | None, key: str | None) -> ssl.SSLContext | None:
    if cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    return context
