"""The world misbehaves: clients vanish, upstreams die in every way, a side stops reading. Nothing is left."""

import asyncio
import contextlib
import hashlib
import json
import random
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from relay.core import liveness
from relay.core.flow import Hold
from relay.core.words import Side
from relay.server import Relay
from relay.simulator.server import Simulator
from relay.simulator.settings import INSTANT
from tests.kit.certificates import Certificate
from tests.kit.relays import MODEL, config, new_key, relay_and_simulator, relay_to, settings
from tests.kit.upstreams import Streams, rude, says, scripted
from tests.kit.wire import append, closed, connected, event, eventually, knock, refusal, say, until

MIB = 1024 * 1024
UNLIMITED = {
    "chunk_bytes": "unlimited",
    "audio_seconds_per_second": "unlimited",
    "bytes_per_second": "unlimited",
    "concurrent_sessions": "unlimited",
    "session_starts_per_minute": "unlimited",
}


def upstreams_open(sim: Simulator) -> int:
    return sum(record.shown()["open"] for record in sim.sessions)


# --- a client vanishes ------------------------------------------------------------------------------


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
        client.transport.abort()


async def test_an_upstream_that_falls_silent_is_told_to_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "PING_AFTER", 0.2)
    monkeypatch.setattr(liveness, "PONG_WITHIN", 0.2)
    async with relay_and_simulator() as (relay, key, sim):
        sim.faults.add("vanish@1", sessions=1)
        async with knock(relay, key) as client:
            told = (await until(client, "error"))["error"]
            assert (told["type"], told["code"]) == ("server_error", "upstream_unavailable")
            assert (await closed(client)) == (1011, "upstream_silent")


# --- an upstream dies -------------------------------------------------------------------------------


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


# --- a side stops reading ---------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_client_that_stops_reading_holds_no_more_than_4_mib_and_is_ended_after_10_s() -> None:
    async with relay_and_simulator(plan=UNLIMITED) as (relay, key, sim):
        sim.faults.add("flood:1024:65536@1", sessions=1)
        async with knock(relay, key, max_queue=1) as client:
            client.transport.pause_reading()
            live = next(iter(relay.sessions))
            await eventually(lambda: live.buffered(Side.CLIENT) > 0)
            started = asyncio.get_running_loop().time()
            most = 0
            while len(relay.sessions):
                most = max(most, live.buffered(Side.CLIENT))
                assert live.bytes(Side.UPSTREAM) < 12 * MIB  # the kernels' buffers included
                await asyncio.sleep(0.05)
            assert most <= 4 * MIB
            assert 9 < asyncio.get_running_loop().time() - started < 16
            client.transport.resume_reading()
            assert (await closed(client))[0] in {1008, 1006}
        metrics = relay.metrics.exposition().decode()
        assert 'relay_sessions_ended_total{first="relay",reason="slow_consumer"} 1.0' in metrics


async def test_an_upstream_that_stops_reading_holds_the_client_back_and_loses_nothing() -> None:
    async with relay_and_simulator(plan=UNLIMITED) as (relay, key, sim):
        sim.faults.add("stall:2@1", sessions=1)
        async with knock(relay, key) as client:
            dice = random.Random(9)
            audio = [dice.randbytes(48_000) for _ in range(400)]

            async def speak() -> None:
                for piece in audio:
                    await client.send(append(piece))
                await say(client, type="input_audio_buffer.clear")

            speaking = asyncio.create_task(speak())
            live = next(iter(relay.sessions))
            await eventually(lambda: live.paused(Side.CLIENT, Hold.CONGESTION) > 0.5)
            assert live.buffered(Side.UPSTREAM) <= 4 * MIB
            assert not speaking.done()
            await until(client, "input_audio_buffer.cleared")
            await speaking
        assert (
            sim.sessions[-1].shown()["audio_received"]["sha256"] == hashlib.sha256(b"".join(audio)).hexdigest()
        )


