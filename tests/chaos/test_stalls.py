"""A side stops reading: the other is held back, memory stays bounded, and who takes nothing at all is ended."""

import asyncio
import contextlib
import hashlib
import random

import pytest
from websockets.exceptions import ConnectionClosed

from relay.core import liveness
from relay.core.flow import Hold
from relay.core.words import Side
from tests.chaos.state import MIB, UNLIMITED, ended, resident
from tests.kit.relays import MODEL, relay_and_simulator
from tests.kit.wire import append, closed, connected, eventually, knock, say, until


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
        assert ended(relay, "slow_consumer", "relay") == 1


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


async def test_an_upstream_that_takes_nothing_is_given_up_and_the_client_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(liveness, "STALL_AFTER", 0.5)
    monkeypatch.setattr(liveness, "STALL_LOOK", 0.1)
    async with relay_and_simulator(plan=UNLIMITED) as (relay, key, sim):
        sim.faults.add("vanish@1", sessions=1)
        async with connected(relay, key) as client:

            async def speak() -> None:
                with contextlib.suppress(ConnectionClosed):
                    while True:
                        await client.send(append(bytes(48_000)))

            speaking = asyncio.create_task(speak())
            told = (await until(client, "error"))["error"]
            assert (told["type"], told["code"]) == ("server_error", "upstream_unavailable")
            assert await closed(client) == (1011, "upstream_stalled")
            await speaking
        await eventually(lambda: len(relay.sessions) == 0)
        assert ended(relay, "upstream_stalled", "relay") == 1


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
        before = most = resident()
        with contextlib.suppress(OSError):
            for _ in range(480):
                writer.write(ping * 1000)
                await asyncio.wait_for(writer.drain(), 5)
                most = max(most, resident())
                if not len(relay.sessions):
                    break
        await eventually(lambda: len(relay.sessions) == 0, within=4)
        assert asyncio.get_running_loop().time() - started < 5
        # 60 MB of pings, had they been kept; what this client itself has yet to write is in the figure too.
        assert max(most, resident()) - before <= 24 * MIB
        assert ended(relay, "ping_flood", "relay") == 1
        pings = {
            result: relay.metrics.registry.get_sample_value(
                "relay_pings_total", {"leg": "client", "result": result}
            )
            or 0.0
            for result in ("answered", "dropped")
        }
        assert 0 < pings["answered"] <= 200
        assert pings["dropped"] > 0
        writer.transport.abort()


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
