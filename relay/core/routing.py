"""Which upstreams may take a session, and in which order they are tried.

Rule: residency fails closed. An upstream outside the tenant's regions is never a candidate: not first, not on
a retry, not when all others are down. The dice are an argument.
"""

from collections.abc import Callable, Sequence

import msgspec

from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Catalog, Tenant, Upstream


class Route(msgspec.Struct, frozen=True):
    """An upstream, and what it calls the model; None where the session has no model."""

    upstream: Upstream
    served: str | None
    model: str | None = None
    """The same model as the price list calls it."""


def may_use(tenant: Tenant, catalog: Catalog, model: str) -> bool:
    """Tell whether *tenant* may ask for *model*, by the name it uses or the one upstreams use."""
    return tenant.models is None or model in tenant.models or catalog.served_name(model) in tenant.models


def candidates(
    catalog: Catalog, tenant: Tenant, model: str | None, region: str | None
) -> tuple[Route, ...] | Refused:
    """Return where a session with *model* (as the client named it) may go, or why nowhere."""
    if model is not None and not may_use(tenant, catalog, model):
        return Refused(Refusal.NOT_ALLOWED, f"The model {model} is not allowed for this tenant.", param="model")
    allowed = catalog.upstreams_of(tenant)
    if region is not None:
        allowed = tuple(upstream for upstream in allowed if upstream.region == region)
        if not allowed:
            return Refused(
                Refusal.NOT_ALLOWED,
                f"The region {region} is not one that this tenant may use.",
                param="relay_region",
            )
    routes = tuple(
        Route(upstream, served, catalog.served_name(model) if model is not None else None)
        for upstream in allowed
        for served in _served_by(upstream, catalog, model)
    )
    if not routes:
        where = "No upstream in this tenant's regions" if tenant.regions else "No upstream"
        return Refused(Refusal.NOT_ALLOWED, f"{where} serves {model or 'this session'}.", param="model")
    return routes


def _served_by(upstream: Upstream, catalog: Catalog, model: str | None) -> tuple[str | None, ...]:
    """Return what *upstream* calls *model*, as one or no element. One that names models serves only those."""
    if model is None:
        return (None,)
    if not upstream.models:
        return (catalog.served_name(model),)
    named = upstream.models.get(model) or upstream.models.get(catalog.served_name(model))
    return (named,) if named is not None else ()


def order(
    routes: Sequence[Route],
    healthy: Callable[[Upstream], bool],
    full: Callable[[Upstream], bool],
    draws: Sequence[float],
) -> tuple[Route, ...]:
    """Return the routes to try, best first: healthy ones, by priority, drawn by weight; then the others.

    *draws* holds a number in [0, 1) for each route. Those that are *full* are left out. An unhealthy one is
    tried when all else failed: a wrong verdict must not take the last region away.
    """
    open_routes = [(route, draw) for route, draw in zip(routes, draws, strict=True) if not full(route.upstream)]

    def rank(pair: tuple[Route, float]) -> tuple[bool, int, float]:
        upstream, draw = pair[0].upstream, pair[1]
        # Efraimidis and Spirakis: sorting by draw ** (1 / weight) draws without putting back, by weight.
        lot = draw ** (1 / upstream.weight) if upstream.weight > 0 else -1.0
        return not healthy(upstream), upstream.priority, -lot

    return tuple(route for route, _ in sorted(open_routes, key=rank))
