"""Memory runs short: newcomers are turned away, the fullest sessions end, and the small ones never notice."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection

from relay.core.overload import Level
from relay.core.words import Side
from relay.edge import memory
from relay.server import Relay
from tests.kit.relays import MODEL, relay_to
from tests.kit.upstreams import scripted
from tests.kit.wire import PATIENCE, closed, connected, event, eventually, refusal

MIB = 1024 * 1024
UNLIMITED = {"concurrent_sessions": "unlimited", "session_starts_per_minute": "unlimited"}
LOW, HIGH = f"?model={MODEL}&relay_latency=low", f"?model={MODEL}&relay_latency=high"


class Hose:
    """An upstream that says nothing until it is told to, and then says it without end."""

    def __init__(self) -> None:
        self.open: list[asyncio.Event] = []

    async def __call__(self, connection: ServerConnection) -> None:
        turned = asyncio.Event()
        self.open.append(turned)
        gone = asyncio.create_task(connection.wait_closed())
        told = asyncio.create_task(turned.wait())
        await asyncio.wait({gone, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        while not gone.done():
            await connection.send('{"type":"x","pad":"' + "x" * 65_536 + '"}')


def all_open(relay: Relay) -> bool:
    return all(live.session.reason is None for live in relay.sessions)


def held(relay: Relay) -> int:
    return sum(live.buffered(side) for live in relay.sessions for side in Side)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(memory, "CUT_AFTER", 0.05)


@contextlib.asynccontextmanager
async def hosed() -> AsyncIterator[tuple[Relay, str, Hose]]:
    hose = Hose()
    async with scripted(hose) as url, relay_to(url, plan=UNLIMITED) as (relay, key):
        yield relay, key, hose


async def stalled(
    stack: contextlib.AsyncExitStack, relay: Relay, key: str, query: str = LOW
) -> ClientConnection:
    """Open a session of a client that reads no further than its first event."""
    client = await stack.enter_async_context(connected(relay, key, query, max_queue=1))
    stack.callback(client.transport.abort)  # its close frame would stand behind all that it does not read
    client.transport.pause_reading()
    return client


@pytest.mark.parametrize(
    ("percent", "query", "status"),
    [(80, LOW, 101), (93, LOW, 101), (93, HIGH, 503), (93, f"?model={MODEL}", 503), (96, LOW, 503)],
)
async def test_newcomers_are_told_when_to_come_back_and_those_in_a_hurry_have_a_reserve(
    quick: None, percent: int, query: str, status: int
) -> None:
    async with hosed() as (relay, key, _):
        relay.memory.limit, relay.memory.used = 100, lambda: percent
        levels = {80: Level.ACCEPT, 93: Level.REFUSE, 96: Level.SHED}
        await eventually(lambda: relay.memory.level is levels[percent])
        if status == 101:
            async with connected(relay, key, query):
                assert len(relay.sessions) == 1
            return
        told, headers, error = await refusal(relay, key, query)
        assert (told, error["code"], headers["retry-after"]) == (503, "relay_unavailable", "5")


async def test_without_a_limit_nobody_is_refused(quick: None) -> None:
    async with hosed() as (relay, key, _):
        relay.memory.limit, relay.memory.used = None, lambda: 10**15
        await asyncio.sleep(0.05)  # several looks
        async with connected(relay, key):
            assert relay.memory.level is Level.ACCEPT


async def test_the_fullest_are_ended_the_use_stays_under_the_limit_and_small_sessions_live(quick: None) -> None:
    limit, readings = 12 * MIB, [0]
    async with hosed() as (relay, key, hose), contextlib.AsyncExitStack() as stack:

        def used() -> int:
            readings.append(held(relay))
            return readings[-1]

        small = await stack.enter_async_context(connected(relay, key))
        clients = [await stalled(stack, relay, key) for _ in range(40)]
        lives = list(relay.sessions)[1:]
        relay.memory.limit, relay.memory.used = limit, used
        for live, turned in zip(lives, hose.open[1:], strict=True):
            turned.set()
            await eventually(lambda one=live: one.pipe is None or one.session.flows[Side.UPSTREAM].holds)
            # The load rises no faster than the guard looks, and than what it ended is gone.
            looks = len(readings) + 2
            await eventually(lambda n=looks: len(readings) > n and all_open(relay))
        await eventually(lambda: len(relay.sessions) < 41)
        assert 0.9 * limit < max(readings) <= limit
        shed = 41 - len(relay.sessions)
        assert shed < 16  # no more than it takes
        told = f'relay_sessions_ended_total{{first="relay",reason="shed"}} {shed}.0'
        assert told in relay.metrics.exposition().decode()
        for client in clients:
            client.transport.abort()
        await eventually(lambda: relay.memory.level is Level.ACCEPT)
        hose.open[0].set()  # the small one is served as before
        assert (await event(small))["type"] == "x"
        async with connected(relay, key):
            assert relay.memory.level is Level.ACCEPT


async def test_the_patient_are_ended_first_and_whoever_still_reads_is_told(quick: None) -> None:
    async with hosed() as (relay, key, hose), contextlib.AsyncExitStack() as stack:
        hurried = await stalled(stack, relay, key, LOW)
        patient = await stalled(stack, relay, key, HIGH)
        for turned in hose.open:
            turned.set()
        await eventually(lambda: all(live.buffered(Side.CLIENT) > 250_000 for live in relay.sessions))
        whole = held(relay)
        relay.memory.limit = int(whole / 0.96)  # four hundredths have to go: one session is enough
        relay.memory.used = lambda: held(relay) if len(relay.sessions) == 2 else 0
        await eventually(lambda: len(relay.sessions) == 1)
        assert next(iter(relay.sessions)).latency == "low"
        relay.memory.limit = None
        hurried.transport.resume_reading()
        assert (await event(hurried))["type"] == "x"
        patient.transport.resume_reading()
        assert (await closed(patient))[0] in {1006, 1013}


async def test_a_reader_that_is_only_slow_has_the_close_code_of_its_own_end(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CUT_AFTER", PATIENCE)
    async with hosed() as (relay, key, hose), contextlib.AsyncExitStack() as stack:
        client = await stalled(stack, relay, key)
        hose.open[0].set()
        live = next(iter(relay.sessions))
        await eventually(lambda: live.buffered(Side.CLIENT) > 250_000)
        relay.memory.limit, relay.memory.used = MIB, lambda: MIB
        await eventually(lambda: live.session.reason is not None)
        client.transport.resume_reading()
        assert await closed(client) == (1013, "shed")
