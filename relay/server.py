"""The composition root: the one place where the parts meet, and the life of the process.

    bind -> serve -> (SIGHUP: read the file again) -> SIGTERM: drain -> stop

Rule: signals, listeners and the end of the process are decided here and nowhere else.
"""

import asyncio
import contextlib
import random
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Self

import msgspec
import structlog

from relay.core.explain import Lately
from relay.core.refusals import Reason
from relay.core.tenants import Catalog
from relay.core.words import Seconds, TenantId
from relay.edge import admin, clock, listener, logs, memory, ops, prices, sockets
from relay.edge.admin_operations import Operations
from relay.edge.admission import Admission
from relay.edge.connections import Connections, Listening
from relay.edge.dialer import Dialer
from relay.edge.door import Door, Terrain
from relay.edge.grants import Grants
from relay.edge.homes import homes
from relay.edge.live import Sessions
from relay.edge.memory import MemoryGuard
from relay.edge.metrics import Metrics
from relay.edge.rest import Rest
from relay.edge.sealing import Sealer
from relay.settings import Settings
from relay.settings.secrecy import redactor_of

LAG_LOOK: Final[Seconds] = 0.5
"""How often the event loop's lag is measured."""

log = structlog.get_logger("relay")


class Relay:
    """One relay in one process, on the running event loop."""

    def __init__(self, settings: Settings, drawn: Sealer | None = None) -> None:
        self.settings = settings
        self._redact = redactor_of(settings)
        self._prices = prices.packaged()
        self.metrics = Metrics(self._open_sessions, _models(settings.catalog, self._prices.models))
        listen = settings.listen
        self.connections = Connections(listen.max_connections, listen.per_address)
        self.homes = homes(settings.store.url, self.metrics.store.asked)
        self.metrics.store.degraded = lambda: self.homes.degraded
        self.allowances, self.ledger = self.homes.allowances, self.homes.ledger
        self.sessions = Sessions(self.metrics, self.homes.permits, self.ledger, self.connections.leave_address)
        self.dialer = Dialer(
            self._redact, lambda upstream, why, took: self.metrics.chose(upstream.name, why, took)
        )
        self.dialer.keep(settings.catalog.every_upstream(), self._redact)
        self.metrics.upstreams = self._healths
        self.lately = Lately()
        self.memory = MemoryGuard(self.sessions, listen.memory_limit or memory.cgroup_limit())
        self._drawn = drawn or Sealer.drawn()
        self._grants = Grants(self._sealer(settings), self.homes.secrets)
        self._admission = Admission(
            redact=self._redact,
            permits=self.homes.permits,
            allowances=self.allowances,
            dialer=self.dialer,
            sessions=self.sessions,
            connections=self.connections,
            prices=self._prices,
            grants=self._grants,
        )
        self._door = Door(
            terrain=Terrain(settings.catalog, listen.trusted_proxies),
            admission=self._admission,
            allowances=self.allowances,
            grants=self._grants,
            metrics=self.metrics,
            lately=self.lately,
            memory=self.memory,
            rest=Rest(
                catalog=lambda: self._door.terrain.catalog,
                grants=self._grants,
                allowances=self.allowances,
                metrics=self.metrics,
                priced=self._prices.models,
                draining=lambda: self._door.draining,
            ),
        )
        self.public: listener.Listener | None = None
        """Where clients come in, while it is running."""
        self._ops: listener.Listener | None = None
        self.operations = Operations(self)
        self.on_drain: Callable[[], object] = self._drain_alone
        """Called when the operator asks for a drain; whoever runs the process puts its own end here."""
        self._draining: asyncio.Task[None] | None = None
        self.reloading = asyncio.Lock()
        """Held by whoever reads the file again, so that the last one read is the one that holds."""

    # --- where it is ------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The public port."""
        assert self.public is not None
        return self.public.port

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
    async def running(self, given: socket.socket | None = None) -> AsyncIterator[Self]:
        """Serve until the block is left; then end what is open, at once.

        With a socket *given* this is one worker of several: it accepts there, and has no operator's port.
        """
        listen = self.settings.listen
        tls = _certificate(listen.tls_cert, listen.tls_key)
        async with contextlib.AsyncExitStack() as stack:
            public_socket = given or sockets.bind(listen.host, listen.port)
            stack.callback(public_socket.close)
            await stack.enter_async_context(self.homes.running(self._live_tenants))
            if given is None:
                ops_socket = sockets.bind(self.settings.ops.host, self.settings.ops.port)
                stack.callback(ops_socket.close)
                admins = admin.routes(self.operations, lambda: self.settings.ops.token)
                self._ops = listener.private(ops.application(self.metrics, self._unready, admins), ops_socket)
                await stack.enter_async_context(self._ops.running())
            listening = Listening(self.connections, self.metrics.refused)
            self.public = listener.public(self._door.app, public_socket, tls, listening)
            watching = asyncio.create_task(self._watch_loop(), name="loop lag")
            stack.callback(watching.cancel)
            guarding = asyncio.create_task(self.memory.watch(), name="memory guard")
            stack.callback(guarding.cancel)
            async with self.public.running():
                log.info(
                    "relay serving" if given is None else "worker serving",
                    port=self.port,
                    ops_port=self._ops.port if self._ops is not None else None,
                    tls=tls is not None,
                    tenants=len(self.settings.catalog.tenants),
                    upstreams=len(self.settings.catalog.upstreams),
                )
                try:
                    yield self
                finally:
                    await self._cut()

    def reload(self, settings: Settings) -> int:
        """Go by *settings* from now on. Return how many sessions ended because their key is gone.

        Raises `OSError`, with nothing changed, where an upstream's `ca` cannot be read.
        Listening addresses and TLS stay as they were; live sessions keep the plan they were let in under.
        """
        # The store is the one of the start, and so are its secrets.
        settings = msgspec.structs.replace(settings, store=self.settings.store)
        catalog, redact = settings.catalog, redactor_of(settings)
        self.dialer.keep(catalog.every_upstream(), redact)  # first: it may fail, and then nothing has changed
        self.settings, self._redact, self._admission.redact = settings, redact, redact
        logs.redact_with(redact)
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
        self._door.draining = True
        await self._drain(self.sessions.empty)

    def _drain_alone(self) -> None:
        self._draining = self._draining or asyncio.create_task(self.drain(), name="drain")

    async def retire(self) -> None:
        """Leave the port to a successor: accept nobody more, answer who is in already, and drain."""
        assert self.public is not None
        self.public.stop_accepting()
        await self._drain(self.connections.empty)

    async def _drain(self, emptied: Callable[[], Awaitable[None]]) -> None:
        self.metrics.draining = True
        listen = self.settings.listen
        log.info("relay draining", sessions=len(self.sessions), seconds=listen.drain_seconds)
        try:
            async with asyncio.timeout(listen.drain_seconds):
                await emptied()
        except TimeoutError:
            self._door.draining = True
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

    def _live_tenants(self) -> set[TenantId]:
        return {live.terms.tenant.id for live in self.sessions}

    def _open_sessions(self) -> Sessions:
        return self.sessions

    def _unready(self) -> str | None:
        return "draining" if self._door.draining else None

    def _healths(self) -> list[tuple[str, bool]]:
        now = clock.monotonic()
        return [(endpoint.upstream.name, endpoint.health.healthy(now)) for endpoint in self.dialer.endpoints]

    async def _watch_loop(self) -> None:
        while True:
            due = clock.monotonic() + LAG_LOOK
            await asyncio.sleep(LAG_LOOK)
            self.metrics.histograms.loop_lag.observe(max(0.0, clock.monotonic() - due))


def _models(catalog: Catalog, priced: object) -> set[str]:
    names = set(priced) if isinstance(priced, dict) else set()
    names.update(catalog.aliases, catalog.aliases.values())
    for upstream in catalog.every_upstream():
        names.update(upstream.models, upstream.models.values())
    return names


def _certificate(cert: str | None, key: str | None) -> ssl.SSLContext | None:
    if cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert, key)
    return context
