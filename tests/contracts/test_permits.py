"""What every home of `Permits` promises; here, the one in this process."""

from typing import Any

import pytest

from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Plan, Tenant
from relay.core.words import SessionId, SessionName, TenantId
from relay.edge.embedded import EmbeddedPermits
from relay.ports import Permit, Permits

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
