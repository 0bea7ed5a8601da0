"""What every home of `Allowances` and of `Ledger` promises: those in this process, and those in a store."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from relay.core.refusals import Refusal
from relay.core.tenants import Plan, Tenant
from relay.core.usage import NO_USAGE, Usage
from relay.core.words import SECONDS_PER_DAY, SessionId, TenantId
from relay.edge.clock import monotonic, wall
from relay.edge.embedded import EmbeddedAllowances, EmbeddedLedger
from relay.edge.store.allowances import StoreAllowances
from relay.edge.store.connection import Store
from relay.edge.store.ledger import StoreLedger
from relay.ports import Allowances, Bill, Ledger
from tests.kit.stores import cluster, cluster_url, newest, oldest, running, serving

ACME, OTHER_CO = TenantId("acme"), TenantId("other-co")
DAY = SECONDS_PER_DAY


def tenant(name: TenantId = ACME, **limits: Any) -> Tenant:
    return Tenant(id=name, plan=Plan(name="p", **limits))


def bill(tenant: TenantId, tokens: int, micro_usd: int, response: str = "", **more: Any) -> Bill:
    return Bill(
        tenant=tenant,
        session=SessionId("s"),
        model=more.get("model", "m"),
        usage=Usage(text_in=tokens, seconds=more.get("seconds", 0.0)),
        micro_usd=micro_usd,
        at=more.get("at", wall()),
        response=response,
    )


class AllowancesContract:
    allowances: Allowances

    def test_all_sessions_of_a_tenant_draw_on_one_allowance(self) -> None:
        self.allowances.of(tenant(tokens_per_day=10)).debit(10, 0, 0, wall())
        assert self.allowances.of(tenant(tokens_per_day=10)).day_refusal(wall()) is not None

    def test_tenants_do_not_share(self) -> None:
        self.allowances.of(tenant(tokens_per_day=10)).debit(10, 0, 0, wall())
        assert self.allowances.of(tenant(OTHER_CO, tokens_per_day=10)).day_refusal(wall()) is None

    def test_a_changed_plan_holds_at_once_and_what_was_used_stays_used(self) -> None:
        self.allowances.of(tenant(tokens_per_day=10)).debit(10, 0, 0, wall())
        assert self.allowances.of(tenant(tokens_per_day=11)).day_refusal(wall()) is None
        assert self.allowances.of(tenant(tokens_per_day=10)).day_refusal(wall()) is not None

    async def test_after_preparing_all_of_the_minutes_responses_may_be_taken_at_once_and_no_more(self) -> None:
        acme = tenant(responses_per_minute=3)
        await self.allowances.prepare(acme)
        allowance = self.allowances.of(acme)
        now = monotonic()
        assert [allowance.take_response(now, wall()) for _ in range(3)] == [None] * 3
        refused = allowance.take_response(now, wall())
        assert refused is not None
        assert refused.refusal is Refusal.TOO_MANY_RESPONSES

    async def test_preparing_again_changes_nothing(self) -> None:
        acme = tenant(responses_per_minute=1, tokens_per_day=1)
        await self.allowances.prepare(acme)
        allowance = self.allowances.of(acme)
        assert allowance.take_response(monotonic(), wall()) is None
        allowance.debit(1, 0, monotonic(), wall())
        await self.allowances.prepare(acme)
        assert self.allowances.of(acme) is allowance
        assert allowance.day_refusal(wall()) is not None


class LedgerContract:
    ledger: Ledger

    async def test_bills_add_up_by_tenant(self) -> None:
        self.ledger.record(bill(ACME, 3, 40))
        self.ledger.record(bill(ACME, 4, 2))
        self.ledger.record(bill(OTHER_CO, 100, 100))
        assert await self.ledger.total(ACME) == (Usage(text_in=7), 42)

    async def test_a_tenant_that_used_nothing_owes_nothing(self) -> None:
        assert await self.ledger.total(ACME) == (NO_USAGE, 0)
        assert await self.ledger.usage(ACME, 0) == ()

    async def test_a_response_is_billed_once(self) -> None:
        for _ in range(2):
            self.ledger.record(bill(ACME, 3, 40, "resp_1"))
            assert await self.ledger.total(ACME) == (Usage(text_in=3), 40)

    async def test_tenants_may_have_responses_of_one_name(self) -> None:
        self.ledger.record(bill(ACME, 3, 40, "resp_1"))
        self.ledger.record(bill(OTHER_CO, 5, 60, "resp_1"))
        assert await self.ledger.total(ACME) == (Usage(text_in=3), 40)
        assert await self.ledger.total(OTHER_CO) == (Usage(text_in=5), 60)

    async def test_usage_is_told_by_day_and_model_from_the_day_asked_for(self) -> None:
        today = int(wall() // DAY)
        for days_ago, model, tokens in [(2, "old", 1), (1, "b:x", 2), (1, "a", 4), (0, "a", 8), (0, "a", 16)]:
            at = (today - days_ago + 0.5) * DAY
            self.ledger.record(bill(ACME, tokens, tokens * 10, model=model, at=at, seconds=0.25))
        rows = await self.ledger.usage(ACME, (today - 1 + 0.9) * DAY)
        assert rows is not None
        told = [(row.day, row.model, row.responses, row.usage, row.micro_usd) for row in rows]
        assert told == [
            (today - 1, "a", 1, Usage(text_in=4, seconds=0.25), 40),
            (today - 1, "b:x", 1, Usage(text_in=2, seconds=0.25), 20),
            (today, "a", 2, Usage(text_in=24, seconds=0.5), 240),
        ]


class TestEmbeddedAllowances(AllowancesContract):
    @pytest.fixture(autouse=True)
    def home(self) -> None:
        self.allowances = EmbeddedAllowances()


class TestEmbeddedLedger(LedgerContract):
    @pytest.fixture(autouse=True)
    def home(self) -> None:
        self.ledger = EmbeddedLedger()


class TestStoreAllowances(AllowancesContract):
    @pytest.fixture(autouse=True)
    async def home(self, store: Store) -> None:
        self.allowances = StoreAllowances(store, lambda: 1)


class TestStoreLedger(LedgerContract):
    @pytest.fixture(autouse=True)
    async def home(self, store: Store) -> None:
        self.ledger = StoreLedger(store)


@pytest.mark.slow
class TestOldestStoreAllowances(AllowancesContract):
    @pytest.fixture(autouse=True)
    async def home(self) -> AsyncIterator[None]:
        with serving(oldest()) as server:
            async with running(server.url) as store:
                self.allowances = StoreAllowances(store, lambda: 1)
                yield


@pytest.mark.slow
class TestOldestStoreLedger(LedgerContract):
    @pytest.fixture(autouse=True)
    async def home(self) -> AsyncIterator[None]:
        with serving(oldest()) as server:
            async with running(server.url) as store:
                self.ledger = StoreLedger(store)
                yield


@pytest.mark.slow
async def test_accounts_are_kept_in_a_cluster() -> None:
    acme = tenant(responses_per_minute=2, tokens_per_day=10)
    with cluster(newest()) as nodes:
        async with running(cluster_url(nodes)) as store:
            ledger = StoreLedger(store)
            ledger.record(bill(ACME, 3, 40, "resp_1"))
            assert await ledger.total(ACME) == (Usage(text_in=3), 40)
            async with StoreAllowances(store, lambda: 1).running(set) as one:
                one.of(acme).debit(10, 0, monotonic(), wall())
            other = StoreAllowances(store, lambda: 1)
            await other.prepare(acme)
            assert other.of(acme).day_refusal(wall()) is not None
