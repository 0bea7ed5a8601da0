"""Would this tenant be let in, and if not, why: the door's questions, asked without anybody at the door.

Rule: every question is answered, not only up to the first no; the first no, in the door's order, is what a
client would be told. Nothing here holds a secret, and nothing grows beyond its bound.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from math import inf
from typing import Final, Literal, TypeAlias

import msgspec

from relay.core.refusals import Refusal, Refused
from relay.core.routing import Route, candidates
from relay.core.tenants import Catalog, Plan, Tenant
from relay.core.words import Seconds, TenantId, UnixSeconds

REMEMBERED: Final = 20
"""Refusals kept of each tenant: what a person reads."""
TENANTS: Final = 1000
"""Tenants whose refusals are kept; of more, those that were refused last. 20,000 entries are some ten MiB."""

Source: TypeAlias = Literal["tenant", "plan", "default"]
"""Where a limit comes from: `[tenants.limits]`, `[plans.NAME]`, or nobody having said anything else."""


Question: TypeAlias = Literal["draining", "origin", "memory", "day_budget", "route", "sessions", "upstreams"]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a client might ask for; None where it would not say."""

    model: str | None = None
    region: str | None = None
    origin: str | None = None


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand for one tenant."""

    draining: Refused | None = None
    """Why nobody is let in for now."""
    memory: Refused | None = None
    """Why no session may start, for want of memory."""
    day: Refused | None = None
    """Why the day's budget keeps the tenant out."""
    sessions: int = 0
    """That the tenant holds."""
    unhealthy: frozenset[str] = frozenset()
    """Upstreams, by name, that are tried last."""
    full: frozenset[str] = frozenset()
    """Upstreams, by name, that hold as many sessions as they may."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal, as it is told of to an operator."""

    refusal: str
    status: int
    code: str
    message: str
    param: str | None = None
    retry_after: Seconds | None = None


class Check(msgspec.Struct, frozen=True):
    """One of the door's questions, and its answer."""

    check: Question
    passed: bool
    detail: str


class Way(msgspec.Struct, frozen=True):
    """An upstream that may take the session, in no order."""

    upstream: str
    region: str
    model: str | None
    """What it calls the model."""
    healthy: bool
    full: bool


class Limit(msgspec.Struct, frozen=True):
    """One key of a plan, as it holds for one tenant."""

    limit: str
    value: bool | float | str
    """As it would be written down; `"unlimited"` is one."""
    source: Source


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a session would start as of now, and all that bears on it."""

    admitted: bool
    refusal: Told | None
    checks: tuple[Check, ...]
    ways: tuple[Way, ...]


def told(refused: Refused) -> Told:
    """Put *refused* into an operator's words."""
    return Told(
        refusal=refused.refusal.label,
        status=refused.refusal.status,
        code=refused.code or refused.refusal.code,
        message=refused.message,
        param=refused.param,
        retry_after=None if refused.retry_after == inf else refused.retry_after,
    )


def explain(ask: Ask, tenant: Tenant, catalog: Catalog, situation: Situation) -> Answer:
    """Answer every question of the door for *tenant*, who comes with a key of its own and *ask*."""
    routes = candidates(catalog, tenant, ask.model, ask.region)
    found = () if isinstance(routes, Refused) else routes
    ways = tuple(_way(route, situation) for route in found)
    asked = list(_questions(ask, tenant, routes, ways, situation))
    first = next((answer for _, answer, _ in asked if answer is not None), None)
    return Answer(
        admitted=first is None,
        refusal=None if first is None else told(first),
        checks=tuple(
            Check(check, answer is None, yes if answer is None else answer.message)
            for check, answer, yes in asked
        ),
        ways=ways,
    )


def _questions(
    ask: Ask,
    tenant: Tenant,
    routes: tuple[Route, ...] | Refused,
    ways: tuple[Way, ...],
    situation: Situation,
) -> Iterator[tuple[Question, Refused | None, str]]:
    """Yield each question in the door's order: its name, the no, and what is said where there is none."""
    yield "draining", situation.draining, "The relay takes new sessions."
    yield "origin", _origin(ask.origin, tenant), _origin_detail(ask.origin)
    yield "memory", situation.memory, "There is memory for new sessions."
    yield "day_budget", situation.day, "The day's budget is not spent."
    unroutable = routes if isinstance(routes, Refused) else None
    yield "route", unroutable, f"{len(ways)} {'upstream serves' if len(ways) == 1 else 'upstreams serve'} it."
    most = tenant.plan.concurrent_sessions
    crowded = Refused(Refusal.TOO_MANY_SESSIONS, f"At most {most:.0f} sessions at once are allowed.")
    held = f"{situation.sessions} of {_shown(most)} sessions are open."
    yield "sessions", crowded if situation.sessions >= most else None, held
    busy = Refused(Refusal.UPSTREAM_BUSY, "Every upstream that may take this session is full.")
    healthy = sum(way.healthy for way in ways)
    full = ways != () and all(way.full for way in ways)
    yield (
        "upstreams",
        busy if full else None,
        f"{healthy} of {len(ways)} are healthy; the others are tried last.",
    )


def _origin(origin: str | None, tenant: Tenant) -> Refused | None:
    if origin is None or origin.lower() in tenant.origins:
        return None
    return Refused(
        Refusal.NOT_ALLOWED, f"The origin {origin[:128]} is not allowed for this tenant.", param="origin"
    )


def _origin_detail(origin: str | None) -> str:
    return "A request without an origin passes." if origin is None else "The origin is one of the tenant's."


def _way(route: Route, situation: Situation) -> Way:
    name = route.upstream.name
    return Way(
        name,
        route.upstream.region,
        route.served,
        healthy=name not in situation.unhealthy,
        full=name in situation.full,
    )


def limits(plan: Plan, plans: Mapping[str, Plan]) -> tuple[Limit, ...]:
    """Return every key of *plan* as it holds, and whether the tenant, its plan or nobody set it so.

    A value that is written down and is the default's is told as the default's.
    """
    named, default = plans.get(plan.name, plan), Plan(name=plan.name)
    found: list[Limit] = []
    for field in Plan.__struct_fields__:
        value = getattr(plan, field)
        if field == "name":
            continue
        source: Source = "default" if value == getattr(default, field) else "plan"
        if value != getattr(named, field):
            source = "tenant"
        found.append(Limit(field, _shown(value), source))
    return tuple(found)


def _shown(value: bool | float | str) -> bool | float | str:
    """Return *value* as it would be written down."""
    if value == inf:
        return "unlimited"
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Incident(msgspec.Struct, frozen=True):
    """One refusal at the door, and what was asked for."""

    at: UnixSeconds
    refused: Told
    ask: Ask


class Lately:
    """The last refusals of each tenant."""

    def __init__(self) -> None:
        self._kept: dict[TenantId, deque[Incident]] = {}

    def note(self, tenant: TenantId, refused: Refused, ask: Ask, at: UnixSeconds) -> None:
        """*tenant* was refused at *at*."""
        kept = self._kept.pop(tenant, None)
        if kept is None:
            kept = deque(maxlen=REMEMBERED)
        kept.append(Incident(at, told(refused), ask))
        self._kept[tenant] = kept  # last in the order of insertion: the first is the one to forget
        if len(self._kept) > TENANTS:
            del self._kept[next(iter(self._kept))]

    def of(self, tenant: TenantId) -> tuple[Incident, ...]:
        """Return the last refusals of *tenant*, the newest first."""
        return tuple(reversed(self._kept.get(tenant, ())))
