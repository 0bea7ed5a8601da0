"""The channel: what is said is heard, whole and in order, and an end is an end."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from relay.supervisor import channel
from relay.supervisor.channel import LONGEST, Channel
from relay.supervisor.messages import (
    Count,
    Counts,
    Cover,
    Drain,
    Drained,
    FromWorker,
    Leaving,
    Ready,
    Reload,
    Retire,
    Serve,
    Stop,
    ToWorker,
    Uncover,
)
from relay.supervisor.snapshot import Family, Sample

FAMILY = Family("relay_x", "Über it.", "counter", (Sample("relay_x_total", (("le", "+Inf"),), 1.5),))


@contextlib.asynccontextmanager
async def ends() -> AsyncIterator[tuple[Channel[FromWorker], Channel[ToWorker]]]:
    ours, theirs = socket.socketpair()
    supervisor = await Channel.over(ours, channel.from_worker)
    worker = await Channel.over(theirs, channel.to_worker)
    yield supervisor, worker
    await supervisor.close()
    await worker.close()


async def test_everything_that_may_be_said_is_heard_as_it_was_said() -> None:
    up: list[FromWorker] = [Ready(), Drained(), Leaving(), Counts((FAMILY,), 3, 7)]
    down: list[ToWorker] = [
        Serve("text", "relay.toml", "drawn", 20),
        Reload("x" * 3_000_000),
        Cover(1),
        Uncover(1),
        Count(7),
        Drain(),
        Retire(),
        Stop(),
    ]
    async with ends() as (supervisor, worker):
        for said in up:
            worker.post(said)
        assert [await supervisor.receive() for _ in up] == up
        for told in down:
            supervisor.post(told)
        assert [await worker.receive() for _ in down] == down


async def test_the_end_of_the_other_is_heard_after_its_last_words() -> None:
    async with ends() as (supervisor, worker):
        worker.post(Drained())
        await worker.close()
        assert await supervisor.receive() == Drained()
        assert await supervisor.receive() is None
        supervisor.post(Stop())
        await supervisor.send(Stop())


@pytest.mark.parametrize(
    "junk",
    [
        b"\x00\x00\x00\x01\xc1",
        b"\x00\x00\x00\x0d\x81\xa4type\xa6strange",
        (LONGEST + 1).to_bytes(4, "big"),
        b"\x00\x00",
        b"\x00\x00\x00\x05\x81",
    ],
)
async def test_what_nobody_should_say_is_the_end(junk: bytes) -> None:
    ours, theirs = socket.socketpair()
    supervisor = await Channel.over(ours, channel.from_worker)
    with theirs:
        theirs.sendall(junk)
        theirs.shutdown(socket.SHUT_WR)
        assert await asyncio.wait_for(supervisor.receive(), 5) is None
    await supervisor.close()


async def test_a_message_of_the_next_version_with_a_field_more_is_understood() -> None:
    ours, theirs = socket.socketpair()
    supervisor = await Channel.over(ours, channel.from_worker)
    with theirs:
        body = b"\x82\xa4type\xa5ready\xa4more\x01"
        theirs.sendall(len(body).to_bytes(4, "big") + body)
        assert await asyncio.wait_for(supervisor.receive(), 5) == Ready()
    await supervisor.close()
