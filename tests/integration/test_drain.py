"""The end of a drain: what answers in time is left alone, and the rest is closed one after another."""

import asyncio
import contextlib
from itertools import pairwise
from time import perf_counter

from websockets.asyncio.client import ClientConnection

from relay.core.words import Seconds
from relay.server import Relay
from relay.simulator.settings import SimulatorSettings
from tests.kit.relays import relay_and_simulator
from tests.kit.wire import closed, connected, eventually, say, until

SPEAKING = SimulatorSettings.instant(audio_pace=1.0)
"""Speech comes as fast as it plays: an answer takes about half a second."""


async def closing(client: ClientConnection) -> tuple[Seconds, int, str]:
    """Return when and how the session was closed."""
    code, reason = await closed(client)
    return perf_counter(), code, reason


async def finish(relay: Relay, draining: asyncio.Task[None]) -> None:
    await asyncio.wait_for(draining, 5)
    assert len(relay.sessions) == 0


async def test_the_closes_at_the_end_of_a_drain_are_spread_over_their_time() -> None:
    listen = {"drain_seconds": 0.2, "drain_spread_seconds": 1.2}
    async with relay_and_simulator(listen=listen) as (relay, key, _), contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(relay, key)) for _ in range(6)]
        waiting = [asyncio.create_task(closing(client)) for client in clients]
        started = perf_counter()
        draining = asyncio.create_task(relay.drain())
        ends = await asyncio.gather(*waiting)
        assert {end[1:] for end in ends} == {(1012, "draining")}
        times = sorted(end[0] for end in ends)
        assert times[0] - started >= 0.2  # the deadline comes first
        assert 0.7 <= times[-1] - times[0] <= 2
        # Six over 1.2 s are 0.2 s apart; a busy machine may bring two together, never most of them.
        assert sum(later - earlier >= 0.1 for earlier, later in pairwise(times)) >= 3
        assert all(times[index + 3] - times[index] >= 0.2 for index in range(3))
        await finish(relay, draining)


async def test_an_answer_that_ends_before_the_deadline_is_not_cut() -> None:
    listen = {"drain_seconds": 3, "drain_spread_seconds": 0.1}
    async with relay_and_simulator(SPEAKING, listen=listen) as (relay, key, _):
        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connected(relay, key)) for _ in range(3)]

            async def hear(client: ClientConnection) -> tuple[str, Seconds]:
                await until(client, "response.output_audio.delta")
                begun.release()
                done = await until(client, "response.done")
                return done["response"]["status"], perf_counter()

            begun = asyncio.Semaphore(0)
            for client in clients:
                await say(client, type="response.create")
            hearing = [asyncio.create_task(hear(client)) for client in clients]
            for _ in clients:
                await asyncio.wait_for(begun.acquire(), 5)
            started = perf_counter()
            draining = asyncio.create_task(relay.drain())
            await eventually(lambda: relay.metrics.draining)
            heard = await asyncio.gather(*hearing)
            assert {status for status, _ in heard} == {"completed"}
            assert all(at - started > 0.1 for _, at in heard)  # they did end within the drain
            assert len(relay.sessions) == 3
            assert not draining.done()
        # All have hung up: the drain does not wait for its deadline.
        await finish(relay, draining)
        assert perf_counter() - started < 3
        ended = relay.metrics.registry.get_sample_value
        assert ended("relay_sessions_ended_total", {"reason": "client_left", "first": "client"}) == 3
        assert ended("relay_sessions_ended_total", {"reason": "draining", "first": "relay"}) == 0
