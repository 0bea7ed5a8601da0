"""What the relay needs of the world, named for the need: each port has a home in memory and one in a store.

Rule: a port is two to four methods, and its docstrings are what its contract test checks.
"""

from typing import Protocol

import msgspec

from relay.core.allowance import Allowance
from relay.core.billing import UsageRow
from relay.core.refusals import Refused
from relay.core.tenants import Tenant
from relay.core.usage import Usage
from relay.core.words import MicroUsd, SessionId, SessionName, TenantId, UnixSeconds


class Permit(msgspec.Struct, frozen=True):
    """Leave to hold one session; given back when the session is over, however it ended."""

    tenant: TenantId
    session: SessionId
    name: SessionName | None


class Permits(Protocol):
    """Leave to hold a session: how many a tenant has, how fast they start, and under which names."""

    async def take(self, tenant: Tenant, session: SessionId, name: SessionName | None) -> Permit | Refused:
        """Give leave, or say why not: `SESSION_CONFLICT` before `TOO_MANY_SESSIONS`.

        A refusal charges nothing. `retry_after` is when a start would be allowed again, or a guess where
        only the end of another session would help.
        """

    async def holder(self, tenant: TenantId, name: SessionName) -> SessionId | None:
        """Return which session bears *name*; None if none does."""

    async def give_back(self, permit: Permit) -> None:
        """End the leave. Doing so again changes nothing."""


class Allowances(Protocol):
    """What tenants still have of responses, tokens and money."""

    def of(self, tenant: Tenant) -> Allowance:
        """Return the tenant's balances: the same object for all of its sessions, held to its plan of now."""

    async def prepare(self, tenant: Tenant) -> None:
        """Have the balances know what other processes used, before a session is let in. Waits 0.1 s at most."""


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """Usage of one response or one transcription."""

    tenant: TenantId
    session: SessionId
    model: str
    usage: Usage
    micro_usd: MicroUsd
    at: UnixSeconds
    response: str = ""
    """What names it at the upstream, a response's or an item's id: billed once. Empty: nothing does."""


class Ledger(Protocol):
    """What was used, added up."""

    def record(self, bill: Bill) -> None:
        """Take note of *bill*, unless one of that tenant and response was. Never waits."""

    async def total(self, tenant: TenantId) -> tuple[Usage, MicroUsd] | None:
        """Return all that *tenant* used; None while that cannot be known."""

    async def usage(self, tenant: TenantId, since: UnixSeconds) -> tuple[UsageRow, ...] | None:
        """Return what *tenant* used from the UTC day of *since* on, by day and model; None as above."""


class Secrets(Protocol):
    """What has to be remembered of client secrets: sessions too large to travel along, and counts of uses."""

    async def keep(
        self, secret: str, tenant: TenantId, session: bytes, expires_at: UnixSeconds
    ) -> Refused | None:
        """Keep *session*, sealed, under the id of its *secret* until *expires_at*, or say why not.

        A refusal keeps nothing and disturbs nothing that is kept. `retry_after` is when there may be room.
        """

    async def find(self, secret: str) -> bytes | Refused | None:
        """Return what is kept under *secret*; None if nothing is, or no longer; or why that is not known."""

    async def use(self, secret: str, tenant: TenantId, most: int, expires_at: UnixSeconds) -> Refused | None:
        """Count one more use of *secret*, *most* of which are allowed, or say why not: `INVALID_KEY`, also
        where *expires_at* has come.

        What is refused is not counted. The count is kept until *expires_at* at least.
        """

    async def unuse(self, secret: str) -> None:
        """Take one use back: no session came about. Where no use is counted this changes nothing."""
