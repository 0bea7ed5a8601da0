"""What only accounts in a store promise: workers know of each other, whatever becomes of the store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from relay.core.refusals import Refusal
from relay.core.tenants import Plan, Tenant
from relay.core.usage import Usage
from relay.core.words import SECONDS_PER_DAY, SessionId, TenantId
from relay.edge.clock import monotonic, wall
from relay.edge.store.allowances import StoreAllowances
from relay.edge.store.ledger import StoreLedger
from relay.ports import Bill
from tests.kit.stores import Server, running

ACME = TenantId("acme")
DAY = SECONDS_PER_DAY


def tenant(**limits: Any) -> Tenant:
    return Tenant(id=ACME, plan=Plan(name="p", **limits))


def bill(tenant: TenantId, tokens: int, micro_usd: int, response: str) -> Bill:
    return Bill(
        tenant=tenant,
        session=SessionId("s"),
        model="m",
        usage=Usage(text_in=tokens),
        micro_usd=micro_usd,
        at=wall(),
        response=response,
    )


class Fleet:
    """Two workers, each with a connection of its own, and a tenant live on both."""

    def __init__(self) -> None:
        self.stack = AsyncExitStack()
        self.workers: list[StoreAllowances] = []

    async def start(self, server: Server) -> None:
        for _ in range(2):
            store = await self.stack.enter_async_context(running(server.url, within=0.5))
            worker = StoreAllowances(store, lambda: 2)
            self.workers.append(await self.stack.enter_async_context(worker.running(lambda: {ACME})))


@pytest.fixture
async def fleet(server: Server) -> AsyncIterator[Fleet]:
    fleet = Fleet()
    async with fleet.stack:
        await fleet.start(server)
        yield fleet


async def until(true: Any, within: float) -> float:
    """Wait until *true*, and return for how long."""
    started = monotonic()
    while not true():
        assert monotonic() - started < within, f"not within {within} s"
        await asyncio.sleep(0.01)
    return monotonic() - started


async def test_a_budget_spent_on_one_worker_is_refused_on_the_other_within_a_second(fleet: Fleet) -> None:
    acme = tenant(usd_per_day=0.001)
    one, other = [worker.of(acme) for worker in fleet.workers]
    for worker in fleet.workers:
        await worker.prepare(acme)
    one.debit(5, 1000, monotonic(), wall())
    await until(lambda: other.day_refusal(wall()) is not None, 1.0 + 0.5)
    assert other.spent_today(wall()) == (5, 1000)


async def test_tokens_of_the_minute_spent_on_one_worker_are_refused_on_the_other(fleet: Fleet) -> None:
    acme = tenant(tokens_per_minute=1000)
    one, other = [worker.of(acme) for worker in fleet.workers]
    for worker in fleet.workers:
        await worker.prepare(acme)
    one.debit(2000, 0, monotonic(), wall())
    await until(lambda: other.take_response(monotonic(), wall()) is not None, 1.0 + 0.5)
    refused = other.take_response(monotonic(), wall())
    assert refused is not None
    assert refused.refusal is Refusal.TOKENS_SPENT
    assert refused.retry_after == pytest.approx(60, abs=3)


async def test_two_workers_give_no_more_than_the_limit_and_a_slice_each(fleet: Fleet) -> None:
    acme = tenant(responses_per_minute=60)
    taken, started = 0, monotonic()
    for worker in fleet.workers:
        await worker.prepare(acme)
    while monotonic() - started < 2.0:
        for worker in fleet.workers:
            taken += worker.of(acme).take_response(monotonic(), wall()) is None
        await asyncio.sleep(0.005)
    assert (
        60 <= taken <= 60 + 2 + 3 + 2
    )  # the burst, two seconds of the rate, 5 % in slices, one on credit each


def paid_ahead(server: Server) -> float:
    """Return for how many seconds acme's rate is paid for."""
    mark, _ = server.do("GET", "{acme}:rate:responses").split()
    seconds, micros = server.do("TIME")
    return float(mark) / 1e6 - int(seconds) - int(micros) / 1e6


async def test_what_is_held_goes_back_when_a_worker_stops(server: Server) -> None:
    acme = tenant(responses_per_minute=60)
    async with running(server.url) as store:
        async with StoreAllowances(store, lambda: 1).running(lambda: {ACME}) as worker:
            await worker.prepare(acme)
            assert paid_ahead(server) == pytest.approx(1.0, abs=0.5)
        assert paid_ahead(server) <= 0.0


