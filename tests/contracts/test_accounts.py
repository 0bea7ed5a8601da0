"""What every home of `Allowances` and of `Ledger` promises; here, the ones in this process."""

from typing import Any

import pytest

from relay.core.tenants import Plan, Tenant
from relay.core.usage import NO_USAGE, Usage
from relay.core.words import SessionId, TenantId
from relay.edge.embedded import EmbeddedAllowances, EmbeddedLedger
from relay.ports import Allowances, Bill, Ledger

NOON = 20_000 * 86_400.0 + 43_200
ACME, OTHER_CO = TenantId("acme"), TenantId("other-co")


def tenant(name: TenantId = ACME, **limits: Any) -> Tenant:
    return Tenant(id=name, plan=Plan(name="p", **limits))


class AllowancesContract:
    allowances: Allowances

    def test_all_sessions_of_a_tenant_draw_on_one_allowance(self) -> None:
        self.allowances.of(tenant(tokens_per_day=10)).debit(10, 0, 0, NOON)
        assert self.allowances.of(tenant(tokens_per_day=10)).day_refusal(NOON) is not None

    def test_tenants_do_not_share(self) -> None:
        self.allowances.of(tenant(tokens_per_day=10)).debit(10, 0, 0, NOON)
        assert self.allowances.of(tenant(OTHER_CO, tokens_per_day=10)).day_refusal(NOON) is None

    def test_a_changed_plan_holds_at_once_and_what_was_used_stays_used(self) -> None:
        self.allowances.of(tenant(tokens_per_day=10)).debit(10, 0, 0, NOON)
        assert self.allowances.of(tenant(tokens_per_day=11)).day_refusal(NOON) is None
        assert self.allowances.of(tenant(tokens_per_day=10)).day_refusal(NOON) is not None


class LedgerContract:
    ledger: Ledger

    def bill(self, tenant: TenantId, tokens: int, micro_usd: int) -> Bill:
        return Bill(
            tenant=tenant,
            session=SessionId("s"),
            model="m",
            usage=Usage(text_in=tokens),
            micro_usd=micro_usd,
            at=NOON,
        )

    async def test_bills_add_up_by_tenant(self) -> None:
        self.ledger.record(self.bill(ACME, 3, 40))
        self.ledger.record(self.bill(ACME, 4, 2))
        self.ledger.record(self.bill(OTHER_CO, 100, 100))
        assert await self.ledger.total(ACME) == (Usage(text_in=7), 42)

    async def test_a_tenant_that_used_nothing_owes_nothing(self) -> None:
        assert await self.ledger.total(ACME) == (NO_USAGE, 0)


class TestEmbeddedAllowances(AllowancesContract):
    @pytest.fixture(autouse=True)
    def home(self) -> None:
        self.allowances = EmbeddedAllowances()


class TestEmbeddedLedger(LedgerContract):
    @pytest.fixture(autouse=True)
    def home(self) -> None:
        self.ledger = EmbeddedLedger()
