"""Every call of the admin API, a row each: where it is, what it takes, what it does and what it answers.

Rule: a route, its description and its work stand in one row here; nothing is served that is not in this table.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias, cast, get_args

import msgspec

from relay.core.explain import Ask
from relay.core.words import LATENCIES, Latency, SessionId, TenantId
from relay.edge import admin_rows as rows
from relay.edge.admin_lists import Order, TenantsOrder, Window
from relay.edge.admin_openapi import Described, Parameter
from relay.edge.admin_operations import Operations

ROOT: Final = "/admin"
PAGE: Final = 50
MOST: Final = 500
"""Entries of a page: half a megabyte of JSON, a few milliseconds of the event loop's time."""


class Asked(msgspec.Struct, frozen=True):
    """What one request asks for, checked."""

    id: str
    """Of the thing in the path; empty where the path names none."""
    query: dict[str, Any]
    """By parameter; None where it was not given and has no default."""

    @property
    def window(self) -> Window:
        """The page, and one entry more, which tells whether there is another."""
        return Window(self.query["cursor"] or "", self.query["limit"] + 1)

    @property
    def tenant(self) -> TenantId | None:
        """The tenant in the query."""
        return cast("TenantId | None", self.query["tenant"])


Work: TypeAlias = Callable[[Operations, Asked], Awaitable[Any]]
"""What a call does. None: there is no such thing."""


class Call(Described, frozen=True, kw_only=True):
    """One call of the API."""

    work: Work


_LIMIT: Final = Parameter(name="limit", about="Entries of a page.", least=1, most=MOST, default=PAGE)
_CURSOR: Final = Parameter(name="cursor", about="Only what comes after this id: `next_cursor` of a page.")
_PAGES: Final = (_LIMIT, _CURSOR)
_OF: Final = Parameter(name="tenant", about="Only this tenant's.")
_WHOSE: Final = Parameter(name="tenant", about="The tenant.", required=True)
_SORTED: Final = "By id, in pages; or the largest first, on one page."
_ORDER: Final = Parameter(name="order", about=_SORTED, among=get_args(Order), default="id")
_TENANTS_ORDER: Final = Parameter(name="order", about=_SORTED, among=get_args(TenantsOrder), default="id")
_SINCE: Final = Parameter(name="since", about="The first day, in UTC. Without it: thirty days ago.", day=True)
_ASK: Final = (
    _WHOSE,
    Parameter(name="model", about="The model that it would ask for."),
    Parameter(name="region", about="The region that it would ask for."),
    Parameter(name="origin", about="The web origin that it would come from."),
    Parameter(name="latency", about="Its latency hint.", among=LATENCIES, default="balanced"),
)


def _sessions(ops: Operations, asked: Asked) -> Awaitable[Any]:
    return ops.sessions(asked.window, asked.tenant, cast("Order", asked.query["order"]))


def _explain(ops: Operations, asked: Asked) -> Awaitable[Any]:
    query = asked.query
    ask = Ask(model=query["model"], region=query["region"], origin=query["origin"])
    return ops.explain(TenantId(query["tenant"]), ask, cast("Latency", query["latency"]))


CALLS: Final = (
    Call(
        name="overview",
        method="GET",
        path=f"{ROOT}/overview",
        about="The relay at a glance.",
        answer=rows.Overview,
        work=lambda ops, _: ops.overview(),
    ),
    Call(
        name="listTenants",
        method="GET",
        path=f"{ROOT}/tenants",
        about="Tenants.",
        answer=rows.TenantRow,
        paged=True,
        query=(_TENANTS_ORDER, *_PAGES),
        work=lambda ops, asked: ops.tenants(asked.window, cast("TenantsOrder", asked.query["order"])),
    ),
    Call(
        name="getTenant",
        method="GET",
        path=f"{ROOT}/tenants/{{id}}",
        about="One tenant: its limits, where they come from, and what it uses now.",
        answer=rows.TenantView,
        refusals=(404,),
        work=lambda ops, asked: ops.tenant(TenantId(asked.id)),
    ),
    Call(
        name="closeTenantSessions",
        method="DELETE",
        path=f"{ROOT}/tenants/{{id}}/sessions",
        about="Close every session of a tenant.",
        answer=rows.Closed,
        refusals=(404,),
        work=lambda ops, asked: ops.close_all(TenantId(asked.id)),
    ),
    Call(
        name="listKeys",
        method="GET",
        path=f"{ROOT}/keys",
        about="Keys, by their public ids.",
        answer=rows.KeyRow,
        paged=True,
        query=(_OF, *_PAGES),
        work=lambda ops, asked: ops.keys(asked.window, asked.tenant),
    ),
    Call(
        name="listSessions",
        method="GET",
        path=f"{ROOT}/sessions",
        about="Sessions that are open.",
        answer=rows.SessionRow,
        paged=True,
        query=(_OF, _ORDER, *_PAGES),
        work=_sessions,
    ),
    Call(
        name="closeSession",
        method="DELETE",
        path=f"{ROOT}/sessions/{{id}}",
        about="Close one session.",
        answer=rows.Closed,
        refusals=(404,),
        work=lambda ops, asked: ops.close(SessionId(asked.id)),
    ),
    Call(
        name="listUpstreams",
        method="GET",
        path=f"{ROOT}/upstreams",
        about="Upstreams, as the dialer knows them.",
        answer=rows.UpstreamRow,
        paged=True,
        query=_PAGES,
        work=lambda ops, asked: ops.upstreams(asked.window),
    ),
    Call(
        name="usage",
        method="GET",
        path=f"{ROOT}/usage",
        about="What a tenant used, by day and model.",
        answer=rows.UsageView,
        query=(_WHOSE, _SINCE),
        refusals=(404, 503),
        work=lambda ops, asked: ops.usage(TenantId(asked.query["tenant"]), asked.query["since"]),
    ),
    Call(
        name="explain",
        method="GET",
        path=f"{ROOT}/explain",
        about="Would a tenant be let in, why not, and what was it refused for lately?",
        answer=rows.Explanation,
        query=_ASK,
        refusals=(404,),
        work=_explain,
    ),
    Call(
        name="drain",
        method="POST",
        path=f"{ROOT}/drain",
        about="Take no new sessions and let the open ones end, as on SIGTERM.",
        answer=rows.Draining,
        status=202,
        work=lambda ops, _: ops.drain(),
    ),
    Call(
        name="reload",
        method="POST",
        path=f"{ROOT}/reload",
        about="Read the configuration again, as on SIGHUP.",
        answer=rows.Reloaded,
        refusals=(409,),
        work=lambda ops, _: ops.reload(),
    ),
)
