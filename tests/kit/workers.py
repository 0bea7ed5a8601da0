"""A `relay serve --workers N` of its own: its log, its operator's port, its workers."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import tomlkit
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import ClientConnection

from relay.core.words import Seconds
from relay.simulator.server import Simulator
from relay.simulator.settings import INSTANT
from tests.chaos.state import UNLIMITED
from tests.kit import stores
from tests.kit.relays import ENVIRON, config, new_key
from tests.kit.wire import connected

PATIENCE: Seconds = 20.0
LIFE = ("worker started", "worker ended", "worker died")
Samples = dict[tuple[str, ...], float]
"""Name and label values, by label, to value."""


class Fleet:
    """The supervisor, as an operator meets it."""

    def __init__(self, process: asyncio.subprocess.Process, path: Path) -> None:
        self.process = process
        self.path = path
        self.lines: list[dict[str, Any]] = []
        self.port = 0
        self.ops_port = 0
        self._http = httpx.AsyncClient(trust_env=False, timeout=PATIENCE)
        self._more = asyncio.Condition()

    async def read(self) -> None:
        """Read the log to its end."""
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            async with self._more:
                self.lines.append(json.loads(raw))
                self._more.notify_all()

    async def logged(self, event: str, number: int = 1, **fields: object) -> dict[str, Any]:
        """Wait for the *number*-th line of *event* with these *fields*, from the start of the log."""

        def found() -> list[dict[str, Any]]:
            return [
                line
                for line in self.lines
                if line["event"] == event and all(line.get(name) == value for name, value in fields.items())
            ]

        async with self._more:
            try:
                await asyncio.wait_for(self._more.wait_for(lambda: len(found()) >= number), PATIENCE)
            except TimeoutError:
                raise AssertionError(f"no {event!r} {fields} in {self.lines}") from None
        return found()[number - 1]

    def signal(self, number: signal.Signals) -> None:
        """Tell the supervisor."""
        self.process.send_signal(number)

    def left(self) -> set[int]:
        """Return the workers whose end the log does not tell."""
        told = {event: {line["pid"] for line in self.lines if line["event"] == event} for event in LIFE}
        return told["worker started"] - told["worker ended"] - told["worker died"]

    async def get(self, path: str) -> httpx.Response:
        """Ask the operator's port."""
        return await self._http.get(f"http://127.0.0.1:{self.ops_port}{path}")

    async def workers(self) -> list[dict[str, Any]]:
        """Return the workers, as `/readyz` lists them."""
        listed: list[dict[str, Any]] = (await self.get("/readyz")).json()["workers"]
        return listed

    async def pids(self) -> list[int]:
        """Return the workers' processes, by slot."""
        return [worker["pid"] for worker in await self.workers()]

    async def samples(self) -> Samples:
        """Scrape."""
        answer = await self.get("/metrics")
        assert answer.status_code == 200
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    async def code(self) -> int:
        """Wait for the end."""
        return await asyncio.wait_for(self.process.wait(), PATIENCE)

    async def close(self) -> None:
        """Give back what it holds here."""
        await self._http.aclose()


def shared_config(upstream: str, key_line: str, store: str, **parts: Any) -> str:
    """Compose a `relay.toml` for workers that share *store*."""
    document = tomlkit.parse(config(upstream, key_line, **parts))
    document["store"] = {"url": store}
    return tomlkit.dumps(document)


def write(path: Path, text: str) -> None:
    """Put *text* at *path*."""
    path.write_text(text)


async def started(path: Path, workers: str) -> asyncio.subprocess.Process:
    """Start it, and do not wait for anything."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "serve", "--config", str(path), "--workers", workers,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env={**os.environ, **ENVIRON},
    )  # fmt: skip


@contextlib.asynccontextmanager
async def fleet(path: Path, text: str, workers: int = 2) -> AsyncIterator[Fleet]:
    """Serve what *text* configures, until the block is left."""
    write(path, text)
    process = await started(path, str(workers))
    serving = Fleet(process, path)
    reading = asyncio.create_task(serving.read())
    try:
        up = await serving.logged("relay serving")
        serving.port, serving.ops_port = up["port"], up["ops_port"]
        yield serving
    finally:
        if process.returncode is None:
            process.kill()  # its workers would leave when their sessions end
            await process.wait()
        for pid in serving.left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.wait_for(reading, PATIENCE)  # the log ends with the last that could write to it
        await serving.close()


class Site:
    """What a fleet is made of."""

    def __init__(self, sim: Simulator, store: str, path: Path) -> None:
        self.key, self.line = new_key()
        self.path = path
        self.sim = sim
        self.store = store

    def text(self, **parts: Any) -> str:
        return shared_config(self.sim.url, self.line, self.store, **{"plan": UNLIMITED, **parts})

    def fleet(self, workers: int = 2, **parts: Any) -> contextlib.AbstractAsyncContextManager[Fleet]:
        return fleet(self.path, self.text(**parts), workers)


async def each_has_a_session(
    relay: Fleet, key: str, stack: contextlib.AsyncExitStack
) -> list[ClientConnection]:
    """Open sessions until each worker has one. Return them."""
    clients: list[ClientConnection] = []
    while not all(worker["sessions"] for worker in await counted(relay)):
        assert len(clients) < 64  # of 64, all on one of two: once in 10^19
        clients.append(await stack.enter_async_context(connected(relay, key)))  # type: ignore[arg-type]
    return clients


async def counted(relay: Fleet) -> list[dict[str, Any]]:
    """Return the workers, with the sessions that they have now."""
    await relay.samples()
    return await relay.workers()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A tenant without limits, a simulator without waits, a store of their own."""
    with stores.serving(stores.newest()) as store:
        async with Simulator(INSTANT).running() as sim:
            yield Site(sim, store.url.reveal(), tmp_path / "relay.toml")
