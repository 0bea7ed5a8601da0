"""Clients go without a word, or stay and say nothing: what they held upstream is let go. Nothing is left."""

import asyncio
import contextlib
import random
import socket
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.client import ClientConnection

from relay.core import liveness
from tests.chaos.state import UNLIMITED, ended, upstreams_open
from tests.kit.relays import relay_and_simulator
from tests.kit.wire import append, connected, eventually, knock, say


async def by_fin(client: ClientConnection) -> None:
    client.transport.close()


async def by_rst(client: ClientConnection) -> None:
    handle = client.transport.get_extra_info("socket")
    with contextlib.suppress(OSError), socket.socket(fileno=socket.dup(handle.fileno())) as twin:
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.transport.abort()


@pytest.mark.parametrize("vanish", [by_fin, by_rst])
async def test_a_client_that_vanishes_ends_its_upstream_within_a_second(
    vanish: Callable[[ClientConnection], Awaitable[None]],
) -> None:
    dice = random.Random(4)
    async with relay_and_simulator(plan=UNLIMITED) as (relay, key, sim):

        async def trial() -> None:
            async with knock(relay, key) as client:
                for _ in range(dice.randrange(4)):
                    await client.send(append(dice.randbytes(dice.randrange(9000))))
                if dice.random() < 0.5:
                    await say(client, type="response.create")
                for _ in range(dice.randrange(3)):
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(client.recv(), 0.05)
                await vanish(client)

        for _ in range(10):
            await asyncio.gather(*(trial() for _ in range(10)))
        await eventually(lambda: upstreams_open(sim) == 0, within=1.5)
        await eventually(lambda: len(relay.sessions) == 0 and relay.connections.open == 0)


async def test_a_client_that_falls_silent_is_pinged_and_then_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "PING_AFTER", 0.2)
    monkeypatch.setattr(liveness, "PONG_WITHIN", 0.2)
    async with relay_and_simulator() as (relay, key, sim), connected(relay, key) as client:
        await asyncio.sleep(1)
        assert len(relay.sessions) == 1  # it answers pings: it lives
        client.transport.pause_reading()
        await eventually(lambda: len(relay.sessions) == 0, within=3)
        assert upstreams_open(sim) == 0
        assert ended(relay, "client_silent", "relay") == 1
        client.transport.abort()
