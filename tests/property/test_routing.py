"""Residency fails closed, weights hold, and nobody who is sick or full goes first."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.core.refusals import Refused
from relay.core.routing import Route, candidates, order
from relay.core.tenants import Catalog, Plan, Tenant, Upstream
from relay.core.words import Secret, TenantId

REGIONS = ["us", "eu", "asia"]
MODELS = ["a", "b", "alias"]
DRAWS = 100_000

upstreams = st.lists(
    st.builds(
        Upstream,
        name=st.integers(0, 999).map("up-{}".format),
        region=st.sampled_from(REGIONS),
        url=st.just("wss://up.example/v1/realtime"),
        keys=st.just((Secret("sk"),)),
        weight=st.floats(0, 10),
        priority=st.integers(0, 2),
        models=st.dictionaries(st.sampled_from(MODELS), st.sampled_from(["x", "y"]), max_size=2),
    ),
    max_size=6,
    unique_by=lambda one: one.name,
).map(tuple)
tenants = st.builds(
    Tenant,
    id=st.just(TenantId("acme")),
    plan=st.just(Plan(name="standard")),
    regions=st.none() | st.frozensets(st.sampled_from([*REGIONS, "mars"])),
    models=st.none() | st.frozensets(st.sampled_from(MODELS)),
    upstreams=upstreams | st.just(()),
)
named = st.sets(st.integers(0, 999).map("up-{}".format))


@given(
    upstreams,
    tenants,
    st.none() | st.sampled_from(MODELS),
    st.none() | st.sampled_from([*REGIONS, "mars"]),
    st.data(),
)
def test_no_route_leads_out_of_the_tenant_s_regions_or_models(
    shared: tuple[Upstream, ...], tenant: Tenant, model: str | None, region: str | None, data: st.DataObject
) -> None:
    catalog = Catalog.of((tenant,), shared, {"alias": "a"}, {})
    routes = candidates(catalog, tenant, model, region)
    if isinstance(routes, Refused):
        assert routes.body()
        return
    assert routes
    sick, full = data.draw(named), data.draw(named)
    draws = data.draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=len(routes), max_size=len(routes)))
    tried = order(routes, lambda one: one.name not in sick, lambda one: one.name in full, draws)
    assert {id(route) for route in tried} == {id(route) for route in routes if route.upstream.name not in full}
    for route in tried:
        upstream = route.upstream
        assert tenant.regions is None or upstream.region in tenant.regions
        assert region is None or upstream.region == region
        assert upstream in (tenant.upstreams or shared)
        if model is not None:
            assert tenant.models is None or {model, catalog.served_name(model)} & tenant.models
            own = upstream.models
            assert route.served in (own.values() if own else {catalog.served_name(model)})
    ranks = [(one.upstream.name in sick, one.upstream.priority) for one in tried]
    assert ranks == sorted(ranks), "the healthy before the sick, the preferred before the others"


def upstream(name: str, region: str, weight: float) -> Upstream:
    return Upstream(
        name=name, region=region, url="wss://up.example/v1/realtime", keys=(Secret("sk"),), weight=weight
    )


def well(one: Upstream) -> bool:
    del one
    return True


def all_but_eu_2(one: Upstream) -> bool:
    return one.name != "eu-2"


def never(one: Upstream) -> bool:
    del one
    return False


def test_in_a_hundred_thousand_draws_no_session_leaves_its_region_and_weights_hold() -> None:
    shared = (upstream("us-1", "us", 5), upstream("eu-1", "eu", 1), upstream("eu-2", "eu", 3))
    tenant = Tenant(id=TenantId("acme"), plan=Plan(name="standard"), regions=frozenset({"eu"}))
    routes = candidates(Catalog.of((tenant,), shared, {}, {}), tenant, "m", None)
    assert not isinstance(routes, Refused)
    dice = random.Random(1)
    first: Counter[str] = Counter()
    for _ in range(DRAWS):
        sick = dice.random() < 0.5
        tried = order(routes, all_but_eu_2 if sick else well, never, [dice.random(), dice.random()])
        assert all(route.upstream.region == "eu" for route in tried)
        first[f"{tried[0].upstream.name} {sick}"] += 1
    assert first["eu-2 True"] == 0
    assert first["eu-2 False"] / (first["eu-1 False"] + first["eu-2 False"]) == pytest.approx(3 / 4, abs=0.01)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=5))
def test_every_upstream_that_can_take_it_is_tried_once(weights: list[float]) -> None:
    routes = [Route(upstream(f"up-{at}", "us", weight), None) for at, weight in enumerate(weights)]
    tried = order(routes, well, never, [0.5] * len(routes))
    assert sorted(route.upstream.name for route in tried) == sorted(route.upstream.name for route in routes)
