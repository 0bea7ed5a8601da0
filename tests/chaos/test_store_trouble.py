"""The store is killed, hangs, forgets and fills up: what its connection and its permits still promise."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack
from typing import Any

import pytest
import structlog

from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Plan, Tenant
from relay.core.words import SessionId, SessionName, TenantId
from relay.edge.clock import monotonic
from relay.edge.store.beat import BEAT
from relay.edge.store.connection import UNAVAILABLE, WITHIN, Store, Unavailable
from relay.edge.store.permits import StorePermits
from relay.edge.store.scripts import Script
from relay.edge.store.workers import Workers
from relay.ports import Permit
from tests.kit.stores import PATIENT, Server, Told, newest, running, serving, until

COUNT = Script("return redis.call('INCR', KEYS[1])")
KEY = "{acme}:count"
EXACT_WITHIN = 5.0
"""After the store's return."""
Trouble = Callable[[Server], AbstractContextManager[None]]
TROUBLES: list[Trouble] = [Server.killed, Server.paused, Server.full, Server.read_only]


def tenant(**limits: Any) -> Tenant:
    return Tenant(id=TenantId("acme"), plan=Plan(name="p", **limits))


def session(number: int) -> SessionId:
    return SessionId(f"s-{number}")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(newest()) as server:
        yield server


class Process:
    """One process' homes."""

    def __init__(self, store: Store, workers: Workers, permits: StorePermits) -> None:
        self.store = store
        self.workers = workers
        self.permits = permits

    async def fill(self, tenant: Tenant, first: int, last: int) -> list[Permit]:
        answers = [await self.permits.take(tenant, session(number), None) for number in range(first, last)]
        return [answer for answer in answers if isinstance(answer, Permit)]


@pytest.fixture
async def fleet(server: Server) -> AsyncIterator[list[Process]]:
    """Four processes that know of each other."""
    async with AsyncExitStack() as stack:
        processes = []
        for _ in range(4):
            store = await stack.enter_async_context(running(server.url, WITHIN))
            workers = await stack.enter_async_context(Workers(store).running())
            permits = await stack.enter_async_context(StorePermits(store, workers).running())
            processes.append(Process(store, workers, permits))
        await processes[0].workers.beat()
        for process in processes:
            await process.workers.beat()
            assert process.workers.count == 4
        yield processes


async def notice(*stores: Store) -> None:
    """Ask until the trouble is noticed."""
    for store in stores:
        async with asyncio.timeout(10):
            while not store.degraded:
                await store.run("count", COUNT, (KEY,))


# --- the connection -------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_in_trouble_no_one_waits_long_and_soon_no_one_waits_at_all(
    server: Server, trouble: Trouble
) -> None:
    told = Told()
    async with running(server.url, WITHIN, told) as store:
        with trouble(server):
            await notice(store)
            for _, seconds, answered in told.heard:
                assert not answered
                assert seconds < WITHIN + 0.1  # the machine is shared; the deadline itself is WITHIN
            started = monotonic()
            for _ in range(1000):
                assert isinstance(await store.run("count", COUNT, (KEY,)), Unavailable)
            assert (monotonic() - started) / 1000 < 0.001
            assert told.heard[-1] == ("count", 0.0, False)
        started = monotonic()
        await until(lambda: not store.degraded)
        assert monotonic() - started < EXACT_WITHIN
        assert await store.run("count", COUNT, (KEY,)) == 1


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_it_is_told_once_that_the_store_is_away_and_once_that_it_is_back(
    server: Server, trouble: Trouble
) -> None:
    with structlog.testing.capture_logs() as lines:
        async with running(server.url, WITHIN) as store:
            with trouble(server):
                await notice(store)
                for _ in range(20):
                    await store.run("count", COUNT, (KEY,))
                    await asyncio.sleep(0.02)  # several probes fail meanwhile
            await until(lambda: not store.degraded)
    assert [line["event"] for line in lines] == ["store degraded", "store is back"]


async def test_a_store_that_is_away_at_the_start_is_waited_for(server: Server) -> None:
    server.kill()
    async with running(server.url, WITHIN) as store:
        assert store.degraded
        server.start()
        await until(lambda: not store.degraded)
        assert await store.run("count", COUNT, (KEY,)) == 1


async def test_scripts_that_were_forgotten_are_told_again(server: Server) -> None:
    async with running(server.url) as store:
        assert await store.run("count", COUNT, (KEY,)) == 1
        server.forget_scripts()
        assert await store.run("count", COUNT, (KEY,)) == 2
        assert not store.degraded


# --- permits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_while_the_store_is_away_the_fleet_holds_the_limit_and_then_it_is_exact(
    server: Server, fleet: list[Process], trouble: Trouble
) -> None:
    acme = tenant(concurrent_sessions=20, session_starts_per_minute=1000)
    with trouble(server):
        await notice(*(process.store for process in fleet))
        held = [await process.fill(acme, 100 * at, 100 * at + 10) for at, process in enumerate(fleet)]
        assert [len(permits) for permits in held] == [5, 5, 5, 5]
    started = monotonic()
    await until(lambda: server.do("ZCARD", "{acme}:sessions") == 20)
    assert monotonic() - started < BEAT - 1  # it did not wait for the next beat
    assert await fleet[0].fill(acme, 900, 901) == []
    await fleet[3].permits.give_back(held[3][0])
    assert len(await fleet[0].fill(acme, 901, 903)) == 1


