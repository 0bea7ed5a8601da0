"""Many tenants at once: nothing crosses between them, and the noise of one is not another's."""

import asyncio
import contextlib
import json
import random
import statistics
from collections.abc import Callable
from time import perf_counter

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.protocol import State

from relay.core.words import Seconds
from relay.server import Relay
from relay.simulator.server import Simulator
from relay.simulator.settings import INSTANT
from tests.chaos.state import UNLIMITED
from tests.kit.relays import config, new_key, settings
from tests.kit.wire import append, closed, connected, event, knock, say


async def test_no_frame_and_no_key_ever_crosses_to_another_session() -> None:
    tenants, talks = 6, 20
    keys = [new_key() for _ in range(tenants)]
    async with contextlib.AsyncExitStack() as stack:
        sims = [await stack.enter_async_context(Simulator(INSTANT).running()) for _ in range(tenants)]
        own = [
            {
                "id": f"tenant-{number}",
                "keys": [line],
                "upstreams": [
                    {
                        "name": f"own-{number}",
                        "region": "us",
                        "url": sims[number].url,
                        "keys": [f"env:KEY_{number}"],
                    }
                ],
            }
            for number, (_, line) in enumerate(keys)
        ]
        text = config(sims[0].url, new_key()[1], plan=UNLIMITED, more_tenants=own)
        environ = {f"KEY_{number}": f"sk-canary-of-tenant-{number}" for number in range(tenants)}
        relay = await stack.enter_async_context(Relay(settings(text, environ)).running())

        async def talk(number: int) -> None:
            canary = f"canary-{number}-{random.Random(number).getrandbits(64):x}"
            async with connected(relay, keys[number % tenants][0]) as client:
                for turn in range(5):
                    words = f"{canary}-{turn}"
                    item = {"type": "message", "role": "user"}
                    item["content"] = [{"type": "input_text", "text": words}]  # type: ignore[assignment]
                    await say(client, type="conversation.item.create", item=item)
                    await say(client, type="response.create", response={"output_modalities": ["text"]})
                    heard = ""
                    while '"response.done"' not in heard:
                        heard += str(await client.recv())
                    assert words in heard
                    others = (f"canary-{other}-" for other in range(talks) if other != number)
                    assert not any(other in heard for other in others)

        await asyncio.gather(*(talk(number) for number in range(talks)))
        for number, sim in enumerate(sims):
            seen = json.dumps([record.shown() for record in sim.sessions])
            own_sessions = len(range(number, talks, tenants))
            assert len(sim.sessions) == own_sessions
            assert seen.count(f"sk-canary-of-tenant-{number}") >= own_sessions
            assert seen.count("sk-canary-of-tenant-") == seen.count(f"sk-canary-of-tenant-{number}")
            for one in range(number, talks, tenants):
                assert seen.count(f"canary-{one}-") >= 5
            for other in range(talks):
                if other % tenants != number:
                    assert f"canary-{other}-" not in seen


async def answer_time(client: ClientConnection) -> Seconds:
    """Return how long the relay and the upstream take over one event."""
    started = perf_counter()  # the loop's own clock is uvloop's, which ticks in whole milliseconds
    await say(client, type="input_audio_buffer.clear")
    assert (await event(client))["type"] == "input_audio_buffer.cleared"
    return perf_counter() - started


async def reconnect_and_talk_nonsense(relay: Relay, key: str) -> None:
    for _ in range(50):  # far beyond the starts of a minute: most are refused at the door
        with contextlib.suppress(InvalidStatus, ConnectionClosed):
            async with knock(relay, key) as client:
                for _ in range(150):
                    await client.send("{" * 50)
                await closed(client)


async def send_much_and_read_nothing(relay: Relay, key: str) -> None:
    with contextlib.suppress(InvalidStatus, ConnectionClosed, TimeoutError):
        async with knock(relay, key) as client:
            client.transport.pause_reading()
            async with asyncio.timeout(3):
                while True:
                    await client.send(append(bytes(500_000)))


async def test_bad_neighbours_cost_a_calm_tenant_no_session_and_no_answer() -> None:
    (calm, calm_line), (wild, wild_line) = new_key(), new_key()
    noisy = [{"id": "noisy", "keys": [wild_line]}]
    async with contextlib.AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator(INSTANT).running())
        read = settings(config(sim.url, calm_line, more_tenants=noisy))
        relay = await stack.enter_async_context(Relay(read).running())
        client = await stack.enter_async_context(connected(relay, calm))

        async def sampled(more: Callable[[int], bool]) -> list[Seconds]:
            times: list[Seconds] = []
            while more(len(times)):
                times.append(await answer_time(client))
                await asyncio.sleep(0.02)
            return times

        before = await sampled(lambda taken: taken < 30)
        noise = [asyncio.create_task(send_much_and_read_nothing(relay, wild)) for _ in range(3)]
        noise += [asyncio.create_task(reconnect_and_talk_nonsense(relay, wild)) for _ in range(4)]
        during = await sampled(lambda _: not all(task.done() for task in noise))
        await asyncio.gather(*noise)
        assert len(during) > 10
        # Generous: whoever makes the noise shares this process, and its loop, with whoever is to bear it.
        assert max(during) <= 1
        assert statistics.median(during) <= max(10 * statistics.median(before), 0.05)
        await answer_time(client)
        assert client.state is State.OPEN
        refusals = relay.metrics.exposition().decode()
        assert 'relay_refusals_total{refusal="too_many_sessions",tenant="noisy"}' in refusals
        assert 'relay_refusals_total{refusal="invalid_json",tenant="noisy"}' in refusals
        assert 'tenant="acme"' not in "".join(
            line for line in refusals.splitlines() if line.startswith("relay_refusals_total")
        )
