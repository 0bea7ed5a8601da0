"""The home of `Secrets` in one process: large sessions and counts of uses, until they expire.

Rule: everything here has an end, and a bound that one tenant alone cannot fill for the others. What has expired
goes when something is asked for next; until then it is bounded like the rest.
"""

import heapq
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from relay.core.refusals import Refusal, Refused
from relay.core.words import TenantId, UnixSeconds
from relay.edge.clock import wall

MOST_SESSIONS: Final = 1_000
"""Kept for one tenant: eight a minute for the two hours that a secret may hold."""
MOST_BYTES: Final = 8 * 1024 * 1024
"""Kept for one tenant: `MOST_SESSIONS` of 8 KiB, or sixteen of the largest body."""
MOST_BYTES_IN_ALL: Final = 64 * 1024 * 1024
"""As much memory as some 2,000 idle sessions take: eight tenants may be at their bound."""
MOST_COUNTS: Final = 50_000
"""Counted for one tenant: 400 a minute for the two hours that a secret may hold, which is over three times what
a plan mints by default, and over six times the sessions that it starts."""
MOST_COUNTS_IN_ALL: Final = 200_000
"""Some 60 MB: four tenants may be at their bound."""
WHEN_FULL: Final = 1.0
"""Seconds told as `Retry-After` at the least: what expires first may do so at once."""


class _Kept:
    __slots__ = ("expires_at", "session", "size", "tenant")

    def __init__(self, tenant: TenantId, session: bytes, expires_at: UnixSeconds) -> None:
        self.tenant = tenant
        self.session = session
        self.size = len(session)
        self.expires_at = expires_at


class _Count:
    __slots__ = ("expires_at", "tenant", "uses")
    size = 0
    """Counts are bounded by their number."""

    def __init__(self, tenant: TenantId, expires_at: UnixSeconds) -> None:
        self.tenant = tenant
        self.expires_at = expires_at
        self.uses = 0


class _Share:
    """What one tenant has on a shelf."""

    __slots__ = ("ends", "number", "size")

    def __init__(self) -> None:
        self.number = 0
        self.size = 0
        self.ends: list[tuple[UnixSeconds, str]] = []
        """A heap: when each goes, and its secret."""


_NOTHING: Final = _Share()
_Thing = TypeVar("_Thing", _Kept, _Count)


class _Shelf(Generic[_Thing]):
    """Things of one kind by their secret, and how much of them is whose. A step costs what a heap's does."""

    def __init__(self) -> None:
        self.things: dict[str, _Thing] = {}
        self.size = 0
        self._shares: dict[TenantId, _Share] = {}
        self._ends: list[tuple[UnixSeconds, str]] = []
        """A heap of all: when each goes, and its secret."""

    def of(self, tenant: TenantId) -> _Share:
        """Return what is *tenant*'s. To be read, not to be changed."""
        return self._shares.get(tenant, _NOTHING)

    def put(self, secret: str, thing: _Thing) -> None:
        self.drop(secret)
        self.things[secret] = thing
        self.size += thing.size
        share = self._shares.setdefault(thing.tenant, _Share())
        share.number += 1
        share.size += thing.size
        for ends in (self._ends, share.ends):
            heapq.heappush(ends, (thing.expires_at, secret))

    def drop(self, secret: str) -> None:
        thing = self.things.pop(secret, None)
        if thing is None:
            return
        self.size -= thing.size
        share = self._shares[thing.tenant]
        share.number -= 1
        share.size -= thing.size
        if share.number == 0:
            del self._shares[thing.tenant]

    def let_go(self, now: UnixSeconds) -> None:
        """Forget what has expired."""
        while self._ends and self._ends[0][0] <= now:
            _, secret = heapq.heappop(self._ends)
            thing = self.things.get(secret)
            if thing is not None and thing.expires_at <= now:
                self.drop(secret)
                _pass(self.of(thing.tenant).ends, now)

    def until(self, tenant: TenantId | None, now: UnixSeconds) -> float:
        """Return how long until something is let go, of *tenant* if one is named; `WHEN_FULL` at least."""
        ends = self._ends if tenant is None else self.of(tenant).ends
        _pass(ends, now)
        return max(WHEN_FULL, ends[0][0] - now) if ends else WHEN_FULL


def _pass(ends: list[tuple[UnixSeconds, str]], now: UnixSeconds) -> None:
    """Take out of a heap of *ends* what has come."""
    while ends and ends[0][0] <= now:
        heapq.heappop(ends)


class EmbeddedSecrets:
    """`Secrets` for one process: another process knows nothing of them, and a restart forgets them."""

    def __init__(self, now: Callable[[], UnixSeconds] = wall) -> None:
        self._now = now
        self._kept: _Shelf[_Kept] = _Shelf()
        self._counts: _Shelf[_Count] = _Shelf()

    async def keep(
        self, secret: str, tenant: TenantId, session: bytes, expires_at: UnixSeconds
    ) -> Refused | None:
        """See `Secrets.keep`."""
        now = self._let_go()
        share = self._kept.of(tenant)
        if share.number >= MOST_SESSIONS or share.size + len(session) > MOST_BYTES:
            return Refused(
                Refusal.TOO_MANY_SESSIONS,
                f"The relay keeps {MOST_SESSIONS} large sessions of {MOST_BYTES >> 20} MiB in all for client "
                "secrets of this tenant. Shorten the session's instructions and tools, or wait.",
                retry_after=self._kept.until(tenant, now),
            )
        if self._kept.size + len(session) > MOST_BYTES_IN_ALL:
            return Refused(
                Refusal.RELAY_FULL,
                "The relay keeps as many large sessions for client secrets as it may.",
                retry_after=self._kept.until(None, now),
            )
        self._kept.put(secret, _Kept(tenant, session, expires_at))
        return None

    async def find(self, secret: str) -> bytes | None:
        """See `Secrets.find`."""
        self._let_go()
        kept = self._kept.things.get(secret)
        return kept.session if kept is not None else None

    async def use(self, secret: str, tenant: TenantId, most: int, expires_at: UnixSeconds) -> Refused | None:
        """See `Secrets.use`."""
        now = self._let_go()
        if expires_at <= now:  # its count is gone, and a new one would begin from nothing
            return Refused(Refusal.INVALID_KEY, "This client secret has expired. Mint a new one.")
        count = self._counts.things.get(secret)
        if count is None:
            if self._counts.of(tenant).number >= MOST_COUNTS:
                return Refused(
                    Refusal.TOO_MANY_SESSIONS,
                    f"The relay counts the uses of {MOST_COUNTS} client secrets of this tenant at once. Wait "
                    "until one of them has expired.",
                    retry_after=self._counts.until(tenant, now),
                )
            if len(self._counts.things) >= MOST_COUNTS_IN_ALL:
                return Refused(
                    Refusal.RELAY_FULL,
                    "The relay counts the uses of as many client secrets as it may.",
                    retry_after=self._counts.until(None, now),
                )
            count = _Count(tenant, expires_at)
            self._counts.put(secret, count)
        if count.uses >= most:
            times = "once" if most == 1 else f"{most} times"
            return Refused(Refusal.INVALID_KEY, f"This client secret was used {times}, as often as it may be.")
        count.uses += 1
        return None

    async def unuse(self, secret: str) -> None:
        """See `Secrets.unuse`."""
        count = self._counts.things.get(secret)
        if count is not None and count.uses > 0:
            count.uses -= 1

    def _let_go(self) -> UnixSeconds:
        """Forget what has expired. Return the time of day that this went by."""
        now = self._now()
        self._kept.let_go(now)
        self._counts.let_go(now)
        return now
