"""A heartbeat to the store: something that is done again and again, and at once when the store is back.

Rule: one task for each thing that beats, however many sessions it beats for; the block that started it ends it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import structlog

from relay.core.words import Seconds
from relay.edge.store.connection import Store

BEAT: Final[Seconds] = 5.0
"""Between two beats."""
LEASE: Final[Seconds] = 15.0
"""What a beat renews lasts so long: two beats may fail, and what a dead process held is free again after it."""
AGAIN: Final[Seconds] = 1.0
"""Until a beat that failed is tried again."""

log = structlog.get_logger("store")


async def steadily(name: str, go_on: Callable[[], Awaitable[None]]) -> None:
    """Do *go_on*, which does not end by itself, and begin again where it broke."""
    while True:
        try:
            await go_on()
        except Exception:
            log.exception("store task broke", task=name)
        await asyncio.sleep(AGAIN)


@contextlib.asynccontextmanager
async def beating(store: Store, name: str, beat: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
    """Call *beat*, which tells whether all of it was done, now and until the block is left."""
    soon = asyncio.Event()
    store.on_return(soon.set)

    async def go_on() -> None:
        while True:
            try:
                done = await beat()
            except Exception:
                # Leases that nobody renews are worse than a slip that this would end with.
                log.exception("beat failed", beat=name)
                done = False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(soon.wait(), BEAT if done else AGAIN)
            soon.clear()

    task = asyncio.create_task(go_on(), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
