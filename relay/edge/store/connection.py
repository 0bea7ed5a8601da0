"""The one line to the store: a deadline, a breaker and a name for everything that is asked of it.

    run · command ──▶ breaker ──open──▶ UNAVAILABLE, at once
                         │closed
                         ▼
              a connection, 50 ms ──trouble──▶ UNAVAILABLE, and after three in a row the breaker opens
                         │                                  │
                         ▼                                  ▼ probes, with growing rests, until a write succeeds
                      answer                             on_return

Rule: no exception of the client library, of a socket or of a script leaves this module, and no caller pays for
a probe.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from math import inf
from typing import Final, Protocol, Self

import msgspec
import structlog

from relay.core import store_address as address
from relay.core.breaker import Breaker
from relay.core.store_address import Address
from relay.core.words import Seconds, Secret
from relay.edge.clock import monotonic
from relay.edge.store.client import CONNECTIONS, Client, Word
from relay.edge.store.scripts import Script, key

WITHIN: Final[Seconds] = 0.05
"""An answer later than this has failed. A round trip in one data centre is under a millisecond; people begin to
notice a pause at 100."""
GRACE: Final[Seconds] = 0.005
"""The end of a deadline begins when it is noticed: what came while the loop was busy is read first."""
LATE: Final[Seconds] = 0.02
"""A process that notices a deadline so much later had no time for the answer either."""
PROBE_WITHIN: Final[Seconds] = 1.0
"""A probe may have to connect anew, TLS and all, to another continent."""
_PROBE: Final = Script("redis.call('SET', KEYS[1], '1') return redis.call('DEL', KEYS[1])")
"""A write: a replica and a full server answer reads as if nothing were wrong."""


class Witness(Protocol):
    """Counts what is asked of the store."""

    def __call__(self, op: str, seconds: Seconds, *, ok: bool) -> None:
        """Operation *op* was answered, or not, after *seconds*: 0.0 where the breaker was open."""


log = structlog.get_logger("store")


class Unavailable(msgspec.Struct, frozen=True):
    """The store did not answer, or not in time. Whether it did what was asked is not known."""


UNAVAILABLE: Final = Unavailable()


class Store:
    """A store that is asked by many, and may be away."""

    def __init__(self, at: Address, told: Witness, within: Seconds = WITHIN) -> None:
        self._told = told
        self._within = within
        self._client = Client(at)
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._breaker = Breaker()
        self._opened = asyncio.Event()
        self._returned: list[Callable[[], None]] = []
        self._away_since: Seconds = 0.0
        self._answered_at: Seconds = 0.0
        self._doubted = key("relay")
        """What was asked for when the breaker opened: in a cluster, the other shards may be well."""

    @classmethod
    def from_url(cls, url: Secret, told: Witness, within: Seconds = WITHIN) -> Self:
        """Return the store at *url*, not connected yet. Raises `ValueError` where `address` cannot read it.

        *within* is the deadline of one operation, in seconds.
        """
        return cls(address.parse(url), told, within)

    @property
    def degraded(self) -> bool:
        """Whether nothing is asked of it now, because it did not answer."""
        return not self._breaker.closed

    def on_return(self, call: Callable[[], None]) -> None:
        """Call *call* each time that the store is back."""
        self._returned.append(call)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Connect, and watch over the connection until the block is left.

        A store that is away is no error: it is probed for meanwhile.
        """
        trouble = await self._try(self._doubted)
        if trouble is not None:
            self._breaker.trip(monotonic(), _draw())
            self._degrade("connect", self._doubted, trouble)
        watching = asyncio.create_task(self._watch(), name="store probes")
        try:
            yield self
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            await self._client.close()

    async def run(
        self, op: str, script: Script, keys: Sequence[str], args: Sequence[Word] = ()
    ) -> object | Unavailable:
        """Run *script* on *keys*, which share a hash tag. Return int, bytes, None, or a list of such.

        *op* names the operation in metrics: one of few.
        """
        return await self._ask(op, keys[0], lambda: self._client.evaluate(script, keys, args))

    async def command(self, op: str, name: str, at: str, *args: Word) -> object | Unavailable:
        """Run the single command *name* on the key *at*. Return its reply as `run` does."""
        return await self._ask(op, at, lambda: self._client.execute(name, at, *args))

    async def _ask(self, op: str, at: str, ask: Callable[[], Awaitable[object]]) -> object | Unavailable:
        if not self._breaker.closed:
            self._told(op, 0.0, ok=False)
            return UNAVAILABLE
        started, asked, loop = monotonic(), inf, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as deadline:
                last_look = loop.call_later(
                    self._within - GRACE, lambda: deadline.reschedule(loop.time() + GRACE)
                )
                try:
                    async with self._places:
                        asked = monotonic()
                        answer = await ask()
                finally:
                    last_look.cancel()
        except Exception as trouble:  # noqa: BLE001 - see `Client`
            now = monotonic()
            self._told(op, now - started, ok=False)
            # A crowd before the connections, or a loop too busy for the answer, is no failing of the store's.
            briefly, late = now - asked < self._within / 2, now - started > self._within + LATE
            crowded = briefly or late or self._answered_at >= asked
            if isinstance(trouble, TimeoutError) and crowded:
                return UNAVAILABLE
            if self._breaker.failed(now, _draw()):
                self._degrade(op, at, trouble)
            return UNAVAILABLE
        self._breaker.succeeded()
        self._answered_at = monotonic()
        self._told(op, self._answered_at - started, ok=True)
        return answer

    # --- while it is away -------------------------------------------------------------------------

    def _degrade(self, op: str, at: str, trouble: Exception) -> None:
        self._doubted, self._away_since = at, monotonic()
        self._opened.set()
        log.warning("store degraded", op=op, error=type(trouble).__name__, message=str(trouble))

    async def _watch(self) -> None:
        while True:
            await self._opened.wait()
            self._opened.clear()
            while not self._breaker.closed:
                await asyncio.sleep(self._breaker.probe_at - monotonic())
                trouble = await self._try(self._doubted)
                if self._breaker.probed(trouble is None, monotonic(), _draw()):
                    log.info("store is back", away_seconds=round(monotonic() - self._away_since, 3))
                    for call in self._returned:
                        call()

    async def _try(self, at: str) -> Exception | None:
        """Connect anew: the old connections may lead to what no longer is the master. Return what was wrong."""
        tag, end, _ = at.partition("}")
        probe = (tag + end + ":probe",)
        try:
            async with asyncio.timeout(PROBE_WITHIN):
                await self._client.drop()
                await self._client.evaluate(_PROBE, probe, ())
                # The others connect now, at leisure: a caller's 50 ms may be too short for it.
                await asyncio.gather(*(self._client.evaluate(_PROBE, probe, ()) for _ in range(CONNECTIONS)))
        except Exception as trouble:  # noqa: BLE001 - see `Client`
            return trouble
        return None


def _draw() -> float:
    return random.random()  # noqa: S311 - spreads probes, guards nothing
