"""Which pages may ask what: the decision, as a function of headers and the catalog."""

from typing import Any

import pytest

from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Catalog, Plan, Tenant
from relay.core.words import TenantId
from relay.edge import cors

APP, OTHER = "https://app.acme.example", "https://other.example"


def tenant(name: str, *origins: str) -> Tenant:
    return Tenant(id=TenantId(name), plan=Plan(name="p"), origins=frozenset(origins))


ACME = tenant("acme", APP)
CATALOG = Catalog.of((tenant("silent"), ACME, tenant("other-co", OTHER)), (), {}, {})


def asked(origin: str = APP, headers: str | None = None, **more: str) -> dict[str, str]:
    named = {"origin": origin, "access-control-request-method": "POST", **more}
    return named if headers is None else {**named, "access-control-request-headers": headers}


def allowed(headers: dict[str, str]) -> dict[str, str]:
    answer = cors.preflight(headers, ("POST",), CATALOG)
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize("origin", [APP, OTHER, "https://APP.acme.example"])
def test_a_preflight_from_any_tenants_origin_is_allowed(origin: str) -> None:
    answer = allowed(asked(origin))
    assert answer == {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "POST, OPTIONS",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "*", f"{APP}.evil.example", "x" * 9_000]
)
def test_any_other_is_refused(origin: str) -> None:
    refused = cors.preflight(asked(origin), ("POST",), CATALOG)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.NOT_ALLOWED
    assert len(refused.message) < 200


def test_headers_on_the_list_are_allowed_and_no_others() -> None:
    wanted = (
        "Authorization, X-OpenAI-Agents-SDK,x-stainless-os, cookie, X-Evil, content-type,, x-stainless-a\nb"
    )
    assert allowed(asked(headers=wanted))["Access-Control-Allow-Headers"] == (
        "authorization, x-openai-agents-sdk, x-stainless-os, content-type"
    )


def test_where_none_is_allowed_none_is_told() -> None:
    assert "Access-Control-Allow-Headers" not in allowed(asked(headers="cookie"))


def test_a_preflight_with_very_many_headers_is_looked_at_so_far() -> None:
    many = ",".join([*("x-a" for _ in range(10_000)), "authorization"])
    assert "Access-Control-Allow-Headers" not in allowed(asked(headers=many))


@pytest.mark.parametrize("headers", [{}, {"origin": APP}, {"access-control-request-method": "POST"}])
def test_options_that_are_no_preflight_are_told_the_methods(headers: dict[str, str]) -> None:
    assert allowed(headers) == {"Allow": "POST, OPTIONS", "Vary": "Origin"}


def test_answers_can_be_read_by_known_origins_alone() -> None:
    readable = cors.readable(APP, CATALOG)
    assert readable["Access-Control-Allow-Origin"] == APP
    exposed = {name.strip().lower() for name in readable["Access-Control-Expose-Headers"].split(",")}
    assert exposed == {"allow", "retry-after"}
    assert cors.readable("https://evil.example", CATALOG) == {"Vary": "Origin"}
    assert cors.readable(None, CATALOG) == {"Vary": "Origin"}


@pytest.mark.parametrize(
    ("origin", "passes"), [(None, True), (APP, True), (APP.upper(), True), (OTHER, False), ("null", False)]
)
def test_a_tenants_own_list_holds_for_its_key(origin: str | None, passes: bool) -> None:
    refused = cors.refusal(origin, ACME)
    assert (refused is None) is passes
    if refused is not None:
        assert refused.refusal is Refusal.NOT_ALLOWED
        assert refused.param == "origin"


def test_nothing_is_ever_allowed_to_everyone_or_with_cookies() -> None:
    answers: list[Any] = [
        allowed(asked(headers="authorization")),
        allowed({}),
        cors.readable(APP, CATALOG),
        cors.readable("*", CATALOG),
    ]
    for answer in answers:
        assert "*" not in answer.values()
        assert "Access-Control-Allow-Credentials" not in answer
