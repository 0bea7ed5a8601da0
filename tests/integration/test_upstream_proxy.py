"""An upstream that is reached by a proxy: dialed through it, told of when it says no, and its password kept."""

import asyncio
import base64
import contextlib
import io
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from websockets.asyncio.server import ServerConnection

from relay.edge import logs
from relay.server import Relay
from relay.settings.secrecy import redactor_of
from relay.simulator.server import Simulator
from relay.simulator.settings import INSTANT
from tests.kit.certificates import Certificate
from tests.kit.relays import config, new_key, relay_to, settings
from tests.kit.upstreams import scripted
from tests.kit.wire import connected, event, refusal, say, until

PASSWORD = "canary-of-the-proxy-0123456789"
CREDENTIALS = base64.b64encode(f"relay:{PASSWORD}".encode()).decode()


class Proxy:
    """A CONNECT proxy that answers as it is told: a status, or nothing at all."""

    def __init__(self, status: bytes | None = b"200 Connection established") -> None:
        self.port = 0
        self.targets: list[str] = []
        self.credentials: list[str | None] = []
        self._status = status
        self._tunnels: set[asyncio.Task[None]] = set()

    def url(self, userinfo: str = "") -> str:
        return f"http://{userinfo}127.0.0.1:{self.port}"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for tunnel in self._tunnels:
                tunnel.cancel()
            await asyncio.gather(*self._tunnels, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tunnel = asyncio.create_task(self._serve(reader, writer))
        self._tunnels.add(tunnel)
        tunnel.add_done_callback(self._tunnels.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
            method, target, _ = head.split("\r\n", 1)[0].split(" ")
            assert method == "CONNECT"
            given = [line.split(" ")[-1] for line in head.split("\r\n") if line.startswith("Proxy-Auth")]
            self.targets.append(target)
            self.credentials.append(given[0] if given else None)
            if self._status is None:
                return
            writer.write(b"HTTP/1.1 " + self._status + b"\r\n\r\n")
            if self._status.startswith(b"200"):
                host, _, port = target.rpartition(":")
                far_reader, far_writer = await asyncio.open_connection(host, int(port))
                with contextlib.closing(far_writer):
                    await asyncio.gather(pour(reader, far_writer), pour(far_reader, writer))
            await writer.drain()


async def pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        sink.write(data)
        await sink.drain()
    sink.write_eof()


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Where the relay's log goes."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def through(url: str, proxy: str, **more: str) -> list[dict[str, str]]:
    return [{"name": "far", "region": "us", "url": url, "proxy": proxy, **more}]


async def test_an_upstream_with_a_proxy_is_dialed_through_it_once_a_session() -> None:
    async with (
        Simulator(INSTANT).running() as sim,
        Proxy().running() as proxy,
        relay_to(through(sim.url, proxy.url())) as (relay, key),
    ):
        for number in (1, 2):
            async with connected(relay, key) as client:
                await say(client, type="response.create", response={"output_modalities": ["text"]})
                assert (await until(client, "response.done"))["response"]["status"] == "completed"
            assert proxy.targets == [f"127.0.0.1:{sim.port}"] * number
            assert len(sim.sessions) == number
        assert proxy.credentials == [None, None]


async def test_an_upstream_without_a_proxy_is_dialed_past_it() -> None:
    async with Simulator(INSTANT).running() as sim, Proxy().running() as proxy:
        near = {"name": "near", "region": "us", "url": sim.url, "priority": 0}
        far = {**through(sim.url, proxy.url())[0], "priority": 1}
        async with relay_to([near, far]) as (relay, key), connected(relay, key):
            assert proxy.targets == []


async def test_tls_is_spoken_with_the_upstream_and_not_with_the_proxy(tmp_path: Path) -> None:
    async def wait(connection: ServerConnection) -> None:
        await connection.wait_closed()

    certificate = Certificate(tmp_path)
    async with (
        scripted(wait, certificate.server()) as url,
        Proxy().running() as proxy,
        relay_to(through(url, proxy.url(), ca=str(certificate.cert))) as (relay, key),
        connected(relay, key),
    ):
        assert proxy.targets == [url.removeprefix("wss://").removesuffix("/v1/realtime")]


@pytest.mark.parametrize(
    "status",
    [b"403 Forbidden", b"407 Proxy Authentication Required", b"502 Bad Gateway", b"nonsense", None],
)
async def test_a_proxy_that_says_no_is_the_clients_502_and_its_password_is_told_to_nobody(
    status: bytes | None, written: io.StringIO
) -> None:
    token, line = new_key()
    async with Simulator(INSTANT).running() as sim, Proxy(status).running() as proxy:
        environ = {"PROXY": proxy.url(f"relay:{PASSWORD}@")}
        read = settings(config(through(sim.url, "env:PROXY"), line), environ)
        logs.configure(redactor_of(read), logging.DEBUG, written)
        async with Relay(read).running() as relay:
            answer = await refusal(relay, token)
            assert answer[0] == 502
            assert answer[2]["code"] == "upstream_unavailable"
            assert proxy.credentials == [CREDENTIALS]
            assert len(sim.sessions) == 0
            assert len(relay.sessions) == 0
            told = f"{answer}{relay.metrics.exposition().decode()}{read!r}{written.getvalue()}"
    assert "upstream not reached" in written.getvalue()
    assert PASSWORD not in told
    assert CREDENTIALS not in told


async def test_a_proxy_that_is_not_there_is_the_clients_502_and_its_password_is_told_to_nobody(
    written: io.StringIO,
) -> None:
    token, line = new_key()
    async with Simulator(INSTANT).running() as sim:
        async with Proxy().running() as gone:
            environ = {"PROXY": gone.url(f"relay:{PASSWORD}@")}
        read = settings(config(through(sim.url, "env:PROXY"), line), environ)
        logs.configure(redactor_of(read), logging.DEBUG, written)
        async with Relay(read).running() as relay:
            answer = await refusal(relay, token)
            assert (answer[0], answer[2]["code"]) == (502, "upstream_unavailable")
    assert "upstream not reached" in written.getvalue()
    assert PASSWORD not in f"{answer}{written.getvalue()}"


async def test_a_proxy_that_refuses_sends_the_session_to_the_next_upstream() -> None:
    async with Simulator(INSTANT).running() as sim, Proxy(b"403 Forbidden").running() as proxy:
        far = {**through(sim.url, proxy.url())[0], "priority": 0}
        near = {"name": "near", "region": "us", "url": sim.url, "priority": 1}
        async with relay_to([far, near]) as (relay, key), connected(relay, key) as client:
            await say(client, type="input_audio_buffer.clear")
            assert (await event(client))["type"] == "input_audio_buffer.cleared"
            assert len(proxy.targets) == 1
