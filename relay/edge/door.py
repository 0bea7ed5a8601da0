"""The door: who may come in, to which upstream, and how those are told no who may not.

    request head -> Hello -> tenant -> may it? -> permit -> dial -> first event -> 101 -> session

Rule: the upstream is dialed before the client has its 101, so that every refusal is a status and a body; only
for a client that cannot read them (a browser) is it an event and a close code after the 101. What was taken on
the way is given back on every way out, the client's leaving included.
"""

import asyncio
import secrets
from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route as Path
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from relay.core import hello as hellos
from relay.core import keys, routing
from relay.core.deadlines import CLOSE_CLIENT, PROBE_WITHIN
from relay.core.downlink import Downlink
from relay.core.hello import Hello
from relay.core.keys import ALPHABET
from relay.core.parting import wire_reason
from relay.core.policy import Rules
from relay.core.redaction import Redactor
from relay.core.refusals import Reason, Refusal, Refused
from relay.core.routing import Route
from relay.core.session import Session
from relay.core.tenants import Catalog, Tenant
from relay.core.turns import Turns
from relay.core.uplink import Uplink
from relay.core.usage import PriceTable
from relay.core.words import SessionId, SessionName, Side, UnixSeconds
from relay.edge import clock
from relay.edge.connections import Connections
from relay.edge.dialer import Dialed, Dialer
from relay.edge.handoff import EXTENSION, Handoff
from relay.edge.leg import Leg
from relay.edge.live import Live, Sessions, Terms
from relay.edge.metrics import OTHER, Metrics
from relay.edge.pipe import Pipe
from relay.ports import Allowances, Permit, Permits
from relay.settings.model import Network

log = structlog.get_logger("door")

_ID_LENGTH: Final = 20
"""Base62: 119 bits, so that an id is no guess."""
_LARGEST_FRAME: Final = 1 << 40
"""What the parser is told where the plan has no cap."""


class Terrain:
    """What the door goes by, replaced whole when the configuration is read again."""

    def __init__(self, catalog: Catalog, redact: Redactor, trusted_proxies: Sequence[Network]) -> None:
        self.catalog = catalog
        self.redact = redact
        self.trusted_proxies = tuple(trusted_proxies)


class Guest:
    """A client that is known, and what it may have: everything that is decided before anything is taken."""

    __slots__ = ("address", "hello", "key_id", "routes", "tenant")

    def __init__(
        self, hello: Hello, tenant: Tenant, key_id: str, routes: tuple[Route, ...], address: str
    ) -> None:
        self.hello = hello
        self.tenant = tenant
        self.key_id = key_id
        self.routes = routes
        self.address = address