async def test_a_client_that_floods_pings_and_reads_nothing_is_ended() -> None:
    async with relay_and_simulator() as (relay, key, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(
            f"GET /v1/realtime?model={MODEL} HTTP/1.1\r\nHost: r\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Authorization: Bearer {key}\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        ping = b"\x89\xfd\x00\x00\x00\x00" + bytes(125)
        started = asyncio.get_running_loop().time()
        with contextlib.suppress(OSError):
            for _ in range(480):
                writer.write(ping * 1000)
                await asyncio.wait_for(writer.drain(), 5)
                if not len(relay.sessions):
                    break
        await eventually(lambda: len(relay.sessions) == 0, within=4)
        assert asyncio.get_running_loop().time() - started < 5
        metrics = relay.metrics.exposition().decode()
        assert 'relay_sessions_ended_total{first="relay",reason="ping_flood"} 1.0' in metrics
        answered = next(line for line in metrics.splitlines() if 'leg="client",result="answered"' in line)
        assert float(answered.split()[-1]) <= 200
        writer.transport.abort()


# --- many at once -----------------------------------------------------------------------------------


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
            assert seen.count("sk-canary-of-tenant-") == seen.count(f"sk-canary-of-tenant-{number}")
            for other in range(talks):
                if other % tenants != number:
                    assert f"canary-{other}-" not in seen


async def test_bad_neighbours_cost_a_calm_tenant_no_session_and_no_answer() -> None:
    (calm, calm_line), (wild, wild_line) = new_key(), new_key()
    noisy = [{"id": "noisy", "keys": [wild_line]}]

    async def reconnect_and_talk_nonsense(relay: Relay) -> None:
        for _ in range(50):  # far beyond the starts of a minute: most are refused at the door
            with contextlib.suppress(InvalidStatus, ConnectionClosed):
                async with knock(relay, wild) as client:
                    for _ in range(150):
                        await client.send("{" * 50)
                    await closed(client)

    async def send_much_and_read_nothing(relay: Relay) -> None:
        with contextlib.suppress(InvalidStatus, ConnectionClosed, TimeoutError):
            async with knock(relay, wild) as client:
                client.transport.pause_reading()
                async with asyncio.timeout(3):
                    while True:
                        await client.send(append(bytes(500_000)))

    async with contextlib.AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator(INSTANT).running())
        read = settings(config(sim.url, calm_line, more_tenants=noisy))
        relay = await stack.enter_async_context(Relay(read).running())
        client = await stack.enter_async_context(connected(relay, calm))
        noise = [asyncio.create_task(send_much_and_read_nothing(relay)) for _ in range(3)]
        noise += [asyncio.create_task(reconnect_and_talk_nonsense(relay)) for _ in range(4)]
        answered = 0
        while not all(task.done() for task in noise):
            await say(client, type="input_audio_buffer.clear")
            assert (await event(client))["type"] == "input_audio_buffer.cleared"
            answered += 1
            await asyncio.sleep(0.02)
        await asyncio.gather(*noise)
        assert answered > 10
        refusals = relay.metrics.exposition().decode()
        assert 'relay_refusals_total{refusal="too_many_sessions",tenant="noisy"}' in refusals
        assert 'relay_refusals_total{refusal="invalid_json",tenant="acme"}' not in refusals


@pytest.mark.slow
async def test_ten_minutes_of_audio_at_once_are_paced_and_arrive_whole_while_the_client_pings() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        dice = random.Random(2)
        audio = [dice.randbytes(240_000) for _ in range(120)]
        async with connected(relay, key, ping_interval=20, ping_timeout=20) as client:
            await say(
                client,
                type="session.update",
                session={"type": "realtime", "audio": {"input": {"turn_detection": None}}},
            )
            await until(client, "session.updated")
            started = asyncio.get_running_loop().time()
            for piece in audio:
                await client.send(append(piece))
            await say(client, type="input_audio_buffer.clear")
            async with asyncio.timeout(110):
                while "cleared" not in str(await client.recv()):
                    pass
            took = asyncio.get_running_loop().time() - started
        received = sim.sessions[-1].shown()["audio_received"]
        assert received["sha256"] == hashlib.sha256(b"".join(audio)).hexdigest()
        # 600 s of speech, 30 s of burst, 8 s a second: 71 s, less what the last piece leaves owing.
        assert 65 < took < 100
