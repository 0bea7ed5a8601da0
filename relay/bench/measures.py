"""What is done to a subject: closed loops, a paced flow, set-ups, idle sessions, and a proof of integrity.

Each measure returns what it saw as one frozen value, and leaves the sessions it was given as it found them.
"""

import asyncio
import gc
import math
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter_ns
from typing import Final

import msgspec

from relay.bench import machine
from relay.bench.legs import Leg, Pair, hang_up, ignore
from relay.bench.machine import Spent
from relay.bench.messages import SMALLEST, Direction, Messages, type_of
from relay.bench.traffic import DRAIN_SECONDS, Pacer, Traffic, lanes_of, release

WARM_SECONDS: Final = 0.15
"""Before the clock starts: buffers have grown, caches are full."""

PACED_PER_SECOND: Final = 2_000
"""The flow at which latency is compared: the one the goals speak of."""

SETUPS_AT_ONCE: Final = 16
"""Enough to keep the subject busy, too few to fill a listen queue."""

IDLE_SETTLE_SECONDS: Final = 1.0
"""After the last set-up: what it used for the moment has been given back."""

INTEGRITY_BATCH: Final = ((9 << 10, 64), (64 << 10, 24), (4 << 20, 2))
"""Sizes in bytes and how many of each: over one socket buffer, over all of them, and many times over."""

SLOW_SOCKET_BYTES: Final = 64 << 10
"""The receive buffer of a slow reader, so that its slowness is felt at the other end."""

SLOW_REST_SECONDS: Final = 0.005
"""How long it looks away after each look: together about 10 MB/s."""

Clock = Callable[[], Spent]
"""Returns what a subject has used of CPU so far."""


class Window(msgspec.Struct, frozen=True):
    """What was counted between two moments.

    *cpu_us* is the subject's, for each that was counted. *disturbed* is the share of the time for which the
    subject, or the load, was ready and something else had its core.
    """

    count: int
    seconds: float
    cpu_us: float
    disturbed: float


class Load(msgspec.Struct, frozen=True):
    """A run of traffic: the messages of its window, and their latencies if it was paced.

    *arrived* and *bad* count the whole run, with what came before and after the window.
    """

    window: Window
    arrived: int
    bad: int
    p50_us: float | None = None
    p99_us: float | None = None


class Setups(msgspec.Struct, frozen=True):
    """A run of set-ups, from dialing to both ends gone."""

    window: Window
    failed: int


class Idle(msgspec.Struct, frozen=True):
    """Sessions that do nothing: how many were set up, how many still lived, memory for one."""

    sessions: int
    alive: int
    bytes_each: float


class Integrity(msgspec.Struct, frozen=True):
    """How many of the messages sent arrived intact and in order."""

    sent: int
    intact: int


