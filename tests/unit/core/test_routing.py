"""Which upstreams may take a session, and in which order. Residency fails closed."""

from collections.abc import Sequence

import msgspec
import pytest

from relay.core.refusals import Refusal, Refused
from relay.core.routing import Route, candidates, may_use, order
from relay.core.tenants import Catalog, Plan, Tenant, Upstream
from relay.core.words import Secret, TenantId

ACME = Tenant(id=TenantId("acme"), plan=Plan(name="standard"))


def upstream(name: str, region: str = "us", **more: object) -> Upstream:
    plain = Upstream(name=name, region=region, url="wss://up.example/v1/realtime", keys=(Secret("sk"),))
    return msgspec.structs.replace(plain, **more)


def catalog(*upstreams: Upstream) -> Catalog:
    return Catalog.of((ACME,), upstreams, {"old": "new"}, {})


US, EU = upstream("us-1"), upstream("eu-1", "eu")
BOTH = catalog(US, EU)


def tenant(**more: object) -> Tenant:
    return msgspec.structs.replace(ACME, **more)


def reached(answer: tuple[Route, ...] | Refused) -> list[tuple[str, str | None]]:
    assert not isinstance(answer, Refused)
    return [(route.upstream.name, route.served) for route in answer]


def refused_param(answer: tuple[Route, ...] | Refused) -> str | None:
    assert isinstance(answer, Refused)
    assert answer.refusal is Refusal.NOT_ALLOWED
    return answer.param


def names(routes: Sequence[Route]) -> list[str]:
    return [route.upstream.name for route in routes]


def test_an_unrestricted_tenant_may_go_anywhere() -> None:
    assert reached(candidates(BOTH, ACME, "new", None)) == [("us-1", "new"), ("eu-1", "new")]


def test_an_alias_is_served_under_the_name_it_stands_for() -> None:
    assert reached(candidates(BOTH, ACME, "old", "us")) == [("us-1", "new")]


def test_a_session_without_a_model_goes_anywhere_without_one() -> None:
    assert reached(candidates(BOTH, ACME, None, None)) == [("us-1", None), ("eu-1", None)]


def test_a_region_asked_for_is_kept_to() -> None:
    assert reached(candidates(BOTH, ACME, "new", "eu")) == [("eu-1", "new")]


def test_a_region_that_is_not_there_is_refused() -> None:
    assert refused_param(candidates(BOTH, ACME, "new", "mars")) == "relay_region"


def test_a_region_outside_the_tenant_s_is_refused_though_it_exists() -> None:
    assert refused_param(candidates(BOTH, tenant(regions=frozenset({"eu"})), "new", "us")) == "relay_region"


def test_a_model_that_the_tenant_may_not_use_is_refused() -> None:
    assert refused_param(candidates(BOTH, tenant(models=frozenset({"x"})), "new", None)) == "model"


@pytest.mark.parametrize(("models", "model", "allowed"), [
    (None, "old", True), ({"old"}, "old", True), ({"new"}, "old", True), ({"new"}, "new", True),
    ({"old"}, "new", False),
])  # fmt: skip
def test_a_model_is_allowed_by_the_client_s_name_or_the_upstream_s(
    models: set[str] | None, model: str, allowed: bool
) -> None:
    restricted = tenant(models=frozenset(models) if models is not None else None)
    assert may_use(restricted, BOTH, model) is allowed


def test_an_upstream_that_names_models_serves_only_those_and_by_its_own_names() -> None:
    deployed = upstream("azure", models={"new": "deployment-1", "other": "deployment-2"})
    assert reached(candidates(catalog(deployed), ACME, "old", None)) == [("azure", "deployment-1")]
    assert reached(candidates(catalog(deployed), ACME, "other", None)) == [("azure", "deployment-2")]
    assert refused_param(candidates(catalog(deployed), ACME, "third", None)) == "model"


def test_residency_without_an_upstream_is_a_refusal_that_says_so() -> None:
    answer = candidates(BOTH, tenant(regions=frozenset({"mars"})), "new", None)
    assert isinstance(answer, Refused)
    assert answer.message == "No upstream in this tenant's regions serves new."
    nobody = candidates(catalog(), ACME, None, None)
    assert isinstance(nobody, Refused)
    assert nobody.message == "No upstream serves this session."


def ordered(
    upstreams: Sequence[Upstream],
    draws: Sequence[float],
    sick: Sequence[str] = (),
    full: Sequence[str] = (),
) -> list[str]:
    routes = [Route(one, "m") for one in upstreams]
    return names(order(routes, lambda one: one.name not in sick, lambda one: one.name in full, draws))


def test_the_higher_lot_goes_first() -> None:
    assert ordered([US, EU], [0.1, 0.9]) == ["eu-1", "us-1"]
    assert ordered([US, EU], [0.9, 0.1]) == ["us-1", "eu-1"]


def test_priority_goes_before_the_dice() -> None:
    assert ordered([upstream("second", priority=1), US], [0.99, 0.01]) == ["us-1", "second"]


def test_an_unhealthy_upstream_goes_last_but_is_not_lost() -> None:
    assert ordered([US, upstream("second", priority=9)], [0.99, 0.01], sick=["us-1"]) == ["second", "us-1"]


def test_a_full_upstream_is_left_out() -> None:
    assert ordered([US, EU], [0.1, 0.9], full=["eu-1"]) == ["us-1"]


def test_a_weight_of_nothing_goes_behind_every_other() -> None:
    assert ordered([upstream("none", weight=0), US], [0.99, 0.0]) == ["us-1", "none"]


def test_as_many_draws_as_routes_are_thrown() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ordered([US, EU], [0.5])
