"""How many processes share the store: what each may give out by itself while the store is away.

Rule: counted by leases, so that a process that dies is no longer counted soon after.
"""

import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Final, Self

from relay.edge.store.beat import LEASE, beating
from relay.edge.store.connection import Store
from relay.edge.store.scripts import Script, key

_SAY: Final = Script.packaged("workers")
_WORKERS: Final = key("relay", "workers")


class Workers:
    """The processes that share the store, this one among them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._id = secrets.token_hex(8)
        self.count = 1
        """As of the last beat that the store answered; never less than this one."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Be counted until the block is left."""
        await self.beat()
        async with beating(self._store, "workers' beat", self.beat):
            yield self
        await self._store.command("workers", "ZREM", _WORKERS, self._id)

    async def beat(self) -> bool:
        """Say that this process lives, and count. Return whether the store answered."""
        answer = await self._store.run("workers", _SAY, (_WORKERS,), (self._id, round(LEASE * 1000)))
        if not isinstance(answer, int):
            return False
        self.count = max(1, answer)
        return True
