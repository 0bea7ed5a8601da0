"""The home of `Secrets` in a store.

    {secret}:session      a sealed session, until its secret expires
    {tenant}:kept         ZSET: secret -> when it goes; {tenant}:kept:sizes  HASH: secret -> bytes
    {secret}:uses         how often it was used, until it expires

A tenant's sessions are bounded as in one process; those of all tenants by the store's own memory. A count is no
larger than its key, and secrets are minted no faster than a plan allows.

Rule: exactness before availability. Where the store does not answer, nothing is kept, found or used, and the
refusal says to try again: a secret that may be used once is used once at the most.
"""

from collections.abc import Callable
from typing import Final

from relay.core.refusals import Refusal, Refused
from relay.core.words import TenantId, UnixSeconds
from relay.edge.clock import wall
from relay.edge.embedded_secrets import MOST_BYTES, MOST_SESSIONS, WHEN_FULL
from relay.edge.store.connection import Store, Unavailable
from relay.edge.store.permits import WHEN_AWAY
from relay.edge.store.scripts import Script, key

_KEEP: Final = Script.packaged("keep")
_USE: Final = Script.packaged("use")
_UNUSE: Final = Script.packaged("unuse")
_AWAY: Final = Refused(
    Refusal.RELAY_FULL,
    "The relay cannot look up this client secret: its store does not answer. Try again.",
    retry_after=WHEN_AWAY,
)


class StoreSecrets:
    """`Secrets` for all processes that share *store*."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], UnixSeconds] = wall,
        most_sessions: int = MOST_SESSIONS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._store = store
        self._now = now
        self._most_sessions = most_sessions
        self._most_bytes = most_bytes

    async def keep(
        self, secret: str, tenant: TenantId, session: bytes, expires_at: UnixSeconds
    ) -> Refused | None:
        """See `Secrets.keep`."""
        if expires_at <= self._now():
            return None
        ends = round(expires_at * 1000)
        shelf = key(tenant, "kept"), key(tenant, "kept", "sizes")
        bounds = self._most_sessions, self._most_bytes
        answer = await self._store.run("secret_keep", _KEEP, shelf, (secret, ends, len(session), *bounds))
        if not isinstance(answer, int):
            return _AWAY
        if answer > 0:
            return Refused(
                Refusal.TOO_MANY_SESSIONS,
                f"The relay keeps {self._most_sessions} large sessions of {self._most_bytes >> 20} MiB in all "
                "for client secrets of this tenant. Shorten the session's instructions and tools, or wait.",
                retry_after=max(WHEN_FULL, answer / 1000),
            )
        kept = await self._store.command("secret_keep", "SET", key(secret, "session"), session, "PXAT", ends)
        # The room stays reserved until the secret would have expired, for it may be kept after all.
        return _AWAY if isinstance(kept, Unavailable) else None

    async def find(self, secret: str) -> bytes | Refused | None:
        """See `Secrets.find`."""
        answer = await self._store.command("secret_find", "GET", key(secret, "session"))
        return answer if answer is None or isinstance(answer, bytes) else _AWAY

    async def use(self, secret: str, tenant: TenantId, most: int, expires_at: UnixSeconds) -> Refused | None:
        """See `Secrets.use`. One whose answer was lost may be counted."""
        del tenant
        if expires_at <= self._now():
            return Refused(Refusal.INVALID_KEY, "This client secret has expired. Mint a new one.")
        terms = most, round(expires_at * 1000)
        answer = await self._store.run("secret_use", _USE, (key(secret, "uses"),), terms)
        if isinstance(answer, Unavailable):
            return _AWAY
        if answer == 0:
            times = "once" if most == 1 else f"{most} times"
            return Refused(Refusal.INVALID_KEY, f"This client secret was used {times}, as often as it may be.")
        return None

    async def unuse(self, secret: str) -> None:
        """See `Secrets.unuse`. While the store is away the use stays counted."""
        await self._store.run("secret_unuse", _UNUSE, (key(secret, "uses"),))
