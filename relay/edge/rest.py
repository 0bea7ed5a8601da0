"""The REST paths beside the WebSocket's: client secrets are minted here, and models are listed.

    key -> tenant -> origin -> (rate -> body -> wish -> budget, model, policy -> sealed) -> answer, with CORS

Rule: nothing is read before the key is known and its tenant charged; bodies have a size, a time and a number;
whatever is refused is refused in the API's own form. What is minted is what was asked for: the policy applies
again when a session starts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from math import inf
from typing import Any, Final, TypeAlias

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as Path

from relay.core import client_secrets, minting, model_list, routing
from relay.core.client_secrets import Form, Grant, Wish
from relay.core.dialects.spoken import by_upstream
from relay.core.habits import format_fault
from relay.core.keys import PresentedKey
from relay.core.pacing import Pacer
from relay.core.policy import Rules, check
from relay.core.preset import preset
from relay.core.refusals import Refusal, Refused
from relay.core.strict import Event
from relay.core.tenants import Catalog, Plan, Tenant
from relay.core.words import Seconds, TenantId, UnixSeconds
from relay.edge import clock, cors, identity
from relay.edge.dice import drawn
from relay.edge.grants import Grants
from relay.edge.metrics import OTHER, Metrics
from relay.edge.replies import refusing
from relay.ports import Allowances

ROOTS: Final = ("/v1", "", "/openai/v1", "/openai")
"""What the SDKs put before a path, OpenAI's first: their base URLs, and Azure's."""
BODY_BYTES: Final = 512 * 1024
"""Of a request to mint: 256,000 characters of instructions, the most that the API takes, and the 256 KiB of
tools that a policy allows by default. To parse so much text holds up everybody's frames for 3 ms."""
BODY_WITHIN: Final[Seconds] = 10.0
"""As long as a request's head may take."""
BODIES: Final = 8
"""Of one tenant, being read at once: 4 MiB. Where a body takes 50 ms to come, they are 160 a second."""
_SOON: Final[Seconds] = 1.0
"""Told as `Retry-After` where another request has to end first, or another relay to take over."""
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

Work: TypeAlias = Callable[[Request, Tenant, PresentedKey], Awaitable[Any]]
"""What one path does for a tenant: an answer to encode, or a Refused."""


_DRAINING: Final = Refused(
    Refusal.DRAINING, "This relay is shutting down. Ask again: another one answers.", retry_after=_SOON
)


class _Minter:
    """What one tenant has of minting: its pace, and how many of its bodies are being read."""

    __slots__ = ("_pace", "_per_minute", "reading")

    def __init__(self) -> None:
        self._per_minute = inf
        self._pace = Pacer(inf, 1.0)
        self.reading = 0

    def take(self, plan: Plan, now: Seconds) -> Refused | None:
        """Charge one request to mint, or say why it may not be made."""
        if self.reading >= BODIES:
            return Refused(
                Refusal.TOO_MANY_REQUESTS,
                f"At most {BODIES} requests for client secrets may be on their way at once.",
                retry_after=_SOON,
            )
        per_minute = plan.client_secrets_per_minute
        if per_minute != self._per_minute:
            # The burst is a minute's worth, and never less than the one that makes minting possible at all.
            self._per_minute, self._pace = per_minute, Pacer(per_minute / 60, max(1.0, per_minute))
        wait = self._pace.take(1, now)
        if wait > 0.0:
            return Refused(
                Refusal.TOO_MANY_REQUESTS,
                f"At most {per_minute:g} client secrets may be asked for in a minute.",
                retry_after=wait,
            )
        return None


