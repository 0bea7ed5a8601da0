"""What the home of `Secrets` in a store promises beyond the contract: bounds, ends, refusals when away."""

import asyncio
from typing import Any

import pytest

from relay.core.client_secrets import Grant
from relay.core.refusals import Refusal, Refused
from relay.core.words import Secret, TenantId
from relay.edge.clock import wall
from relay.edge.grants import Grants
from relay.edge.sealing import Sealer
from relay.edge.store.connection import WITHIN, Store
from relay.edge.store.secrets import StoreSecrets
from tests.kit.stores import Server, running, until

ACME, OTHER_CO = TenantId("acme"), TenantId("other-co")
SOON = 600.0


async def test_of_a_hundred_that_use_a_secret_at_once_one_may(server: Server) -> None:
    async with running(server.url) as one, running(server.url) as another:
        homes = StoreSecrets(one), StoreSecrets(another)
        for number in range(10):
            answers = await asyncio.gather(
                *(homes[turn % 2].use(f"s-{number}", ACME, 1, wall() + SOON) for turn in range(100))
            )
            assert answers.count(None) == 1


async def test_a_session_goes_from_the_store_when_its_secret_expires(store: Store, server: Server) -> None:
    secrets = StoreSecrets(store)
    await secrets.keep("one", ACME, b"sealed", wall() + SOON)
    await secrets.use("one", ACME, 1, wall() + SOON)
    for kept in server.do("KEYS", "*"):
        assert SOON - 5 < server.do("PTTL", kept) / 1000 <= SOON
    assert len(server.do("KEYS", "*")) == 4


async def test_a_tenant_keeps_so_many_sessions_in_a_store(store: Store) -> None:
    secrets = StoreSecrets(store, most_sessions=2)
    for _ in range(2):
        assert await secrets.keep("one", ACME, b"1", wall() + 30) is None
    assert await secrets.keep("two", ACME, b"1", wall() + 60) is None
    refused = await secrets.keep("three", ACME, b"1", wall() + 90)
    assert refused is not None
    assert refused.refusal is Refusal.TOO_MANY_SESSIONS
    assert refused.retry_after == pytest.approx(30, abs=2)
    assert await secrets.find("three") is None
    assert await secrets.keep("three", OTHER_CO, b"1", wall() + 90) is None


async def test_what_is_kept_again_counts_once_in_a_store(store: Store) -> None:
    secrets = StoreSecrets(store, most_sessions=1, most_bytes=10)
    for _ in range(2):
        assert await secrets.keep("one", ACME, b"1234567890", wall() + SOON) is None


async def test_a_tenant_keeps_so_many_bytes_in_a_store(store: Store) -> None:
    secrets = StoreSecrets(store, most_bytes=10)
    assert await secrets.keep("one", ACME, b"12345", wall() + SOON) is None
    assert await secrets.keep("two", ACME, b"123456", wall() + SOON) is not None
    assert await secrets.keep("two", ACME, b"12345", wall() + SOON) is None


async def test_what_has_expired_makes_room_in_a_store(store: Store, server: Server) -> None:
    secrets = StoreSecrets(store, most_sessions=1)
    await secrets.keep("one", ACME, b"1", wall() + SOON)
    server.do("ZADD", "{acme}:kept", 1, "one")
    assert await secrets.keep("two", ACME, b"1", wall() + SOON) is None


async def test_no_secret_of_a_bounded_number_of_uses_is_used_while_the_store_is_away(server: Server) -> None:
    async with running(server.url, WITHIN) as store:
        secrets = StoreSecrets(store)
        grants = Grants(Sealer([Secret("a-sealing-key-of-the-tests-that-is-long")]), secrets)
        terms: dict[str, Any] = {"tenant": TenantId("acme"), "key_id": "k", "expires_at": int(wall()) + 600}
        once = Grant(id="g1", max_uses=1, **terms)
        free = Grant(id="g2", **terms)
        large = Grant(id="g3", session={"instructions": "The vault opens at nine. " * 200}, **terms)
        text = await grants.issue(large)
        assert isinstance(text, str)
        with server.paused():
            while not store.degraded:
                await secrets.find("nothing")
            for refused in (
                await grants.enter(once),
                await grants.redeem(text, wall()),
                await grants.issue(large),
            ):
                assert isinstance(refused, Refused)
                assert refused.refusal is Refusal.RELAY_FULL
                assert refused.retry_after is not None
            assert await grants.enter(free) is None
            await grants.leave(once)
        await until(lambda: not store.degraded)
        assert await grants.enter(once) is None
        assert await grants.enter(once) is not None
        assert await grants.redeem(text, wall()) == large
