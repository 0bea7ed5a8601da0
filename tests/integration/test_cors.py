"""CORS as a browser meets it: over the relay's own port, on every REST path."""

from itertools import product
from typing import Any

import httpx

from relay.core.words import TenantId
from relay.edge.clock import wall
from tests.kit.rest import ORIGIN, SECRETS, SPEECH, asking, rest_of

PATHS = (
    SECRETS,
    "/realtime/sessions",
    "/openai/v1/realtime/translations/client_secrets",
    "/v1/models",
    "/models/x",
)
ELSEWHERE = "https://b.example"
TENANTS: dict[str, Any] = {
    "tenant": {"origins": [ORIGIN]},
    "more_tenants": [{"id": "other-co", "plan": "standard", "origins": [ELSEWHERE]}],
}


READABLE = {
    # what any page may read, and what no page has a use for
    *("cache-control", "content-length", "content-type"),
    *("date", "server", "connection", "vary"),
    *("access-control-allow-origin", "access-control-expose-headers"),
}


def preflight(origin: str, headers: str = "authorization") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": headers,
    }


def vary(response: httpx.Response) -> str:
    return str(response.headers["vary"])


def exposed(response: httpx.Response) -> set[str]:
    told = response.headers["access-control-expose-headers"]
    return {name.strip().lower() for name in told.split(",")}


async def test_a_preflight_needs_no_key_and_is_allowed_for_any_tenants_origin() -> None:
    async with rest_of(**TENANTS) as (relay, _), asking(relay) as page:
        for path, origin in product(PATHS, (ORIGIN, ELSEWHERE)):
            asked = preflight(origin, "Authorization,X-OpenAI-Agents-SDK,X-Evil")
            response = await page.options(path, headers=asked)
            assert response.status_code == 204
            assert response.content == b""
            assert response.headers["access-control-allow-origin"] == origin
            assert response.headers["access-control-allow-headers"] == "authorization, x-openai-agents-sdk"
            assert response.headers["access-control-max-age"] == "600"
            assert vary(response) == "Origin"
            assert "access-control-allow-credentials" not in response.headers


async def test_a_preflight_from_anywhere_else_is_refused() -> None:
    async with rest_of(**TENANTS) as (relay, _), asking(relay) as page:
        response = await page.options(SECRETS, headers=preflight("https://evil.example"))
        assert response.status_code == 403
        assert response.json()["error"]["code"] == "not_allowed"
        assert "access-control-allow-origin" not in response.headers
        assert vary(response) == "Origin"


async def test_a_page_of_the_tenants_reads_the_answer() -> None:
    async with rest_of(**TENANTS) as (_, client):
        response = await client.get("/v1/models", headers={"Origin": ORIGIN})
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == ORIGIN


async def test_every_header_that_a_page_is_let_read_is_one_that_is_sent_and_none_is_left_out() -> None:
    async with rest_of(**TENANTS, plan={"usd_per_day": 1}) as (relay, client):
        acme = relay.settings.catalog.tenants[TenantId("acme")]
        relay._door._allowances.of(acme).debit(0, 2_000_000, 0, wall())
        page = {"Origin": ORIGIN}
        answers = [
            await client.get("/v1/models", headers=page),
            await client.post("/v1/models", headers=page),
            await client.post(SECRETS, headers=page, json={"session": SPEECH}),
        ]
    assert [answer.status_code for answer in answers] == [200, 405, 429]
    assert answers[1].headers["allow"] == "GET, OPTIONS"
    assert int(answers[2].headers["retry-after"]) >= 1
    sent = {name.lower() for answer in answers for name in answer.headers}
    for answer in answers:
        assert exposed(answer) == sent - READABLE


async def test_a_page_of_another_tenants_is_refused_and_can_read_why() -> None:
    async with rest_of(**TENANTS) as (_, client):
        response = await client.post(SECRETS, headers={"Origin": ELSEWHERE}, json={})
        assert response.status_code == 403
        assert response.json()["error"]["param"] == "origin"
        assert response.headers["access-control-allow-origin"] == ELSEWHERE


async def test_a_page_can_read_any_refusal() -> None:
    async with rest_of(**TENANTS) as (relay, _), asking(relay) as page:
        response = await page.post(SECRETS, headers={"Origin": ORIGIN}, json={})
        assert response.status_code == 401
        assert response.headers["access-control-allow-origin"] == ORIGIN


async def test_a_stranger_can_read_nothing() -> None:
    async with rest_of(**TENANTS) as (_, client):
        response = await client.get("/v1/models", headers={"Origin": "https://evil.example"})
        assert response.status_code == 403
        assert "access-control-allow-origin" not in response.headers


async def test_a_request_without_an_origin_passes() -> None:
    async with rest_of(**TENANTS) as (_, client):
        response = await client.get("/v1/models")
        assert response.status_code == 200
        assert "access-control-allow-origin" not in response.headers
        assert vary(response) == "Origin"
