"""What every home of `Permits` promises, in one process and in a store; and what only the latter can."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Plan, Tenant
from relay.core.words import SessionId, SessionName, TenantId
from relay.edge.embedded import EmbeddedPermits
from relay.edge.store.beat import LEASE
from relay.edge.store.connection import Store
from relay.edge.store.permits import StorePermits
from relay.edge.store.workers import Workers
from relay.ports import Permit, Permits
from tests.kit.stores import Server, cluster, cluster_url, newest, oldest, running, serving

ONE, TWO, THREE = SessionId("one"), SessionId("two"), SessionId("three")
CALL = SessionName("call-7")


def tenant(name: str = "acme", **limits: Any) -> Tenant:
    return Tenant(id=TenantId(name), plan=Plan(name="p", **limits))


class PermitsContract:
    permits: Permits

    async def taken(self, tenant: Tenant, session: SessionId, name: SessionName | None = None) -> Permit:
        permit = await self.permits.take(tenant, session, name)
        assert isinstance(permit, Permit)
        return permit

    async def refused(self, tenant: Tenant, session: SessionId, name: SessionName | None = None) -> Refused:
        refused = await self.permits.take(tenant, session, name)
        assert isinstance(refused, Refused)
        return refused

    async def test_one_more_than_the_plan_allows_is_refused(self) -> None:
        acme = tenant(concurrent_sessions=2)
        await self.taken(acme, ONE)
        await self.taken(acme, TWO)
        refused = await self.refused(acme, THREE)
        assert refused.refusal is Refusal.TOO_MANY_SESSIONS
        assert refused.retry_after is not None

    async def test_taking_again_renews_and_takes_no_second_place(self) -> None:
        acme = tenant(concurrent_sessions=1, session_starts_per_minute=1)
        await self.taken(acme, ONE)
        await self.taken(acme, ONE)

    async def test_what_is_given_back_is_free_at_once_and_giving_back_twice_is_once(self) -> None:
        acme = tenant(concurrent_sessions=2)
        permit = await self.taken(acme, ONE)
        await self.taken(acme, TWO)
        await self.permits.give_back(permit)
        await self.permits.give_back(permit)
        await self.taken(acme, THREE)
        await self.refused(acme, ONE)

    async def test_tenants_do_not_share(self) -> None:
        await self.taken(tenant("acme", concurrent_sessions=1), ONE)
        await self.taken(tenant("other-co", concurrent_sessions=1), TWO)

    async def test_starts_beyond_the_rate_wait_for_their_turn(self) -> None:
        acme = tenant(session_starts_per_minute=2)
        for session in (ONE, TWO):
            await self.permits.give_back(await self.taken(acme, session))
        refused = await self.refused(acme, THREE)
        assert refused.refusal is Refusal.TOO_MANY_SESSIONS
        assert refused.retry_after == pytest.approx(30, abs=1)

    async def test_a_refusal_charges_nothing(self) -> None:
        acme = tenant(concurrent_sessions=1, session_starts_per_minute=2)
        permit = await self.taken(acme, ONE)
        for _ in range(5):
            await self.refused(acme, TWO)
        await self.permits.give_back(permit)
        await self.taken(acme, TWO)

    async def test_a_live_name_belongs_to_its_holder(self) -> None:
        acme = tenant()
        await self.taken(acme, ONE, CALL)
        assert await self.permits.holder(acme.id, CALL) == ONE
        refused = await self.refused(acme, TWO, CALL)
        assert refused.refusal is Refusal.SESSION_CONFLICT
        await self.taken(tenant("other-co"), TWO, CALL)

    async def test_a_name_is_free_when_its_session_is_over(self) -> None:
        acme = tenant()
        permit = await self.taken(acme, ONE, CALL)
        await self.permits.give_back(permit)
        assert await self.permits.holder(acme.id, CALL) is None
        await self.taken(acme, TWO, CALL)

    async def test_an_old_leave_given_back_late_does_not_free_its_successors_name(self) -> None:
        acme = tenant()
        first = await self.taken(acme, ONE, CALL)
        await self.permits.give_back(first)
        await self.taken(acme, TWO, CALL)
        await self.permits.give_back(first)
        assert await self.permits.holder(acme.id, CALL) == TWO

    async def test_a_conflict_is_told_before_a_full_plan(self) -> None:
        acme = tenant(concurrent_sessions=1)
        await self.taken(acme, ONE, CALL)
        assert (await self.refused(acme, TWO, CALL)).refusal is Refusal.SESSION_CONFLICT

    async def test_a_changed_plan_holds_from_the_next_session_on(self) -> None:
        await self.taken(tenant(concurrent_sessions=1), ONE)
        await self.taken(tenant(concurrent_sessions=2, session_starts_per_minute=100), TWO)
        await self.refused(tenant(concurrent_sessions=2, session_starts_per_minute=100), THREE)


class TestEmbedded(PermitsContract):
    @pytest.fixture(autouse=True)
    def home(self) -> None:
        self.permits = EmbeddedPermits()


class TestStore(PermitsContract):
    @pytest.fixture(autouse=True)
    def home(self, store: Store) -> None:
        self.permits = StorePermits(store, Workers(store))


@pytest.mark.slow
class TestOldestStore(PermitsContract):
    @pytest.fixture(scope="class")
    @staticmethod
    def old() -> Iterator[Server]:
        with serving(oldest()) as server:
            yield server

    @pytest.fixture(autouse=True)
    async def home(self, old: Server) -> AsyncIterator[None]:
        old.flush()
        async with running(old.url) as store:
            self.permits = StorePermits(store, Workers(store))
            yield


@pytest.mark.slow
class TestCluster(PermitsContract):
    @pytest.fixture(scope="class")
    @staticmethod
    def nodes() -> Iterator[list[Server]]:
        with cluster(newest()) as nodes:
            yield nodes

    @pytest.fixture(autouse=True)
    async def home(self, nodes: list[Server]) -> AsyncIterator[None]:
        for node in nodes:
            node.flush()
        async with running(cluster_url(nodes)) as store:
            self.permits = StorePermits(store, Workers(store))
            yield


# --- what only many processes can show ------------------------------------------------------------


@pytest.fixture
async def pair(server: Server) -> AsyncIterator[tuple[StorePermits, StorePermits]]:
    """The homes of two processes."""
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(running(server.url)) for _ in range(2)]
        yield StorePermits(stores[0], Workers(stores[0])), StorePermits(stores[1], Workers(stores[1]))


def lapse(server: Server) -> None:
    """Have every lease end now, as it does when nobody renews it."""
    for leases in server.do("KEYS", "*:sessions"):
        for session in server.do("ZRANGE", leases, 0, -1):
            server.do("ZADD", leases, 1, session)
    for name in server.do("KEYS", "*:name:*"):
        server.do("DEL", name)


async def test_a_tenants_places_are_shared_by_all_processes(pair: tuple[StorePermits, StorePermits]) -> None:
    here, there = pair
    acme = tenant(concurrent_sessions=1)
    permit = await here.take(acme, ONE, None)
    assert isinstance(permit, Permit)
    refused = await there.take(acme, TWO, None)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.TOO_MANY_SESSIONS
    await here.give_back(permit)
    assert isinstance(await there.take(acme, TWO, None), Permit)


async def test_starts_are_counted_over_all_processes(pair: tuple[StorePermits, StorePermits]) -> None:
    acme = tenant(session_starts_per_minute=3)
    verdicts = [await pair[turn % 2].take(acme, SessionId(f"s-{turn}"), None) for turn in range(4)]
    assert [type(verdict) for verdict in verdicts] == [Permit, Permit, Permit, Refused]


async def test_a_name_is_known_to_all_processes(pair: tuple[StorePermits, StorePermits]) -> None:
    here, there = pair
    await here.take(tenant(), ONE, CALL)
    assert await there.holder(TenantId("acme"), CALL) == ONE
    refused = await there.take(tenant(), TWO, CALL)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.SESSION_CONFLICT


async def test_what_a_dead_process_held_is_free_after_a_lease(
    pair: tuple[StorePermits, StorePermits], server: Server
) -> None:
    here, there = pair
    acme = tenant(concurrent_sessions=1)
    await here.take(acme, ONE, CALL)
    assert LEASE - 1 < server.do("PTTL", "{acme}:name:call-7") / 1000 <= LEASE
    lapse(server)
    assert isinstance(await there.take(acme, TWO, CALL), Permit)


async def test_a_beat_renews_what_lives_and_writes_back_what_was_forgotten(
    pair: tuple[StorePermits, StorePermits], server: Server
) -> None:
    here, there = pair
    acme = tenant(concurrent_sessions=2)
    await here.take(acme, ONE, CALL)
    await here.take(acme, TWO, None)
    server.flush()
    assert await here.beat()
    refused = await there.take(acme, THREE, None)
    assert isinstance(refused, Refused)
    assert await there.holder(acme.id, CALL) == ONE
    seconds, micros = server.do("TIME")
    for session in (ONE, TWO):
        ends = float(server.do("ZSCORE", "{acme}:sessions", session)) / 1000
        assert ends == pytest.approx(float(seconds) + float(micros) / 1e6 + LEASE, abs=2)


async def test_a_beat_takes_no_name_from_its_new_bearer(
    pair: tuple[StorePermits, StorePermits], server: Server
) -> None:
    here, there = pair
    await here.take(tenant(), ONE, CALL)
    lapse(server)
    await there.take(tenant(), TWO, CALL)
    assert await here.beat()
    assert await there.holder(TenantId("acme"), CALL) == TWO


async def test_a_beat_renews_more_sessions_than_one_script_takes(
    pair: tuple[StorePermits, StorePermits], server: Server
) -> None:
    here, _ = pair
    acme = tenant(concurrent_sessions=1000, session_starts_per_minute=1000)
    for number in range(600):
        await here.take(acme, SessionId(f"s-{number}"), SessionName(f"n-{number}"))
    server.flush()
    assert await here.beat()
    assert server.do("ZCARD", "{acme}:sessions") == 600
    assert server.do("GET", "{acme}:name:n-599") == b"s-599"


async def test_nothing_is_left_in_the_store_when_all_is_given_back(
    pair: tuple[StorePermits, StorePermits], server: Server
) -> None:
    here, _ = pair
    permit = await here.take(tenant(), ONE, CALL)
    assert isinstance(permit, Permit)
    await here.give_back(permit)
    await here.beat()
    assert server.do("KEYS", "*") == [b"{acme}:starts"]
    assert 0 < server.do("PTTL", "{acme}:starts") <= 1000
    assert not here._here


async def test_unlimited_is_without_a_limit(pair: tuple[StorePermits, StorePermits]) -> None:
    free = tenant(concurrent_sessions=float("inf"), session_starts_per_minute=float("inf"))
    for number in range(100):
        assert isinstance(await pair[number % 2].take(free, SessionId(f"s-{number}"), None), Permit)


async def test_a_worker_counts_those_that_live(server: Server) -> None:
    async with running(server.url) as store, Workers(store).running() as first:
        assert first.count == 1
        async with Workers(store).running() as second:
            assert second.count == 2
        async with Workers(store).running() as third:
            assert third.count == 2