async def test_a_store_that_lost_everything_learns_the_days_sums_anew(server: Server, fleet: Fleet) -> None:
    acme = tenant(tokens_per_day=10)
    one, other = [worker.of(acme) for worker in fleet.workers]
    one.debit(7, 0, monotonic(), wall())
    await until(lambda: other.spent_today(wall())[0] == 7, 2.0)
    server.flush()
    other.debit(3, 0, monotonic(), wall())
    await until(lambda: {a.spent_today(wall()) for a in (one, other)} == {(10, 0)}, 2.0)
    assert one.day_refusal(wall()) is not None


async def test_what_was_used_while_the_store_was_away_is_counted_once_within_five_seconds_of_its_return(
    server: Server, fleet: Fleet
) -> None:
    acme = tenant(tokens_per_day=1000)
    one, other = [worker.of(acme) for worker in fleet.workers]
    for worker in fleet.workers:
        await worker.prepare(acme)
    with server.paused():
        one.debit(100, 0, monotonic(), wall())
        await asyncio.sleep(1.0)  # long enough for a batch to be sent and not answered
        one.debit(20, 0, monotonic(), wall())
        other.debit(3, 0, monotonic(), wall())
    await until(lambda: {a.spent_today(wall()) for a in (one, other)} == {(123, 0)}, 5.0)
    await asyncio.sleep(1.0)  # a second count would have come by now
    assert server.do("HGET", f"{{acme}}:spent:{int(wall() // DAY)}", "tokens") == b"123"


async def test_while_the_store_is_away_each_worker_gives_its_part_of_the_rate(server: Server) -> None:
    acme = tenant(responses_per_minute=40)
    async with running(server.url, within=0.05) as store:
        worker = StoreAllowances(store, lambda: 4)
        server.kill()
        try:
            await worker.prepare(acme)
            now = monotonic()
            given = sum(worker.of(acme).take_response(now, wall()) is None for _ in range(40))
        finally:
            server.start()
    assert given == 10


async def test_a_tenant_that_is_idle_costs_the_store_nothing(server: Server) -> None:
    acme = tenant()  # a limit of responses, and no budget
    async with (
        running(server.url) as store,
        StoreAllowances(store, lambda: 1).running(lambda: {ACME}) as worker,
    ):
        await worker.prepare(acme)
        before = server.calls()
        await asyncio.sleep(1.0)
        assert server.calls() - before <= 1  # what tells of it


async def test_bills_recorded_while_the_store_is_away_are_counted_once_when_it_is_back(server: Server) -> None:
    async with running(server.url, within=0.1) as store, StoreLedger(store).running() as ledger:
        ledger.record(bill(ACME, 1, 10, "resp_1"))
        assert await ledger.total(ACME) == (Usage(text_in=1), 10)
        with server.paused():
            ledger.record(bill(ACME, 2, 20, "resp_2"))
            assert await ledger.total(ACME) is None
            assert await ledger.usage(ACME, 0) is None
            ledger.record(bill(ACME, 4, 40, "resp_3"))
            ledger.record(bill(ACME, 4, 40, "resp_3"))
        expected = {"text_in": 7, "micro_usd": 70, "responses": 3}

        def sums() -> dict[str, int]:
            told = server.do("HGETALL", "{ledger}:total:acme")
            return {name.decode(): int(amount) for name, amount in told.items()}

        await until(lambda: sums() == expected, 5.0)
    assert sums() == expected
    assert server.do("XLEN", "{ledger}") == 3


async def test_a_ledger_that_stops_has_sent_everything(server: Server) -> None:
    async with running(server.url) as store:
        async with StoreLedger(store).running() as ledger:
            for number in range(200):  # more than one batch
                ledger.record(bill(ACME, 1, 10, f"resp_{number}"))
        assert server.do("HGET", "{ledger}:total:acme", "responses") == b"200"
        assert server.do("XLEN", "{ledger}") == 200
        days = f"{{ledger}}:day:acme:{int(wall() // DAY)}"
        assert server.do("TTL", days) == pytest.approx(400 * DAY, abs=2 * DAY)
