"""The home of every port in one process: plain dictionaries, for a relay without a store.

Rule: nothing here outlives the process, and nothing grows beyond the tenants of the catalog and the sessions
that are open.
"""

from relay.core.allowance import Allowance
from relay.core.billing import Book, Entry, UsageRow
from relay.core.pacing import Pacer
from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Tenant
from relay.core.usage import Usage
from relay.core.words import MicroUsd, Seconds, SessionId, SessionName, TenantId, UnixSeconds
from relay.edge.clock import monotonic
from relay.ports import Bill, Permit

WHEN_FULL: Seconds = 5.0
"""Told as `Retry-After` where only the end of another session would help."""


class _Held:
    def __init__(self, tenant: Tenant) -> None:
        self.starts_per_minute = tenant.plan.session_starts_per_minute
        self.starts = Pacer(self.starts_per_minute / 60, max(1.0, self.starts_per_minute))
        self.sessions: set[SessionId] = set()
        self.names: dict[SessionName, SessionId] = {}


class EmbeddedPermits:
    """`Permits` for one process."""

    def __init__(self) -> None:
        self._held: dict[TenantId, _Held] = {}

    async def take(self, tenant: Tenant, session: SessionId, name: SessionName | None) -> Permit | Refused:
        """See `Permits.take`."""
        held = self._of(tenant)
        if name is not None and held.names.get(name, session) != session:
            return Refused(
                Refusal.SESSION_CONFLICT, f"A session named {name} is live already.", param="relay_session"
            )
        if session not in held.sessions:
            if len(held.sessions) >= tenant.plan.concurrent_sessions:
                return Refused(
                    Refusal.TOO_MANY_SESSIONS,
                    f"At most {tenant.plan.concurrent_sessions:.0f} sessions at once are allowed.",
                    retry_after=WHEN_FULL,
                )
            wait = held.starts.take(1, monotonic())
            if wait > 0.0:
                return Refused(
                    Refusal.TOO_MANY_SESSIONS,
                    f"At most {held.starts_per_minute:.0f} session starts a minute are allowed.",
                    retry_after=wait,
                )
        held.sessions.add(session)
        if name is not None:
            held.names[name] = session
        return Permit(tenant.id, session, name)

    async def holder(self, tenant: TenantId, name: SessionName) -> SessionId | None:
        """See `Permits.holder`."""
        held = self._held.get(tenant)
        return held.names.get(name) if held is not None else None

    async def give_back(self, permit: Permit) -> None:
        """See `Permits.give_back`."""
        held = self._held.get(permit.tenant)
        if held is None:
            return
        held.sessions.discard(permit.session)
        if permit.name is not None and held.names.get(permit.name) == permit.session:
            del held.names[permit.name]

    def _of(self, tenant: Tenant) -> _Held:
        held = self._held.get(tenant.id)
        if held is None:
            held = self._held[tenant.id] = _Held(tenant)
        elif held.starts_per_minute != tenant.plan.session_starts_per_minute:
            renewed = _Held(tenant)
            renewed.sessions, renewed.names = held.sessions, held.names
            held = self._held[tenant.id] = renewed
        return held


class EmbeddedAllowances:
    """`Allowances` for one process: a restart gives the day's budget anew."""

    def __init__(self) -> None:
        self._allowances: dict[TenantId, Allowance] = {}

    def of(self, tenant: Tenant) -> Allowance:
        """See `Allowances.of`."""
        allowance = self._allowances.get(tenant.id)
        if allowance is None:
            allowance = self._allowances[tenant.id] = Allowance(tenant.plan)
        allowance.replan(tenant.plan)
        return allowance

    async def prepare(self, tenant: Tenant) -> None:
        """See `Allowances.prepare`. There are no other processes."""


class EmbeddedLedger:
    """`Ledger` for one process: a restart begins anew."""

    def __init__(self) -> None:
        self._book = Book()
        self._unnamed = 0

    def record(self, bill: Bill) -> None:
        """See `Ledger.record`."""
        self._unnamed += not bill.response
        self._book.add(
            Entry(
                id=bill.response or f":{self._unnamed}",
                tenant=bill.tenant,
                model=bill.model,
                at=bill.at,
                responses=1,
                usage=bill.usage,
                micro_usd=bill.micro_usd,
            )
        )

    async def total(self, tenant: TenantId) -> tuple[Usage, MicroUsd]:
        """See `Ledger.total`."""
        return self._book.total(tenant)

    async def usage(self, tenant: TenantId, since: UnixSeconds) -> tuple[UsageRow, ...]:
        """See `Ledger.usage`."""
        return self._book.rows(tenant, since)