class Door:
    """Answers upgrade requests."""

    def __init__(
        self,
        *,
        terrain: Terrain,
        permits: Permits,
        allowances: Allowances,
        dialer: Dialer,
        sessions: Sessions,
        connections: Connections,
        metrics: Metrics,
        prices: PriceTable,
    ) -> None:
        self.terrain = terrain
        self.draining = False
        self._permits = permits
        self._allowances = allowances
        self._dialer = dialer
        self._sessions = sessions
        self._connections = connections
        self._metrics = metrics
        self._prices = prices
        self.app = Starlette(
            routes=[
                *(WebSocketRoute(path, self.upgrade) for path in hellos.PATHS),
                *(Path(path, _plain, methods=["GET"]) for path in hellos.PATHS),
                Path("/healthz", _healthy, methods=["GET"]),
                Path("/{path:path}", _nowhere, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
                WebSocketRoute("/{path:path}", self.lost),
            ]
        )

    async def upgrade(self, websocket: WebSocket) -> None:
        """Answer one upgrade request to one of our paths."""
        started = clock.monotonic()
        result = "abandoned"
        try:
            guest = self._receive(websocket)
            outcome = guest if isinstance(guest, Refused) else await self._admit(guest, websocket)
            if isinstance(outcome, Refused):
                result = "refused"
                label = OTHER if isinstance(guest, Refused) else self._metrics.tenant_label(guest.tenant.id)
                self._metrics.refused(outcome, label)
                await self._turn_away(websocket, outcome)
            elif outcome:
                result = "accepted"
        finally:
            self._metrics.handshake(result, clock.monotonic() - started)

    async def lost(self, websocket: WebSocket) -> None:
        """Answer an upgrade request to any other path."""
        refused = Refused(Refusal.NOT_FOUND, f"There is nothing at this path. Connect to {hellos.PATHS[0]}.")
        self._metrics.refused(refused)
        await self._turn_away(websocket, refused)

    # --- who is it, and may it? -------------------------------------------------------------------

    def _receive(self, websocket: WebSocket) -> Guest | Refused:
        """Decide all that needs neither store nor network."""
        if self.draining:
            return Refused(
                Refusal.DRAINING,
                "This relay is shutting down. Connect again: another one takes the session.",
                retry_after=1.0,
            )
        terrain = self.terrain
        headers = _headers(websocket)
        hello = hellos.read(websocket.scope["query_string"].decode("latin-1"), headers)
        if isinstance(hello, Refused):
            return hello
        presented = keys.parse(hello.key.reveal()) if hello.key is not None else None
        tenant = terrain.catalog.find(presented) if presented is not None else None
        if tenant is None or presented is None:
            return _no_key(hello)
        if hello.origin is not None and hello.origin.lower() not in tenant.origins:
            return Refused(
                Refusal.NOT_ALLOWED, f"The origin {hello.origin[:128]} is not allowed for this tenant."
            )
        if hello.call_id is not None and not tenant.upstreams:
            return Refused(Refusal.NOT_FOUND, "No such call was made through this relay.", param="call_id")
        routes = routing.candidates(terrain.catalog, tenant, hello.model, hello.region)
        if isinstance(routes, Refused):
            return routes
        broke = self._allowances.of(tenant).day_refusal(clock.wall())
        if broke is not None:
            return broke
        return Guest(hello, tenant, presented.id, routes, _address(websocket, headers, terrain))

    # --- taking, and giving back ------------------------------------------------------------------

    async def _admit(self, guest: Guest, websocket: WebSocket) -> bool | Refused:
        """Take what a session needs, and start it. False if the client left meanwhile."""
        if not self._connections.enter_address(guest.address):
            return Refused(
                Refusal.RELAY_FULL, "This address holds as many connections as it may.", retry_after=5.0
            )
        live = False
        permit: Permit | Refused | None = None
        try:
            session = SessionId("sess_" + "".join(secrets.choice(ALPHABET) for _ in range(_ID_LENGTH)))
            permit = await self._permit(guest, session)
            if isinstance(permit, Refused):
                return permit
            dialed = await self._dialer.dial(guest.routes, guest.hello, guest.tenant.plan.message_bytes)
            if isinstance(dialed, Refused):
                return dialed
            live = self._open(guest, permit, dialed, websocket.scope["extensions"][EXTENSION])
            return live
        finally:
            if not live:
                self._connections.leave_address(guest.address)
                if isinstance(permit, Permit):
                    await asyncio.shield(self._permits.give_back(permit))

    async def _permit(self, guest: Guest, session: SessionId) -> Permit | Refused:
        """Take a permit; where its name is taken, see whether the holder is still there."""
        name = guest.hello.name
        answer = await self._permits.take(guest.tenant, session, name)
        if name is None or isinstance(answer, Permit) or answer.refusal is not Refusal.SESSION_CONFLICT:
            return answer
        holder = await self._holder(guest.tenant, name)
        if holder is not None and holder.pipe is not None:
            if await holder.pipe.answers(PROBE_WITHIN):
                return answer
            if holder.pipe is not None:
                holder.pipe.end(Reason.REPLACED)
            await self._permits.give_back(holder.terms.permit)
        return await self._permits.take(guest.tenant, session, name)

    async def _holder(self, tenant: Tenant, name: SessionName) -> Live | None:
        session = await self._permits.holder(tenant.id, name)
        return self._sessions.find(session) if session is not None else None

    def _open(self, guest: Guest, permit: Permit, dialed: Dialed, hand_over: Handoff) -> bool:
        """Hand the socket over and start relaying. False, with the upstream let go, if the client has left."""
        epoch = clock.epoch()
        live, pipe_to = self._session(guest, permit, dialed, epoch)
        plan = guest.tenant.plan
        client = Leg(Side.CLIENT, plan.message_bytes, _Deaf())
        headers = [("X-Relay-Session-Id", live.id), ("X-Relay-Region", live.region)]
        if guest.hello.echo is not None:
            headers.append(("Sec-WebSocket-Protocol", guest.hello.echo))
        if not hand_over(client, headers, int(min(plan.message_bytes, _LARGEST_FRAME))):
            dialed.leg.ear = None
            dialed.leg.disconnect(graceful=False)
            return False
        self._sessions.enter(live)
        live.pipe = pipe_to(client)
        live.pipe.start(dialed.early)
        return True

    def _session(
        self, guest: Guest, permit: Permit, dialed: Dialed, epoch: UnixSeconds
    ) -> tuple[Live, "partial[Pipe]"]:
        tenant, upstream = guest.tenant, dialed.route.upstream
        asked, served = guest.hello.model, dialed.route.served
        allowance, turns = self._allowances.of(tenant), Turns()
        uplink = Uplink(
            plan=tenant.plan,
            rules=Rules(tenant.policy, asked, served),
            allowance=allowance,
            turns=turns,
            session=permit.session,
            epoch=epoch,
        )
        downlink = Downlink(
            asked=asked,
            served=served,
            allowance=allowance,
            turns=turns,
            prices=self._prices,
            price_factor=upstream.price_factor,
            redact=self.terrain.redact,
            set_input_format=uplink.set_format,
            epoch=epoch,
        )
        session = Session(
            plan=tenant.plan,
            uplink=uplink,
            downlink=downlink,
            event_id=uplink.event_id,
            now=clock.monotonic(),
        )
        terms = Terms(
            tenant=tenant,
            key_id=guest.key_id,
            model=served,
            region=upstream.region,
            address=guest.address,
            endpoint=self._dialer.endpoint(upstream),
            permit=permit,
        )
        live = Live(self._sessions, terms, session, uplink, downlink, epoch)
        return live, partial(Pipe, session, upstream=dialed.leg, witness=live)

    # --- saying no --------------------------------------------------------------------------------

    async def _turn_away(self, websocket: WebSocket, refused: Refused) -> None:
        """Answer with a status, or in-band where a status cannot be read."""
        query = websocket.scope["query_string"].decode("latin-1")
        headers = _headers(websocket)
        if refused.refusal.close is None or not hellos.in_band(headers, query):
            await websocket.send_denial_response(_response(refused))
            return
        offered = dict(headers).get("sec-websocket-protocol", "")
        echo = hellos.SUBPROTOCOL in [entry.strip() for entry in offered.split(",")]
        farewell = _Farewell(refused)
        hand_over: Handoff = websocket.scope["extensions"][EXTENSION]
        if hand_over(
            farewell.leg, [("Sec-WebSocket-Protocol", hellos.SUBPROTOCOL)] if echo else [], _LARGEST_FRAME
        ):
            farewell.say()


class _Deaf:
    """The ear of a client's leg in the instant between its 101 and its pipe."""

    def message(self, side: Side, message: memoryview, text: bool) -> None:
        """Nothing can come: the socket has not been read since the head."""

    def heard(self, side: Side) -> None:
        """See `message`."""

    def pinged(self, side: Side, payload: bytes) -> None:
        """See `message`."""

    def closed(self, side: Side, code: int, reason: str) -> None:
        """See `message`."""

    def broken(self, side: Side, reason: Reason) -> None:
        """See `message`."""

    def left(self, side: Side) -> None:
        """`Pipe.start` looks whether the leg is still there."""

    def congested(self, side: Side) -> None:
        """See `message`."""

    def relieved(self, side: Side) -> None:
        """See `message`."""


class _Farewell(_Deaf):
    """A refusal told in-band: the event, the close code, and not a second more than the handshake takes."""

    def __init__(self, refused: Refused) -> None:
        self._refused = refused
        self.leg = Leg(Side.CLIENT, 1 << 16, self)

    def say(self) -> None:
        """Say it, and see to it that the connection ends."""
        refusal = self._refused.refusal
        self.leg.send(self._refused.event("event_" + secrets.token_hex(8)), text=True)
        self.leg.send_close(
            refusal.close or Reason.INTERNAL.code,
            wire_reason(f"{refusal.kind}.{self._refused.code or refusal.code}"),
        )
        asyncio.get_running_loop().call_later(CLOSE_CLIENT, self.leg.disconnect, False)  # noqa: FBT003

    def closed(self, side: Side, code: int, reason: str) -> None:
        """The client has heard."""
        del side, code, reason
        self.leg.disconnect(graceful=True)


def _no_key(hello: Hello) -> Refused:
    if hello.key is None:
        message = "No API key was provided. Send it as Authorization: Bearer <key>."
    elif hello.key.reveal().startswith(keys.PREFIX):
        message = "Incorrect API key provided: it is unknown or was revoked."
    else:
        message = f"Incorrect API key provided: this relay's keys begin with {keys.PREFIX}."
    return Refused(Refusal.INVALID_KEY, message)


def _headers(websocket: WebSocket) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in websocket.scope["headers"]]


