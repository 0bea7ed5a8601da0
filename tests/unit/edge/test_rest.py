"""Minting has its limits: so often a minute, so many bodies at once, so large, and not while it drains."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from relay.core import keys
from relay.core.keys import ENTROPY_BYTES, StoredKey
from relay.core.tenants import UNLIMITED, Catalog, Plan, Tenant, Upstream
from relay.core.words import Secret, TenantId
from relay.edge.embedded import EmbeddedAllowances
from relay.edge.embedded_secrets import EmbeddedSecrets
from relay.edge.grants import Grants
from relay.edge.metrics import Metrics
from relay.edge.rest import BODIES, Rest
from relay.edge.sealing import Sealer

PEPPER = Secret("a-pepper-for-tests-that-is-long-enough")
SECRETS = "/v1/realtime/client_secrets"
UPSTREAM = Upstream(name="us-1", region="us", url="ws://x", keys=(Secret("k"),))


class Stage:
    """The REST paths of some tenants, a clock that stands, and a client for each tenant."""

    def __init__(self, *tenants: str, per_minute: float = 120) -> None:
        self.now = 1_000.0
        self.draining = False
        self._keys = {name: keys.mint(secrets.token_bytes(ENTROPY_BYTES)) for name in tenants}
        self.replan(*tenants, per_minute=per_minute)
        self.rest = Rest(
            catalog=lambda: self.catalog,
            grants=Grants(Sealer.drawn(), EmbeddedSecrets()),
            allowances=EmbeddedAllowances(),
            metrics=Metrics(tuple, ()),
            priced=("gpt-realtime-2.1",),
            draining=lambda: self.draining,
            monotonic=lambda: self.now,
        )
        self.app = Starlette(routes=self.rest.routes())

    def replan(self, *tenants: str, per_minute: float) -> None:
        """Replace the catalog: *tenants* are all that there are, and may mint so often."""
        known = tuple(
            Tenant(
                id=TenantId(name),
                plan=Plan(name="p", client_secrets_per_minute=per_minute),
                keys=(StoredKey(presented.id, 1, keys.digest(PEPPER, presented.secret)),),
            )
            for name, (_, presented) in self._keys.items()
            if name in tenants
        )
        self.catalog = Catalog.of(known, (UPSTREAM,), {}, {1: PEPPER})

    @contextlib.asynccontextmanager
    async def client(self, tenant: str = "acme") -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Authorization": f"Bearer {self._keys[tenant][0]}"}
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://relay", headers=headers) as client:
            yield client


def told(response: httpx.Response) -> tuple[int, str, str | None]:
    """Return status, code and `Retry-After` of a refusal."""
    error: dict[str, Any] = response.json()["error"]
    assert error["message"]
    return response.status_code, error["code"], response.headers.get("retry-after")


# --- so often -------------------------------------------------------------------------------------


async def test_a_tenant_mints_so_often_a_minute_and_is_told_when_again() -> None:
    stage = Stage("acme", "globex", per_minute=2)
    async with stage.client() as acme, stage.client("globex") as globex:
        for _ in range(2):
            assert (await acme.post(SECRETS)).status_code == 200
        assert told(await acme.post("/v1/realtime/sessions")) == (429, "rate_limit_exceeded", "30")
        assert (await globex.post(SECRETS)).status_code == 200, "another tenant is not in its way"
        assert (await acme.get("/v1/models")).status_code == 200, "only minting is counted"
        stage.now += 30
        assert (await acme.post(SECRETS)).status_code == 200
        assert told(await acme.post(SECRETS))[0] == 429


async def test_a_body_is_charged_before_it_is_read_whatever_it_holds() -> None:
    stage = Stage("acme", per_minute=1)
    read = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b"{}"

    async with stage.client() as acme:
        assert (await acme.post(SECRETS, content=b"[]")).status_code == 400
        assert told(await acme.post(SECRETS, content=body()))[0] == 429
    assert not read


async def test_a_plan_may_leave_minting_unlimited_or_allow_less_than_one_a_minute() -> None:
    stage = Stage("acme", per_minute=UNLIMITED)
    async with stage.client() as acme:
        for _ in range(200):
            assert (await acme.post(SECRETS)).status_code == 200
        stage.replan("acme", per_minute=0.5)
        assert (await acme.post(SECRETS)).status_code == 200
        assert told(await acme.post(SECRETS)) == (429, "rate_limit_exceeded", "120")


async def test_tenants_that_are_gone_are_forgotten_and_the_others_go_on_as_they_were() -> None:
    stage = Stage("acme", "globex", per_minute=1)
    async with stage.client() as acme, stage.client("globex") as globex:
        for client in (acme, globex):
            assert (await client.post(SECRETS)).status_code == 200
        stage.replan("acme", per_minute=1)
        assert told(await acme.post(SECRETS))[0] == 429
    assert set(stage.rest._minters) == {"acme"}


# --- so many at once ------------------------------------------------------------------------------


async def test_so_many_bodies_of_one_tenant_are_read_at_once_and_a_refused_one_costs_nothing() -> None:
    stage = Stage("acme", "globex", per_minute=BODIES + 1)
    go_on, reading = asyncio.Event(), asyncio.Semaphore(0)

    async def slow() -> AsyncIterator[bytes]:
        reading.release()
        await go_on.wait()
        yield b"{}"

    async with stage.client() as acme, stage.client("globex") as globex:
        held = [asyncio.create_task(acme.post(SECRETS, content=slow())) for _ in range(BODIES)]
        for _ in held:
            await reading.acquire()
        for _ in range(3):
            assert told(await acme.post(SECRETS)) == (429, "rate_limit_exceeded", "1")
        assert (await globex.post(SECRETS)).status_code == 200
        go_on.set()
        assert [response.status_code for response in await asyncio.gather(*held)] == [200] * BODIES
        assert (await acme.post(SECRETS)).status_code == 200


async def test_a_body_that_is_cut_off_gives_its_place_back() -> None:
    stage = Stage("acme")

    async def cut() -> AsyncIterator[bytes]:
        yield b"{"
        raise ConnectionResetError

    async with stage.client() as acme:
        for _ in range(BODIES + 1):
            with pytest.raises(ConnectionResetError):
                await acme.post(SECRETS, content=cut())
        assert (await acme.post(SECRETS)).status_code == 200


# --- so large -------------------------------------------------------------------------------------


async def test_the_longest_instructions_and_tools_fit_and_not_much_more() -> None:
    stage = Stage("acme")
    tool = {"type": "function", "name": "look", "description": "d" * (255 * 1024)}
    session: dict[str, Any] = {"type": "realtime", "model": "gpt-realtime-2.1"}
    session |= {"instructions": "i" * 256_000, "tools": [tool]}
    body = json.dumps({"session": session}).encode()
    async with stage.client() as acme:
        assert (await acme.post(SECRETS, content=body)).status_code == 200
        assert told(await acme.post(SECRETS, content=body.ljust(600_000)))[:2] == (413, "request_too_large")


# --- while the relay drains -----------------------------------------------------------------------


async def test_a_relay_that_drains_mints_nothing_and_still_lists_its_models() -> None:
    stage = Stage("acme", per_minute=1)
    stage.draining = True
    async with stage.client() as acme:
        for path in (SECRETS, "/v1/realtime/sessions"):
            assert told(await acme.post(path)) == (503, "relay_draining", "1")
        assert (await acme.get("/v1/models")).status_code == 200
        stage.draining = False
        assert (await acme.post(SECRETS)).status_code == 200