class Rest:
    """Answers plain requests of tenants."""

    def __init__(
        self,
        *,
        catalog: Callable[[], Catalog],
        grants: Grants,
        allowances: Allowances,
        metrics: Metrics,
        priced: Collection[str],
        draining: Callable[[], bool],
        now: Callable[[], UnixSeconds] = clock.wall,
        monotonic: Callable[[], Seconds] = clock.monotonic,
    ) -> None:
        self._catalog = catalog
        self._grants = grants
        self._allowances = allowances
        self._metrics = metrics
        self._priced = priced
        self._draining = draining
        self._now = now
        self._monotonic = monotonic
        self._minters: dict[TenantId, _Minter] = {}
        self._minters_as_of: Catalog | None = None

    def routes(self) -> list[Path]:
        """Return the routes, for the app of the public port."""
        served: list[tuple[str, str, Work]] = [
            *((f"/realtime/{form.path}", "POST", partial(self._mint, form)) for form in Form),
            ("/models", "GET", self._models),
            ("/models/{id:path}", "GET", self._model),
        ]
        return [
            Path(root + path, partial(self._serve, method, work), methods=_METHODS)
            for root in ROOTS
            for path, method, work in served
        ]

    # --- every path -------------------------------------------------------------------------------

    async def _serve(self, method: str, work: Work, request: Request) -> Response:
        """Answer one *request* to a path that takes *method*."""
        catalog = self._catalog()
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]
        ]
        tenant: Tenant | None = None
        outcome: Any
        if request.method == "OPTIONS":
            outcome = cors.preflight(dict(headers), (method,), catalog)
        elif request.method not in {method, "HEAD" if method == "GET" else method}:
            outcome = Refused(
                Refusal.METHOD_NOT_ALLOWED, f"This path takes {method}, not {request.method[:16]}."
            )
        else:
            tenant, outcome = await self._do(work, request, headers, catalog)
        readable = cors.readable(dict(headers).get("origin"), catalog)
        if isinstance(outcome, Refused):
            self._metrics.refused(outcome, OTHER if tenant is None else self._metrics.tenant_label(tenant.id))
            allowed = {"Allow": f"{method}, OPTIONS"}  # RFC 9110, 15.5.6
            return refusing(
                outcome, readable | (allowed if outcome.refusal is Refusal.METHOD_NOT_ALLOWED else {})
            )
        if request.method == "OPTIONS":
            return Response(None, 204, outcome)
        # What is answered to one key is nobody else's to keep, and a secret least of all.
        return _json(msgspec.json.encode(outcome), 200, {**readable, "Cache-Control": "no-store"})

    async def _do(
        self, work: Work, request: Request, headers: list[tuple[str, str]], catalog: Catalog
    ) -> tuple[Tenant | None, Any]:
        """Find out who asks, and do the *work*. Return whose key it was, and the answer."""
        known = identity.who(headers, request.scope["query_string"].decode("latin-1"), catalog)
        if isinstance(known, Refused):
            return None, known
        tenant, key = known
        refused = cors.refusal(dict(headers).get("origin"), tenant)
        return tenant, refused or await work(request, tenant, key)

    # --- models -----------------------------------------------------------------------------------

    async def _models(self, request: Request, tenant: Tenant, key: PresentedKey) -> Event:
        del request, key
        return {"object": "list", "data": model_list.served(self._catalog(), tenant, self._priced)}

    async def _model(self, request: Request, tenant: Tenant, key: PresentedKey) -> model_list.Model | Refused:
        del key
        return model_list.find(self._catalog(), tenant, self._priced, request.path_params["id"])

    # --- client secrets ---------------------------------------------------------------------------

    async def _mint(self, form: Form, request: Request, tenant: Tenant, key: PresentedKey) -> Event | Refused:
        if self._draining():
            return _DRAINING
        minter = self._minter(tenant)
        refused = minter.take(tenant.plan, self._monotonic())
        if refused is not None:
            return refused
        minter.reading += 1
        try:
            body = await _body(request)
        finally:
            minter.reading -= 1
        wish = body if isinstance(body, Refused) else minting.read(body, form)
        if isinstance(wish, Refused):
            return wish
        now = self._now()
        await self._allowances.prepare(tenant)
        refused = self._allowances.of(tenant).day_refusal(now)
        session = refused or self._session(wish, tenant)
        if isinstance(session, Refused):
            return session
        grant = Grant(
            id=drawn(),
            tenant=tenant.id,
            key_id=key.id,
            expires_at=client_secrets.expiry(now, wish.seconds),
            session=wish.session,
            origin=wish.origin,
            locked=wish.locked,
            beta=form.beta,
            max_uses=_uses(wish, tenant.plan),
            temperature=wish.temperature,
            latency=wish.latency,
        )
        value = await self._grants.issue(grant)
        if isinstance(value, Refused):
            return value
        return client_secrets.answer(wish, value, grant.expires_at, session, f"sess_{drawn()}")

    def _minter(self, tenant: Tenant) -> _Minter:
        catalog = self._catalog()
        if catalog is not self._minters_as_of:
            kept = {known: minter for known, minter in self._minters.items() if known in catalog.tenants}
            self._minters, self._minters_as_of = kept, catalog
        return self._minters.setdefault(tenant.id, _Minter())

    def _session(self, wish: Wish, tenant: Tenant) -> Event | Refused | None:
        """Return the session that *wish* would start as of now, or say why *tenant* may not have it."""
        # A tenant without a list has no pages of its own to hold to one: a secret may name any.
        if wish.origin is not None and tenant.origins and wish.origin not in tenant.origins:
            return Refused(
                Refusal.NOT_ALLOWED,
                f"The origin {wish.origin[:128]} is not one of this tenant's.",
                param="relay.origin",
            )
        routes = routing.candidates(self._catalog(), tenant, wish.model, None)
        if isinstance(routes, Refused):
            return msgspec.structs.replace(routes, param=wish.form.param("session.model"))
        session = _judged(wish, tenant)
        if not isinstance(session, Refused) and all(
            by_upstream(route.upstream.dialect).hears_raw for route in routes
        ):
            session = format_fault({"type": "session.update", "session": session}) or session
        if isinstance(session, Refused) and session.param is not None:
            return msgspec.structs.replace(session, param=wish.form.param(session.param))
        return session


def _judged(wish: Wish, tenant: Tenant) -> Event | Refused | None:
    """Put the wish's session to the policy: what it becomes, its model by the name that it was asked for."""
    session, model = wish.session, wish.model
    rules = Rules(tenant.policy, model, model)
    if wish.form is Form.TRANSLATION and session is not None:
        settings = {name: value for name, value in session.items() if name != "type"}
        verdict = check({"type": "session.update", "session": settings}, rules)
        changed = verdict if isinstance(verdict, Refused | None) else verdict["session"]
        return changed if isinstance(changed, Refused) else {**session, **(changed or {})}
    settled = preset(rules, session, wish.transcription)
    if settled is None or isinstance(settled, Refused) or model is None:
        return session if settled is None else settled
    return {**settled, "model": model}


def _uses(wish: Wish, plan: Plan) -> int | None:
    most = min(inf if wish.max_uses is None else wish.max_uses, plan.client_secret_uses)
    return None if most == inf else int(most)


async def _body(request: Request) -> bytes | Refused:
    """Read the body, no more of it than it may have and no longer than it may take."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES:
                    return Refused(Refusal.BODY_TOO_LARGE, f"A body has at most {BODY_BYTES} bytes.")
    except TimeoutError:
        return Refused(Refusal.HEAD_TOO_SLOW, f"The body did not arrive within {BODY_WITHIN:.0f} s.")
    except ClientDisconnect:
        return Refused(Refusal.BAD_REQUEST, "The body was cut off.")  # to be counted: nobody is left to read it
    return bytes(body)


def _json(body: bytes, status: int, headers: dict[str, str]) -> Response:
    return Response(body, status, headers, media_type="application/json")
