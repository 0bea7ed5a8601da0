"""The home of `Secrets` in one process: large sessions and counts of uses, until they expire.

Rule: everything here has an end, and a bound that one tenant alone cannot fill for the others. What has expired
goes when something is asked for next; until then it is bounded like the rest.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec

from relay.core.refusals import Refusal, Refused
from relay.core.words import TenantId, UnixSeconds
from relay.edge.clock import wall

MOST_SESSIONS: Final = 1_000
"""Kept for one tenant: eight a minute for the two hours that a secret may hold."""
MOST_BYTES: Final = 8 * 1024 * 1024
"""Kept for one tenant: `MOST_SESSIONS` of 8 KiB, or eight of the largest body."""
MOST_BYTES_IN_ALL: Final = 64 * 1024 * 1024
"""As much memory as some 2,000 idle sessions take: eight tenants may be at their bound."""
MOST_COUNTS: Final = 10_000
"""Counted for one tenant: 83 a minute for two hours, more than the starts that a plan allows by default."""
MOST_COUNTS_IN_ALL: Final = 200_000
"""Some 60 MB."""
WHEN_FULL: Final = 1.0
"""Seconds told as `Retry-After` at the least: what expires first may do so at once."""


class _Kept(msgspec.Struct, frozen=True):
    tenant: TenantId
    session: bytes
    expires_at: UnixSeconds


class _Count:
    __slots__ = ("expires_at", "tenant", "uses")

    def __init__(self, tenant: TenantId, expires_at: UnixSeconds) -> None:
        self.tenant = tenant
        self.expires_at = expires_at
        self.uses = 0


class EmbeddedSecrets:
    """`Secrets` for one process: another process knows nothing of them, and a restart forgets them."""

    def __init__(self, now: Callable[[], UnixSeconds] = wall) -> None:
        self._now = now
        self._kept: dict[str, _Kept] = {}
        self._counts: dict[str, _Count] = {}
        self._ends: list[tuple[UnixSeconds, str]] = []
        """A heap of what is kept and counted: when it goes, and its secret."""
        self._sessions_of: Counter[TenantId] = Counter()
        self._bytes_of: Counter[TenantId] = Counter()
        self._counts_of: Counter[TenantId] = Counter()

    async def keep(
        self, secret: str, tenant: TenantId, session: bytes, expires_at: UnixSeconds
    ) -> Refused | None:
        """See `Secrets.keep`."""
        self._let_go()
        if self._sessions_of[tenant] >= MOST_SESSIONS or self._bytes_of[tenant] + len(session) > MOST_BYTES:
            return Refused(
                Refusal.TOO_MANY_SESSIONS,
                f"The relay keeps {MOST_SESSIONS} large sessions of {MOST_BYTES >> 20} MiB in all for client "
                "secrets of this tenant. Shorten the session's instructions and tools, or wait.",
                retry_after=self._until(tenant),
            )
        if self._bytes_of.total() + len(session) > MOST_BYTES_IN_ALL:
            return Refused(
                Refusal.RELAY_FULL,
                "The relay keeps as many large sessions for client secrets as it may.",
                retry_after=self._until(None),
            )
        self._drop(secret)
        self._kept[secret] = _Kept(tenant, session, expires_at)
        self._sessions_of[tenant] += 1
        self._bytes_of[tenant] += len(session)
        heapq.heappush(self._ends, (expires_at, secret))
        return None

    async def find(self, secret: str) -> bytes | None:
        """See `Secrets.find`."""
        self._let_go()
        kept = self._kept.get(secret)
        return kept.session if kept is not None else None

    async def use(self, secret: str, tenant: TenantId, most: int, expires_at: UnixSeconds) -> Refused | None:
        """See `Secrets.use`."""
        self._let_go()
        count = self._counts.get(secret)
        if count is None:
            if self._counts_of[tenant] >= MOST_COUNTS or len(self._counts) >= MOST_COUNTS_IN_ALL:
                return Refused(
                    Refusal.RELAY_FULL,
                    "The relay counts the uses of as many client secrets as it may.",
                    retry_after=self._until(tenant),
                )
            count = self._counts[secret] = _Count(tenant, expires_at)
            self._counts_of[tenant] += 1
            heapq.heappush(self._ends, (expires_at, secret))
        if count.uses >= most:
            times = "once" if most == 1 else f"{most} times"
            return Refused(Refusal.INVALID_KEY, f"This client secret was used {times}, as often as it may be.")
        count.uses += 1
        return None

    async def unuse(self, secret: str) -> None:
        """See `Secrets.unuse`."""
        count = self._counts.get(secret)
        if count is not None and count.uses > 0:
            count.uses -= 1

    def _until(self, tenant: TenantId | None) -> float:
        """Return how long until something that is kept, of *tenant* if one is named, expires."""
        ends = (kept.expires_at for kept in self._kept.values() if tenant in {None, kept.tenant})
        return max(WHEN_FULL, min(ends, default=0.0) - self._now())

    def _let_go(self) -> None:
        """Forget what has expired."""
        now = self._now()
        while self._ends and self._ends[0][0] <= now:
            _, secret = heapq.heappop(self._ends)
            kept, count = self._kept.get(secret), self._counts.get(secret)
            if kept is not None and kept.expires_at <= now:
                self._drop(secret)
            if count is not None and count.expires_at <= now:
                del self._counts[secret]
                self._counts_of -= Counter([count.tenant])

    def _drop(self, secret: str) -> None:
        kept = self._kept.pop(secret, None)
        if kept is not None:
            # Subtracting whole counters leaves no tenant behind that has nothing.
            self._sessions_of -= Counter([kept.tenant])
            self._bytes_of -= Counter({kept.tenant: len(kept.session)})
