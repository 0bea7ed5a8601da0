"""The door: who may come in, to which upstream, and how those are told no who may not.

    request head -> Hello -> tenant -> may it? -> permit -> dial -> first event -> 101 -> session

Rule: the upstream is dialed before the client has its 101, so that every refusal is a status and a body; only
for a client that cannot read them (a browser) is it an event and a close code after the 101. What was taken on
the way is given back on every way out, the client's leaving included.
"""

from collections.abc import Sequence
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
from relay.core import routing
from relay.core.client_secrets import Grant
from relay.core.explain import Ask, Lately
from relay.core.guest import Guest, granted
from relay.core.hello import Hello
from relay.core.refusals import Refusal, Refused
from relay.core.routing import Route
from relay.core.tenants import Catalog, Tenant
from relay.edge import clock, identity
from relay.edge.admission import Admission
from relay.edge.farewell import LARGEST, Farewell
from relay.edge.grants import Grants
from relay.edge.handoff import EXTENSION, Handoff
from relay.edge.memory import MemoryGuard
from relay.edge.metrics import OTHER, Metrics
from relay.edge.replies import refusing
from relay.edge.rest import Rest
from relay.ports import Allowances
from relay.settings.model import Network

log = structlog.get_logger("door")


class Terrain:
    """What the door goes by, replaced whole when the configuration is read again."""

    def __init__(self, catalog: Catalog, trusted_proxies: Sequence[Network]) -> None:
        self.catalog = catalog
        self.trusted_proxies = tuple(trusted_proxies)


class Door:
    """Answers upgrade requests."""

    def __init__(
        self,
        *,
        terrain: Terrain,
        admission: Admission,
        allowances: Allowances,
        grants: Grants,
        metrics: Metrics,
        rest: Rest,
        lately: Lately,
        memory: MemoryGuard,
    ) -> None:
        self.terrain = terrain
        self.draining = False
        self._admission = admission
        self._allowances = allowances
        self._grants = grants
        self._metrics = metrics
        self._lately = lately
        self._memory = memory
        self.app = Starlette(
            routes=[
                *(WebSocketRoute(path, self.upgrade) for path in hellos.PATHS),
                *(Path(path, _plain, methods=_METHODS) for path in hellos.PATHS),
                *rest.routes(),
                Path("/healthz", _healthy, methods=["GET"]),
                Path("/{path:path}", _nowhere, methods=_METHODS),
                WebSocketRoute("/{path:path}", self.lost),
            ],
            exception_handlers={404: _unrouted},  # a path that no pattern matches: one with a line break
        )

    async def upgrade(self, websocket: WebSocket) -> None:
        """Answer one upgrade request to one of our paths."""
        started = clock.monotonic()
        result = "abandoned"
        try:
            tenant, guest = await self._receive(websocket)
            outcome: Refused | bool = False
            if isinstance(guest, Refused):
                outcome = guest
            else:
                hand_over: Handoff = websocket.scope["extensions"][EXTENSION]
                outcome = await self._admission.admit(guest, hand_over, self._may_still)
            if isinstance(outcome, Refused):
                result = "refused"
                self._note(tenant, outcome, websocket)
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

    def _note(self, tenant: Tenant | None, refused: Refused, websocket: WebSocket) -> None:
        """Count the refusal; where the tenant is known, keep it for whoever asks why."""
        self._metrics.refused(refused, OTHER if tenant is None else self._metrics.tenant_label(tenant.id))
        if tenant is not None:
            asked = websocket.query_params
            ask = Ask(
                model=_short(asked.get("model") or asked.get("deployment")),
                region=_short(asked.get("relay_region") or websocket.headers.get("x-relay-region")),
                origin=_short(websocket.headers.get("origin")),
            )
            self._lately.note(tenant.id, refused, ask, clock.wall())

    # --- who is it, and may it? -------------------------------------------------------------------

    async def _receive(self, websocket: WebSocket) -> tuple[Tenant | None, Guest | Refused]:
        """Decide all that needs no network. Return whose key it was, and the decision."""
        if self.draining:
            return None, DRAINING
        terrain = self.terrain
        headers = _headers(websocket)
        query = websocket.scope["query_string"].decode("latin-1")
        hello = hellos.read(websocket.scope["path"], query, headers)
        if isinstance(hello, Refused):
            return None, hello
        known = await self._who(hello, terrain.catalog)
        if isinstance(known, Refused):
            return None, known
        tenant, key_id, grant = known
        told = granted(hello, grant) if grant is not None else hello
        if isinstance(told, Refused):
            return tenant, told
        refused = _origin_refusal(told, tenant, grant) or self._memory.refusal(told.latency)
        if refused is None:
            await self._allowances.prepare(tenant)
        routes = refused or self._may(told, tenant)
        if isinstance(routes, Refused):
            return tenant, routes
        return tenant, Guest(
            hello=told,
            tenant=tenant,
            key_id=key_id,
            routes=routes,
            address=_address(websocket, headers, terrain),
            grant=grant,
        )

    async def _who(self, hello: Hello, catalog: Catalog) -> tuple[Tenant, str, Grant | None] | Refused:
        """Return whose key was shown, its id, and what it grants where it is a client secret."""
        if hello.key is None or not hello.by_client_secret:
            known = identity.holder(hello.key, catalog)
            return known if isinstance(known, Refused) else (known[0], known[1].id, None)
        grant = await self._grants.redeem(hello.key.reveal(), clock.wall())
        if isinstance(grant, Refused):
            return grant
        tenant = identity.minter(grant, catalog)
        return tenant if isinstance(tenant, Refused) else (tenant, grant.key_id, grant)

    def _may(self, hello: Hello, tenant: Tenant) -> tuple[Route, ...] | Refused:
        """Return where *tenant* may be sent with what it asks for, or why it may not."""
        if hello.call_id is not None and not tenant.upstreams:
            return Refused(Refusal.NOT_FOUND, "No such call was made through this relay.", param="call_id")
        broke = self._allowances.of(tenant).day_refusal(clock.wall())
        return broke or routing.candidates(self.terrain.catalog, tenant, hello.model, hello.region)

    def _may_still(self, guest: Guest) -> Refused | None:
        """Say why a guest may not come in after all, as of now."""
        if self.draining:
            return DRAINING
        if (full := self._memory.refusal(guest.hello.latency)) is not None:
            return full
        if guest.grant is not None:
            minter = identity.minter(guest.grant, self.terrain.catalog)
            return minter if isinstance(minter, Refused) else None
        held = self.terrain.catalog.keys.get(guest.key_id)
        if held is None or held[1] != guest.tenant.id:
            return identity.unknown(guest.hello.key)
        return None

    # --- saying no --------------------------------------------------------------------------------

    async def _turn_away(self, websocket: WebSocket, refused: Refused) -> None:
        """Answer with a status, or in-band where a status cannot be read."""
        query = websocket.scope["query_string"].decode("latin-1")
        headers = _headers(websocket)
        if refused.refusal.close is None or not hellos.in_band(headers, query):
            await websocket.send_denial_response(refusing(refused))
            return
        offered = dict(headers).get("sec-websocket-protocol", "")
        echo = hellos.SUBPROTOCOL in [entry.strip() for entry in offered.split(",")]
        farewell = Farewell(refused)
        hand_over: Handoff = websocket.scope["extensions"][EXTENSION]
        if hand_over(farewell.leg, [("Sec-WebSocket-Protocol", hellos.SUBPROTOCOL)] if echo else [], LARGEST):
            farewell.say()


