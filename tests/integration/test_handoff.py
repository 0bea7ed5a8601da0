"""The socket's way from uvicorn to picows: distinct payloads arrive equal, whatever their size, speed, or TLS.

picows 2.3.1 lends its memory to a uvloop transport for messages over 8 KB; identical payloads would hide it.
"""

import asyncio
import base64
import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from picows import WSUpgradeResponse
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # what the hand-off rests on
from websockets.asyncio.server import ServerConnection

from tests.kit.certificates import Certificate
from tests.kit.relays import relay_to
from tests.kit.upstreams import scripted
from tests.kit.wire import connected

SIZES = {9 * 1024: 200, 64 * 1024: 60, 4 * 1024 * 1024: 4}
"""Bytes of a message, and how many are sent: enough that buffers fill and memory is used again."""
UNLIMITED = {
    "chunk_bytes": "unlimited",
    "audio_seconds_per_second": "unlimited",
    "bytes_per_second": "unlimited",
}


def payloads(size: int) -> list[str]:
    dice = random.Random(size)
    return [base64.b64encode(dice.randbytes(size * 3 // 4)).decode() for _ in range(SIZES[size])]


def digest(parts: list[str]) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("speed", ["fast", "slow"])
@pytest.mark.parametrize("size", SIZES)
async def test_what_the_upstream_sends_arrives_equal(size: int, speed: str, tls: bool, tmp_path: Path) -> None:
    async def speak(connection: ServerConnection) -> None:
        for number, payload in enumerate(payloads(size)):
            event = {"type": "response.output_audio.delta", "event_id": str(number), "delta": payload}
            await connection.send(json.dumps(event))
        await connection.wait_closed()

    async with relaying(speak, tls, tmp_path) as (relay, key, options):
        async with connected(relay, key, **options) as client:
            heard = []
            for number in range(SIZES[size]):
                if speed == "slow" and number % 20 == 0:
                    client.transport.pause_reading()
                    await asyncio.sleep(0.05)
                    client.transport.resume_reading()
                heard.append(json.loads(await client.recv())["delta"])
        assert digest(heard) == digest(payloads(size))


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("speed", ["fast", "slow"])
@pytest.mark.parametrize("size", SIZES)
async def test_what_the_client_sends_arrives_equal(size: int, speed: str, tls: bool, tmp_path: Path) -> None:
    heard: list[str] = []
    done = asyncio.Event()

    async def listen(connection: ServerConnection) -> None:
        for number in range(SIZES[size]):
            if speed == "slow" and number % 20 == 0:
                connection.transport.pause_reading()
                await asyncio.sleep(0.05)
                connection.transport.resume_reading()
            heard.append(json.loads(await connection.recv())["audio"])
        done.set()
        await connection.wait_closed()

    async with relaying(listen, tls, tmp_path) as (relay, key, options):
        async with connected(relay, key, **options) as client:
            for payload in payloads(size):
                await client.send(json.dumps({"type": "input_audio_buffer.append", "audio": payload}))
            await asyncio.wait_for(done.wait(), 30)
        assert digest(heard) == digest(payloads(size))


class relaying:  # noqa: N801 - reads as the function that it stands for
    """A relay in front of a scripted upstream, with TLS on both legs or on none."""

    def __init__(self, handler: Any, tls: bool, folder: Path) -> None:
        self._certificate = Certificate(folder) if tls else None
        self._upstream = scripted(handler, self._certificate.server() if self._certificate else None)
        self._relay: Any = None

    async def __aenter__(self) -> tuple[Any, str, dict[str, Any]]:
        upstream: dict[str, Any] = {"name": "up", "region": "us", "url": await self._upstream.__aenter__()}
        listen: dict[str, Any] = {}
        options: dict[str, Any] = {}
        if self._certificate is not None:
            upstream["ca"] = str(self._certificate.cert)
            listen = {"tls_cert": str(self._certificate.cert), "tls_key": str(self._certificate.key)}
            options["ssl"] = self._certificate.client()
        self._relay = relay_to([upstream], plan=UNLIMITED, listen=listen)
        relay, key = await self._relay.__aenter__()
        return relay, key, options

    async def __aexit__(self, *exc: object) -> None:
        await self._relay.__aexit__(None, None, None)
        await self._upstream.__aexit__(None, None, None)


def test_picows_is_what_the_hand_off_rests_on() -> None:
    for name in ("connection_made", "get_buffer", "buffer_updated", "connection_lost", "transport"):
        assert hasattr(WSProtocol, name)
    assert b"101" in bytes(WSUpgradeResponse.create_101_response([]).to_bytes())