async def misheard(pair: Pair) -> str | None:
    """Carry one message each way. Return what is wrong with how it arrived, in words; None if nothing is."""
    for direction in Direction:
        sink = pair.client if direction is Direction.DOWN else pair.upstream
        source = pair.upstream if direction is Direction.DOWN else pair.client
        arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        sink.inlet = arrived.set_result
        source.send(Messages(direction, SMALLEST).build(pair.session, 0))
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await asyncio.wait((arrived, sink.gone), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            return f"carried nothing {direction.value} in {DRAIN_SECONDS:.0f} s"
        finally:
            sink.inlet = ignore
        if not arrived.done():
            return f"let go of a session that carried one message {direction.value}: {sink.farewell}"
        due = Messages(direction, SMALLEST, beta=pair.beta).build(pair.session, 0)
        if arrived.result() != due:
            came = type_of(arrived.result()) or "no event"
            return (
                f"carried a message {direction.value} that arrived as {came} and not as the {type_of(due)} due"
            )
    return None


async def closed_loop(
    pairs: Sequence[Pair], direction: Direction, size: int, *, seconds: float, clock: Clock
) -> Load:
    """One message in flight per session, the next sent as soon as it has arrived."""
    traffic = Traffic()
    lanes = lanes_of(pairs, direction, size, traffic)
    with _undisturbed():
        for lane in lanes:
            lane.sink.inlet = lane.arrived_in_loop
            lane.send()
        await asyncio.sleep(WARM_SECONDS)
        window = await _window(lambda: traffic.received, seconds, clock)
        await traffic.drained()
    release(lanes)
    return Load(
        window=window,
        arrived=traffic.received,
        bad=traffic.bad,
    )


async def paced(pairs: Sequence[Pair], size: int, *, seconds: float, clock: Clock) -> Load:
    """`PACED_PER_SECOND` messages in both directions together, and the latency of each."""
    traffic = Traffic()
    lanes = [lane for way in Direction for lane in lanes_of(pairs, way, size, traffic)]
    with _undisturbed():
        for lane in lanes:
            lane.sink.inlet = lane.arrived_timed
        pacer = Pacer(lanes, PACED_PER_SECOND)
        try:
            await asyncio.sleep(WARM_SECONDS)
            del traffic.latencies_ns[:]
            window = await _window(lambda: traffic.received, seconds, clock)
        finally:
            pacer.stop()
        await traffic.drained()
    release(lanes)
    ordered = sorted(traffic.latencies_ns)
    return Load(
        window=window,
        arrived=traffic.received,
        bad=traffic.bad,
        p50_us=percentile(ordered, 0.50) / 1e3,
        p99_us=percentile(ordered, 0.99) / 1e3,
    )


async def setups(dial: Callable[[], Awaitable[Leg]], *, seconds: float, clock: Clock) -> Setups:
    """Connect, upgrade, reach the upstream, receive its first event, close; `SETUPS_AT_ONCE` in parallel."""
    done = failed = 0
    until = math.inf

    async def again_and_again() -> None:
        nonlocal done, failed
        while perf_counter_ns() < until:
            try:
                leg = await dial()
            except (OSError, TimeoutError):
                failed += 1
                continue
            await hang_up([leg])
            done += 1

    with _undisturbed():
        async with asyncio.TaskGroup() as workers:
            for number in range(SETUPS_AT_ONCE):
                workers.create_task(again_and_again(), name=f"set-ups {number}")
            await asyncio.sleep(WARM_SECONDS)
            window = await _window(lambda: done, seconds, clock)
            until = 0.0
    return Setups(window=window, failed=failed)


async def idle(dial: Callable[[], Awaitable[Leg]], count: int, *, memory: Callable[[], int]) -> Idle:
    """Hold *count* sessions that say nothing. Raises what *dial* raises."""
    before = memory()
    legs: list[Leg] = []
    try:
        while len(legs) < count:
            batch = min(SETUPS_AT_ONCE, count - len(legs))
            legs += await asyncio.gather(*(dial() for _ in range(batch)))
        await asyncio.sleep(IDLE_SETTLE_SECONDS)
        grown = memory() - before
        alive = sum(leg.transport is not None for leg in legs)
    finally:
        if legs:
            await hang_up(legs)
    return Idle(sessions=count, alive=alive, bytes_each=grown / count)


async def integrity(pair: Pair, direction: Direction, *, slow: bool) -> Integrity:
    """Send `INTEGRITY_BATCH` at once, to a reader that keeps up or to one that does not."""
    sent = intact = 0
    sink = pair.client if direction is Direction.DOWN else pair.upstream
    reading = asyncio.create_task(_read_slowly(sink), name="slow reader") if slow else None
    try:
        for size, count in INTEGRITY_BATCH:
            traffic = Traffic()
            lanes = lanes_of([pair], direction, size, traffic)
            lanes[0].sink.inlet = lanes[0].arrived
            for _ in range(count):
                lanes[0].send()
            await traffic.drained()
            release(lanes)
            sent += traffic.sent
            intact += traffic.sent - traffic.bad
    finally:
        if reading is not None:
            reading.cancel()
    return Integrity(sent=sent, intact=intact)


def percentile(ordered: Sequence[int], fraction: float) -> float:
    """Return the value below which *fraction* of *ordered* lies; NaN if there is nothing."""
    if not ordered:
        return math.nan
    return ordered[min(int(fraction * len(ordered)), len(ordered) - 1)]


async def _window(count: Callable[[], int], seconds: float, clock: Clock) -> Window:
    """Watch for *seconds*."""
    counted, before, load, started = count(), clock(), machine.spent_here(), perf_counter_ns()
    await asyncio.sleep(seconds)
    lasted = perf_counter_ns() - started
    counted, after, load_after = count() - counted, clock(), machine.spent_here()
    waited = after.waited - before.waited + load_after.waited - load.waited
    return Window(
        count=counted,
        seconds=lasted / 1e9,
        cpu_us=(after.ran - before.ran) / 1e3 / counted if counted else math.nan,
        disturbed=waited / lasted,
    )


async def _read_slowly(leg: Leg) -> None:
    """Look at the connection for a moment, look away for a longer one, until it is gone."""
    transport = leg.transport
    assert transport is not None
    wire = transport.underlying_transport
    wire.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_SOCKET_BYTES)
    try:
        while not leg.gone.done():
            wire.pause_reading()
            await asyncio.sleep(SLOW_REST_SECONDS)
            wire.resume_reading()
            # One turn of the loop to see that there is something, one to read it.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    finally:
        if not wire.is_closing():
            wire.resume_reading()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the collector of garbage out of the window: its pauses are ours, not the subject's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