_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
DRAINING: Final = Refused(
    Refusal.DRAINING,
    "This relay is shutting down. Connect again: another one takes the session.",
    retry_after=1.0,
)


def _origin_refusal(hello: Hello, tenant: Tenant, grant: Grant | None) -> Refused | None:
    """Say why a web page may not use what it shows. A client secret is made for pages: with no list, any."""
    if grant is not None and (refused := grant.origin_refusal(hello.origin)) is not None:
        return refused
    if hello.origin is None or hello.origin.lower() in tenant.origins:
        return None
    if grant is not None and not tenant.origins:
        return None
    return Refused(
        Refusal.NOT_ALLOWED,
        f"The origin {hello.origin[:128]} is not allowed for this tenant.",
        param="origin",
    )


def _short(asked: str | None) -> str | None:
    """Return what was asked for, no longer than it takes to know it again."""
    return None if asked is None else asked[:128]


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


async def _plain(request: Request) -> Response:
    del request
    response = refusing(
        Refused(Refusal.UPGRADE_REQUIRED, "This is a WebSocket address: connect with ws:// or wss://.")
    )
    response.headers["Upgrade"] = "websocket"
    return response


async def _healthy(request: Request) -> Response:
    del request
    return PlainTextResponse("ok\n")


async def _unrouted(request: Request, missed: Exception) -> Response:
    del missed
    return await _nowhere(request)


async def _nowhere(request: Request) -> Response:
    del request
    return refusing(Refused(Refusal.NOT_FOUND, f"There is nothing at this path. Connect to {hellos.PATHS[0]}."))
