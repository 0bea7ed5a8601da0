"""Upstreams die in every way, at the upgrade and after it: the client is told at once, in the relay's words."""

import asyncio
from typing import Any

import pytest

from relay.core import liveness
from tests.chaos.state import ended
from tests.kit.certificates import Certificate
from tests.kit.relays import relay_and_simulator, relay_to
from tests.kit.upstreams import Streams, rude, says, scripted
from tests.kit.wire import closed, event, eventually, knock, refusal, say, until


async def accepts_wrongly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: d3Jvbmc=\r\n\r\n"
    )
    await writer.drain()


async def redirects(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize(
    "answer",
    [
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        says(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n"),
        says(b"\x00\x01\x02 bytes before any 101"),
        says(b"\x81\x02{}HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        says(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        says(b""),
        accepts_wrongly,
        redirects,
        resets,
    ],
)
async def test_an_upgrade_that_goes_wrong_is_told_within_a_second(answer: Streams) -> None:
    async with rude(answer) as url, relay_to(url) as (relay, key):
        started = asyncio.get_running_loop().time()
        status, _, error = await refusal(relay, key)
        assert (status, error["type"], error["code"]) == (502, "server_error", "upstream_unavailable")
        assert asyncio.get_running_loop().time() - started < 1
        assert len(relay.sessions) == 0


async def test_a_host_that_does_not_exist_is_told() -> None:
    async with relay_to("ws://no-such-host.invalid/v1/realtime") as (relay, key):
        status, _, error = await refusal(relay, key)
        assert (status, error["code"]) == (502, "upstream_unavailable")


async def test_a_certificate_that_is_not_trusted_is_told(tmp_path: Any) -> None:
    async def never(_: Any) -> None:
        raise AssertionError("no session may begin")

    async with scripted(never, Certificate(tmp_path).server()) as url, relay_to(url) as (relay, key):
        status, _, error = await refusal(relay, key)
        assert (status, error["code"]) == (502, "upstream_unavailable")
        assert "TLS" in error["message"]


@pytest.mark.parametrize(
    ("fault", "close"),
    [
        ("drop:rst@3", 1011),
        ("drop:fin@3", 1011),
        ("close:1011:broken@3", 1011),
        ("close:1000@3", 1000),
        ("mangle:frame@3", 1011),
    ],
)
async def test_an_upstream_that_dies_in_mid_response_is_told_within_a_second(fault: str, close: int) -> None:
    async with relay_and_simulator() as (relay, key, sim):
        sim.faults.add(fault, sessions=1)
        async with knock(relay, key) as client:
            await event(client)
            await say(client, type="response.create")
            started = asyncio.get_running_loop().time()
            assert (await closed(client))[0] == close
            assert asyncio.get_running_loop().time() - started < 1
        await eventually(lambda: len(relay.sessions) == 0)


async def test_an_upstream_that_falls_silent_is_told_to_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "PING_AFTER", 0.2)
    monkeypatch.setattr(liveness, "PONG_WITHIN", 0.2)
    async with relay_and_simulator() as (relay, key, sim):
        sim.faults.add("vanish@1", sessions=1)
        async with knock(relay, key) as client:
            told = (await until(client, "error"))["error"]
            assert (told["type"], told["code"]) == ("server_error", "upstream_unavailable")
            assert (await closed(client)) == (1011, "upstream_silent")
        await eventually(lambda: ended(relay, "upstream_silent", "relay") == 1)