def _address(websocket: WebSocket, headers: list[tuple[str, str]], terrain: Terrain) -> str:
    """Return the client's address: the nearest one in `X-Forwarded-For` that is no proxy we trust."""
    address = websocket.client.host if websocket.client is not None else "unknown"
    forwarded = ",".join(value for name, value in headers if name == "x-forwarded-for")
    hops = [hop for hop in (part.strip() for part in forwarded.split(",")) if hop]
    while hops and _trusted(address, terrain):
        address = hops.pop()
    return address[:64]


def _trusted(address: str, terrain: Terrain) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in terrain.trusted_proxies)


def _response(refused: Refused) -> Response:
    headers = {}
    if refused.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(refused.retry_after + 0.5)))
    return Response(refused.body(), refused.refusal.status, headers, media_type="application/json")


async def _plain(request: Request) -> Response:
    del request
    response = _response(
        Refused(Refusal.UPGRADE_REQUIRED, "This is a WebSocket address: connect with ws:// or wss://.")
    )
    response.headers["Upgrade"] = "websocket"
    return response


async def _healthy(request: Request) -> Response:
    del request
    return PlainTextResponse("ok\n")


async def _nowhere(request: Request) -> Response:
    del request
    return _response(
        Refused(Refusal.NOT_FOUND, f"There is nothing at this path. Connect to {hellos.PATHS[0]}.")
    )