async def test_what_the_fleet_held_before_is_not_given_out_again(server: Server, fleet: list[Process]) -> None:
    acme = tenant(concurrent_sessions=20, session_starts_per_minute=1000)
    assert len(await fleet[0].fill(acme, 0, 15)) == 15
    assert len(await fleet[1].fill(acme, 100, 101)) == 1
    await fleet[0].permits.beat()
    with server.killed():
        await notice(*(process.store for process in fleet))
        assert len(await fleet[0].fill(acme, 15, 40)) == 1
        assert len(await fleet[1].fill(acme, 101, 140)) == 1


async def test_starts_go_by_a_part_of_the_rate_while_the_store_is_away(
    server: Server, fleet: list[Process]
) -> None:
    acme = tenant(concurrent_sessions=1000, session_starts_per_minute=40)
    with server.killed():
        await notice(fleet[0].store)
        assert len(await fleet[0].fill(acme, 0, 30)) == 10
        refused = await fleet[0].permits.take(acme, session(99), None)
        assert isinstance(refused, Refused)
        assert refused.refusal is Refusal.TOO_MANY_SESSIONS
        assert refused.retry_after == pytest.approx(6, abs=1)


async def test_starts_just_before_count_while_the_store_is_away(server: Server, fleet: list[Process]) -> None:
    acme = tenant(concurrent_sessions=1000, session_starts_per_minute=40)
    assert len(await fleet[0].fill(acme, 0, 50)) == 40
    with server.killed():
        await notice(fleet[0].store)
        assert await fleet[0].fill(acme, 50, 60) == []


async def test_a_plan_may_refuse_while_the_store_is_away(server: Server, fleet: list[Process]) -> None:
    strict = tenant(store_down="refuse")
    held = await fleet[0].fill(strict, 0, 1)
    with server.killed():
        await notice(fleet[0].store)
        refused = await fleet[0].permits.take(strict, session(1), None)
        assert isinstance(refused, Refused)
        assert refused.refusal is Refusal.RELAY_FULL
        assert refused.retry_after is not None
        await fleet[0].permits.give_back(held[0])


async def test_names_of_this_process_are_known_while_the_store_is_away(
    server: Server, fleet: list[Process]
) -> None:
    name, permits = SessionName("call-7"), fleet[0].permits
    await permits.take(tenant(), session(1), name)
    with server.killed():
        await notice(fleet[0].store)
        assert await permits.holder(TenantId("acme"), name) == session(1)
        assert await permits.holder(TenantId("other-co"), name) is None
        refused = await permits.take(tenant(), session(2), name)
        assert isinstance(refused, Refused)
        assert refused.refusal is Refusal.SESSION_CONFLICT


async def test_what_is_given_back_while_the_store_hangs_is_free_when_it_goes_on(
    server: Server, fleet: list[Process]
) -> None:
    acme = tenant(concurrent_sessions=1)
    held = await fleet[0].fill(acme, 0, 1)
    with server.paused():
        await notice(fleet[0].store)
        await fleet[0].permits.give_back(held[0])
    await until(lambda: server.do("ZCARD", "{acme}:sessions") == 0, EXACT_WITHIN)


class Deaf(Store):
    """A store whose answers are lost on their way, though it did what was asked."""

    lost: BaseException | None = None
    deaf = False

    async def run(self, op: str, *rest: Any) -> object:
        answer = await super().run(op, *rest)
        if not self.deaf:
            return answer
        if self.lost is not None:
            raise self.lost
        return UNAVAILABLE


@pytest.mark.parametrize("lost", [None, asyncio.CancelledError()])
async def test_a_place_whose_taker_never_heard_of_it_is_given_back(
    server: Server, lost: BaseException | None
) -> None:
    async with Deaf.from_url(server.url, Told(), PATIENT).running() as store:
        permits = StorePermits(store, Workers(store))
        store.deaf, store.lost = True, lost
        with contextlib.suppress(asyncio.CancelledError):
            assert isinstance(await permits.take(tenant(store_down="refuse"), session(1), None), Refused)
        assert server.do("ZCARD", "{acme}:sessions") == 1
        store.deaf = False
        assert await permits.beat()
        assert server.do("ZCARD", "{acme}:sessions") == 0


class Overtaken(Store):
    """A store where something else is done just before leases are renewed."""

    def __init__(self, *rest: Any) -> None:
        super().__init__(*rest)
        self.before: list[Callable[[], Awaitable[None]]] = []

    async def run(self, op: str, *rest: Any) -> object:
        while op == "permit_renew" and self.before:
            await self.before.pop()()
        return await super().run(op, *rest)


async def test_a_session_that_ends_while_it_is_renewed_leaves_nothing(server: Server) -> None:
    async with Overtaken.from_url(server.url, Told(), PATIENT).running() as store:
        permits = StorePermits(store, Workers(store))
        permit = await permits.take(tenant(), session(1), SessionName("n"))
        assert isinstance(permit, Permit)
        store.before.append(lambda: permits.give_back(permit))
        assert await permits.beat()
        assert not store.before
        assert server.do("EXISTS", "{acme}:sessions", "{acme}:name:n") == 0


async def test_a_place_that_is_held_after_all_is_renewed_and_not_given_back(server: Server) -> None:
    async with Deaf.from_url(server.url, Told(), PATIENT).running() as store:
        permits = StorePermits(store, Workers(store))
        store.deaf = True
        assert isinstance(await permits.take(tenant(), session(1), None), Permit)
        store.deaf = False
        assert await permits.beat()
        assert server.do("ZCARD", "{acme}:sessions") == 1
