"""Would a tenant be let in, and if not, why."""

from math import inf
from typing import Any

import msgspec
import pytest

from relay.core.explain import (
    REMEMBERED,
    TENANTS,
    Answer,
    Ask,
    Lately,
    Limit,
    Situation,
    explain,
    limits,
    told,
)
from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Catalog, Plan, Tenant, Upstream
from relay.core.words import Secret, TenantId

ACME = TenantId("acme")
ORIGIN = "https://app.acme.example"
NO = Refused(Refusal.RELAY_FULL, "No.", retry_after=5.0)


def upstream(name: str, region: str) -> Upstream:
    return Upstream(
        name=name, region=region, url="wss://up.example/v1", keys=(Secret("sk"),), models={"m": f"m-{name}"}
    )


def asked(
    ask: Ask | None = None,
    *,
    plan: Plan | None = None,
    regions: frozenset[str] | None = None,
    **situation: object,
) -> Answer:
    tenant = Tenant(id=ACME, plan=plan or Plan(name="standard"), regions=regions, origins=frozenset({ORIGIN}))
    catalog = Catalog.of((tenant,), (upstream("us-1", "us"), upstream("eu-1", "eu")), {}, {})
    return explain(ask or Ask(model="m"), tenant, catalog, msgspec.structs.replace(Situation(), **situation))


def failed(answer: Answer) -> list[str]:
    return [check.check for check in answer.checks if not check.passed]


def test_a_tenant_that_nothing_speaks_against_is_let_in() -> None:
    answer = asked()
    assert answer.admitted
    assert answer.refusal is None
    assert failed(answer) == []
    assert [(way.upstream, way.region, way.model, way.healthy, way.full) for way in answer.ways] == [
        ("us-1", "us", "m-us-1", True, False),
        ("eu-1", "eu", "m-eu-1", True, False),
    ]
    assert [check.detail for check in answer.checks] == [
        "The relay takes new sessions.",
        "A request without an origin passes.",
        "There is memory for new sessions.",
        "The day's budget is not spent.",
        "2 upstreams serve it.",
        "0 of 20 sessions are open.",
        "2 of 2 are healthy; the others are tried last.",
    ]


@pytest.mark.parametrize(
    ("situation", "check", "refusal"),
    [
        ({"draining": Refused(Refusal.DRAINING, "No.")}, "draining", "draining"),
        ({"memory": NO}, "memory", "relay_full"),
        ({"day": Refused(Refusal.BUDGET_SPENT, "No.")}, "day_budget", "budget_spent"),
        ({"sessions": 20}, "sessions", "too_many_sessions"),
        ({"full": frozenset({"us-1", "eu-1"})}, "upstreams", "upstream_busy"),
    ],
)
def test_whatever_speaks_against_it_is_the_refusal(situation: dict[str, Any], check: str, refusal: str) -> None:
    answer = asked(**situation)
    assert not answer.admitted
    assert answer.refusal is not None
    assert answer.refusal.refusal == refusal
    assert failed(answer) == [check]


def test_an_origin_has_to_be_one_of_the_tenants() -> None:
    assert asked(Ask(model="m", origin=ORIGIN.upper())).admitted
    answer = asked(Ask(model="m", origin="https://evil.example"))
    assert answer.refusal is not None
    assert (answer.refusal.status, answer.refusal.param) == (403, "origin")
    assert failed(answer) == ["origin"]


def test_residency_is_told_and_leaves_no_way() -> None:
    answer = asked(Ask(model="m", region="us"), regions=frozenset({"eu"}))
    assert answer.refusal is not None
    assert answer.refusal.param == "relay_region"
    assert answer.ways == ()
    assert failed(answer) == ["route"]


def test_one_way_is_enough_and_its_state_is_told() -> None:
    answer = asked(full=frozenset({"us-1"}), unhealthy=frozenset({"eu-1"}))
    assert answer.admitted
    assert [(way.healthy, way.full) for way in answer.ways] == [(True, True), (False, False)]
    assert asked(Ask(model="m", region="eu")).checks[4].detail == "1 upstream serves it."


def test_every_no_is_told_and_the_doors_first_is_the_refusal() -> None:
    answer = asked(
        Ask(model="other", origin="https://evil.example"),
        memory=NO,
        sessions=3,
        plan=Plan(name="p", concurrent_sessions=3),
    )
    assert failed(answer) == ["origin", "memory", "route", "sessions"]
    assert answer.refusal is not None
    assert answer.refusal.refusal == "not_allowed"


def test_without_a_limit_of_sessions_any_number_is_open() -> None:
    answer = asked(plan=Plan(name="p", concurrent_sessions=inf), sessions=5000)
    assert answer.admitted
    assert answer.checks[5].detail == "5000 of unlimited sessions are open."


def test_a_limit_is_told_with_where_it_comes_from() -> None:
    plan = Plan(name="gold", concurrent_sessions=50.0, usd_per_day=2.5)
    mine = msgspec.structs.replace(plan, patience=7)
    found = {limit.limit: limit for limit in limits(mine, {"gold": plan})}
    assert set(found) == set(Plan.__struct_fields__) - {"name"}
    assert found["concurrent_sessions"] == Limit("concurrent_sessions", 50, "plan")
    assert isinstance(found["concurrent_sessions"].value, int)
    assert found["usd_per_day"] == Limit("usd_per_day", 2.5, "plan")
    assert found["patience"] == Limit("patience", 7, "tenant")
    assert found["tokens_per_day"] == Limit("tokens_per_day", "unlimited", "default")
    assert found["trust_safety_identifier"] == Limit("trust_safety_identifier", False, "default")
    assert found["trust_safety_identifier"].value is False


def test_a_plan_that_is_gone_from_the_file_is_taken_as_it_is() -> None:
    found = {limit.limit: limit.source for limit in limits(Plan(name="old", patience=7), {})}
    assert found["patience"] == "plan"


def test_a_refusal_is_told_without_what_json_cannot_hold() -> None:
    assert told(Refused(Refusal.TOO_MANY_SESSIONS, "No.", retry_after=inf)).retry_after is None
    mine = told(Refused(Refusal.UPSTREAM_REJECTED, "No.", param="model", code="model_not_found"))
    assert (mine.refusal, mine.status, mine.code, mine.param) == (
        "upstream_rejected",
        400,
        "model_not_found",
        "model",
    )


def test_the_last_refusals_are_kept_the_newest_first_and_no_more_than_a_person_reads() -> None:
    lately = Lately()
    for at in range(REMEMBERED + 5):
        lately.note(ACME, NO, Ask(model="m"), float(at))
    kept = lately.of(ACME)
    assert [incident.at for incident in kept] == [float(at) for at in range(REMEMBERED + 4, 4, -1)]
    assert kept[0].refused == told(NO)
    assert kept[0].ask == Ask(model="m")
    assert lately.of(TenantId("other")) == ()


def test_of_too_many_tenants_those_refused_longest_ago_are_forgotten() -> None:
    lately = Lately()
    for number in range(TENANTS):
        lately.note(TenantId(f"t{number}"), NO, Ask(), 0.0)
    lately.note(TenantId("t0"), NO, Ask(), 1.0)
    lately.note(TenantId("new"), NO, Ask(), 2.0)
    assert len(lately.of(TenantId("t0"))) == 2
    assert lately.of(TenantId("t1")) == ()
    assert len(lately.of(TenantId("t2"))) == 1
