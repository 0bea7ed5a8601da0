"""The public port against strangers: slow heads, large heads, too many connections, and smuggled requests."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from relay.edge import listener
from relay.server import Relay
from tests.kit.certificates import Certificate
from tests.kit.relays import MODEL, relay_and_simulator
from tests.kit.wire import connected, eventually, refusal

UPGRADE = (
    "GET /v1/realtime?model={model} HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Authorization: Bearer {key}\r\n"
)


async def exchange(relay: Relay, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send raw bytes and return all that comes back until the relay closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(pause)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer


def upgrade(key: str, *headers: str) -> bytes:
    head = UPGRADE.format(model=MODEL, key=key) + "".join(f"{header}\r\n" for header in headers)
    return (head + "\r\n").encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


def error(answer: bytes) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    return body["error"]  # type: ignore[no-any-return]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HEAD_WITHIN", 0.3)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("head", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: relay\r\nX: "])
async def test_a_head_that_does_not_end_is_cut_at_the_deadline(head: bytes) -> None:
    async with relay_and_simulator() as (relay, _, _):
        answer = await exchange(relay, head)
        assert status(answer) == 408
        assert error(answer)["code"] == "request_timeout"
        await eventually(lambda: relay.connections.open == 0)


@pytest.mark.usefixtures("hurried")
async def test_a_byte_now_and_then_does_not_put_the_deadline_off() -> None:
    async with relay_and_simulator() as (relay, _, _):
        started = asyncio.get_running_loop().time()
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        reading = asyncio.create_task(reader.read())
        for byte in b"GET /healthz HTTP/1.1\r\n":
            if reading.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)
        assert status(await reading) == 408
        assert asyncio.get_running_loop().time() - started < 2
        writer.close()


async def test_a_head_that_is_too_large_is_431() -> None:
    async with relay_and_simulator() as (relay, key, _):
        assert status(await exchange(relay, upgrade(key, "X: " + "x" * 17_000))) == 431
        assert status(await exchange(relay, b"GET / HTTP/1.1\r\nX: " + b"x" * 17_000)) == 431
        many = [f"X-{number}: {'y' * 90}" for number in range(200)]
        assert status(await exchange(relay, upgrade(key, *many))) == 431


async def test_a_url_that_is_too_long_is_414() -> None:
    async with relay_and_simulator() as (relay, _, _):
        answer = await exchange(relay, b"GET /v1/realtime?x=" + b"y" * 9000 + b" HTTP/1.1\r\nHost: r\r\n\r\n")
        assert status(answer) == 414
        assert error(answer)["code"] == "uri_too_long"


async def test_subprotocols_without_bound_are_400() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        assert status(await exchange(relay, upgrade(key, "Sec-WebSocket-Protocol: " + "p," * 40))) == 400
        assert status(await exchange(relay, upgrade(key, "Sec-WebSocket-Protocol: " + "p" * 7000))) == 400
        assert not sim.sessions


async def test_one_connection_more_than_the_cap_is_503_and_places_come_back() -> None:
    async with relay_and_simulator(listen={"max_connections": 2}) as (relay, key, _):
        async with connected(relay, key), connected(relay, key):
            answer = await exchange(relay, b"GET /healthz HTTP/1.1\r\nHost: r\r\n\r\n")
            assert status(answer) == 503
            assert b"retry-after: " in answer
        await eventually(lambda: relay.connections.open == 0)
        async with connected(relay, key):
            pass


async def test_an_address_has_its_own_cap_behind_a_trusted_proxy() -> None:
    listen = {"per_address": 1, "trusted_proxies": ["127.0.0.1"]}
    async with relay_and_simulator(listen=listen) as (relay, key, _):
        here = {"X-Forwarded-For": "203.0.113.7, 198.51.100.9"}
        async with connected(relay, key, headers=here):
            got, headers, told = await refusal(relay, key, headers=here)
            assert (got, told["code"]) == (503, "relay_unavailable")
            assert int(headers["retry-after"]) >= 1
            async with connected(relay, key, headers={"X-Forwarded-For": "198.51.100.10"}):
                pass
        await eventually(lambda: len(relay.sessions) == 0)
        async with connected(relay, key, headers=here):
            pass


async def test_plain_requests_are_answered_on_the_same_port_while_sessions_are_open() -> None:
    async with relay_and_simulator() as (relay, key, _), connected(relay, key):
        close = b"Host: r\r\nConnection: close\r\n\r\n"
        assert status(await exchange(relay, b"GET /healthz HTTP/1.1\r\n" + close)) == 200
        assert status(await exchange(relay, b"GET /v1/realtime HTTP/1.1\r\n" + close)) == 426
        assert status(await exchange(relay, b"GET /nowhere HTTP/1.1\r\n" + close)) == 404
        assert status(await exchange(relay, b"POST /v1/realtime HTTP/1.1\r\n" + close)) == 426


SECOND = b"GET /v1/realtime?model=smuggled HTTP/1.1\r\nHost: r\r\n\r\n"


@pytest.mark.parametrize(
    "request_of",
    [
        lambda key: upgrade(key) + SECOND,
        lambda key: upgrade(key) + b"\x81\x85\x00\x00\x00\x00hello",
        lambda key: upgrade(key, "Content-Length: 5") + b"hello",
        lambda key: upgrade(key, "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + SECOND,
        lambda key: upgrade(key, "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        lambda key: upgrade(key, "Host: other"),
        lambda key: upgrade(key, "Authorization: Bearer other"),
        lambda key: upgrade(key, "X-Folded: a", " b"),
        lambda key: upgrade(key, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
        lambda key: b"GET /healthz HTTP/1.1\r\nHost: r\r\n\r\n" + upgrade(key),
        lambda key: upgrade(key, "Bad Name: a"),
        lambda key: upgrade(key).replace(b"HTTP/1.1", b"HTTP/1.0"),
        lambda key: upgrade(key).replace(b"Host: relay\r\n", b""),
        lambda key: upgrade(key).replace(b"Version: 13", b"Version: 8"),
        lambda key: upgrade(key).replace(b"Key: dGhlIHNhbXBsZSBub25jZQ==", b"Key: c2hvcnQ="),
        lambda key: upgrade(key).replace(b"GET", b"POST"),
        lambda key: upgrade(key).replace(b"Upgrade: websocket", b"Upgrade: h2c"),
        lambda _: b"\x16\x03\x01\x02\x00\x01\x00",
        lambda _: b"\r\n\r\n\x00\x01",
    ],
)
async def test_a_request_that_two_readers_may_read_differently_is_refused_and_closed(request_of: Any) -> None:
    async with relay_and_simulator() as (relay, key, sim):
        answer = await exchange(relay, request_of(key))
        assert status(answer) in {200, 400, 404, 405, 426, 431}
        assert b"101 Switching" not in answer
        assert answer.count(b"HTTP/1.1 ") == 1
        assert not sim.sessions
        await eventually(lambda: relay.connections.open == 0)


async def test_data_between_the_head_and_the_101_reaches_nobody() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        sim.faults.add("handshake:1", sessions=1)
        answer = await exchange(relay, upgrade(key), SECOND, pause=0.1)
        assert status(answer) == 400
        await eventually(lambda: not any(record.shown()["open"] for record in sim.sessions))
        assert "smuggled" not in json.dumps([record.shown() for record in sim.sessions])
        assert len(relay.sessions) == 0


async def test_a_client_that_leaves_while_it_is_dialed_for_leaves_nothing_behind() -> None:
    async with relay_and_simulator(plan={"concurrent_sessions": 1}) as (relay, key, sim):
        sim.faults.add("handshake:0.5", sessions=1)
        _, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(upgrade(key))
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()
        await eventually(lambda: relay.connections.open == 0)
        await eventually(lambda: not any(record.shown()["open"] for record in sim.sessions))
        async with connected(relay, key):
            pass


@pytest.mark.usefixtures("hurried")
async def test_a_tls_handshake_that_does_not_end_is_cut_and_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = Certificate(tmp_path)
    listen = {"tls_cert": str(certificate.cert), "tls_key": str(certificate.key)}
    async with relay_and_simulator(listen=listen) as (relay, key, _):
        for opening in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"):
            started = asyncio.get_running_loop().time()
            reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
            writer.write(opening)
            async with asyncio.timeout(5):
                with contextlib.suppress(OSError):
                    await reader.read()
            assert asyncio.get_running_loop().time() - started < 3
            writer.close()
        async with connected(relay, key, ssl=certificate.client()):
            pass
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_browser_that_says_keep_alive_beside_upgrade_is_let_in() -> None:
    async with relay_and_simulator() as (relay, key, _):
        head = upgrade(key).replace(b"Connection: Upgrade", b"Connection: keep-alive, Upgrade")
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(head)
        assert b"101 Switching" in await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await eventually(lambda: relay.connections.open == 0)


async def test_a_plain_request_keeps_no_connection() -> None:
    async with relay_and_simulator() as (relay, _, _):
        for request in (
            b"GET /healthz HTTP/1.1\r\nHost: r\r\n\r\n",
            b"POST /x HTTP/1.1\r\nHost: r\r\nContent-Length: 1000\r\n\r\nx",
        ):
            answer = await exchange(relay, request)
            assert b"connection: close" in answer.lower()
        await eventually(lambda: relay.connections.open == 0)


async def test_a_stranger_that_is_turned_away_in_band_makes_no_memory_grow() -> None:
    async with relay_and_simulator() as (relay, _, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(upgrade("sk-nobody", "Origin: https://evil.example"))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x82\xff" + (1 << 36).to_bytes(8, "big") + bytes(4))
        with contextlib.suppress(OSError, RuntimeError):  # uvloop's word for a transport that is gone
            for _ in range(200):
                writer.write(bytes(1 << 20))
                await asyncio.wait_for(writer.drain(), 3)
        await eventually(lambda: relay.connections.open == 0)
        writer.close()
