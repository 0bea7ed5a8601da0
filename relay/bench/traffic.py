"""Messages on their way: what leaves is numbered, what arrives is compared.

A message that does not arrive, or not as it left, is counted in `bad`; it is never left out of a figure
in silence.
"""

import asyncio
import random
from array import array
from collections import deque
from collections.abc import Sequence
from time import perf_counter_ns
from typing import Final

from relay.bench.legs import Pair, ignore
from relay.bench.messages import Direction, Messages

DRAIN_SECONDS: Final = 15.0
"""How long a message in flight may take before it counts as lost: longer than any slow reader here needs."""


class Traffic:
    """What the lanes of one run add up to."""

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0
        self.bad = 0
        self.again = True
        self.latencies_ns = array("q")
        self._quiet = asyncio.Event()

    def settled(self) -> None:
        """Tell whoever waits in `drained` when nothing is in flight any more."""
        if self.received >= self.sent:
            self._quiet.set()

    async def drained(self) -> None:
        """Stop sending, and wait for what is in flight; what does not come is lost, and bad."""
        self.again = False
        self.settled()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._quiet.wait()
        except TimeoutError:
            self.bad += self.sent - self.received


class Lane:
    """One direction of one session."""

    def __init__(
        self,
        pair: Pair,
        direction: Direction,
        messages: Messages,
        traffic: Traffic,
        due: Messages | None = None,
    ) -> None:
        """Carry *messages*, which arrive as *due*: as they left, where nothing else is said."""
        ends = (pair.client, pair.upstream)
        self.source, self.sink = ends if direction is Direction.UP else ends[::-1]
        self._session = pair.session
        self._messages = messages
        self._due = messages if due is None else due
        self._traffic = traffic
        self._sent = 0
        self._received = 0
        self._left_at: deque[int] = deque()

    def send(self) -> None:
        """Send the next message."""
        message = self._messages.build(self._session, self._sent)
        self._sent += 1
        self._traffic.sent += 1
        self.source.send(message)

    def send_timed(self) -> None:
        """Send the next message and remember when. Building it is no part of its way."""
        message = self._messages.build(self._session, self._sent)
        self._sent += 1
        self._traffic.sent += 1
        self._left_at.append(perf_counter_ns())
        self.source.send(message)

    def arrived(self, payload: bytes) -> None:
        """Compare a message with the one that was due."""
        traffic = self._traffic
        if payload != self._due.build(self._session, self._received):
            traffic.bad += 1
        self._received += 1
        traffic.received += 1
        if not traffic.again:
            traffic.settled()

    def arrived_in_loop(self, payload: bytes) -> None:
        """Compare, and keep one message in flight."""
        self.arrived(payload)
        if self._traffic.again:
            self.send()

    def arrived_timed(self, payload: bytes) -> None:
        """Compare, and note how long the message took from the call that sent it."""
        now = perf_counter_ns()
        self._traffic.latencies_ns.append(now - self._left_at.popleft())
        self.arrived(payload)


class Pacer:
    """Sends *per_second* messages over all lanes at random times: a Poisson process that awaits no answer.

    It stays on the loop without sleeping: a timer of 1 ms would come later than what is to be measured.
    """

    def __init__(self, lanes: Sequence[Lane], per_second: float) -> None:
        self._lanes = lanes
        self._per_ns = per_second / 1e9
        self._dice = random.Random(7)  # noqa: S311 - the same arrivals for every subject, no secret
        self._loop = asyncio.get_running_loop()
        self._due = float(perf_counter_ns())
        self._handle = self._loop.call_soon(self._turn)

    def stop(self) -> None:
        """Send no more."""
        self._handle.cancel()

    def _turn(self) -> None:
        # Scheduled first: a session that has gone raises below, and the run must end by its own clock.
        self._handle = self._loop.call_soon(self._turn)
        now = perf_counter_ns()
        while self._due <= now:
            self._dice.choice(self._lanes).send_timed()
            self._due += self._dice.expovariate(self._per_ns)


def lanes_of(pairs: Sequence[Pair], direction: Direction, size: int, traffic: Traffic) -> list[Lane]:
    """Return a lane for each session. A session's client is told the names that it knows."""
    messages = Messages(direction, size)
    renamed = Messages(direction, size, beta=True) if any(pair.beta for pair in pairs) else None
    return [Lane(pair, direction, messages, traffic, renamed if pair.beta else None) for pair in pairs]


def release(lanes: Sequence[Lane]) -> None:
    """Let go of the sessions: what arrives from now on is nobody's."""
    for lane in lanes:
        lane.sink.inlet = ignore
