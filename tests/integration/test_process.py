"""The process: it starts from a file, reads it again on SIGHUP, drains on SIGTERM, and leaves with 0."""

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

from relay.simulator.server import Simulator
from relay.simulator.settings import SimulatorSettings
from tests.kit.relays import ENVIRON, config, new_key
from tests.kit.wire import closed, connected, refusal


class Process:
    """A `relay serve` of its own."""

    def __init__(self, process: asyncio.subprocess.Process, lines: list[dict[str, Any]]) -> None:
        self.process = process
        self.lines = lines
        self.port = 0
        self.ops_port = 0

    async def line(self, event: str) -> dict[str, Any]:
        """Read the log up to *event*."""
        assert self.process.stdout is not None
        async with asyncio.timeout(15):
            async for raw in self.process.stdout:
                line: dict[str, Any] = json.loads(raw)
                self.lines.append(line)
                if line["event"] == event:
                    return line
        raise AssertionError(f"the log ended before {event!r}: {self.lines}")

    async def get(self, path: str) -> httpx.Response:
        """Ask the ops port."""
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(f"http://127.0.0.1:{self.ops_port}{path}")

    async def code(self) -> int:
        """Wait for the end."""
        return await asyncio.wait_for(self.process.wait(), 15)


@contextlib.asynccontextmanager
async def serving(path: Path) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "serve", "--config", str(path),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env={**os.environ, **ENVIRON},
    )  # fmt: skip
    relay = Process(process, [])
    try:
        up = await relay.line("relay serving")
        relay.port, relay.ops_port = up["port"], up["ops_port"]
        yield relay
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(SimulatorSettings.instant()).running() as simulator:
        yield simulator


async def test_sigterm_drains_and_leaves_with_0(sim: Simulator, tmp_path: Path) -> None:
    token, line = new_key()
    path = tmp_path / "relay.toml"
    path.write_text(config(sim.url, line))
    async with serving(path) as relay:
        assert (await relay.get("/readyz")).json() == {"ready": True}
        assert (await relay.get("/livez")).status_code == 200
        async with connected(relay, token) as client:  # type: ignore[arg-type]  # it has a port
            relay.process.send_signal(signal.SIGTERM)
            await relay.line("relay draining")
            ready = await relay.get("/readyz")
            assert (ready.status_code, ready.json()["why"]) == (503, "draining")
            assert (await refusal(relay, token))[0] == 503  # type: ignore[arg-type]
            assert "relay_draining 1.0" in (await relay.get("/metrics")).text
            await client.send('{"type":"input_audio_buffer.clear"}')
            assert "cleared" in str(await client.recv())
        ended = await relay.line("session ended")
        assert (ended["reason"], ended["first"]) == ("client_left", "client")
        assert await relay.code() == 0


async def test_a_drain_ends_at_its_deadline_with_1012(sim: Simulator, tmp_path: Path) -> None:
    token, line = new_key()
    path = tmp_path / "relay.toml"
    path.write_text(config(sim.url, line, listen={"drain_seconds": 0.3, "drain_spread_seconds": 0.1}))
    async with serving(path) as relay, connected(relay, token) as client:  # type: ignore[arg-type]
        relay.process.send_signal(signal.SIGTERM)
        assert await closed(client) == (1012, "draining")
        assert await relay.code() == 0


async def test_a_second_signal_hurries(sim: Simulator, tmp_path: Path) -> None:
    token, line = new_key()
    path = tmp_path / "relay.toml"
    path.write_text(config(sim.url, line))
    async with serving(path) as relay, connected(relay, token) as client:  # type: ignore[arg-type]
        relay.process.send_signal(signal.SIGINT)
        await relay.line("relay draining")
        relay.process.send_signal(signal.SIGINT)
        assert (await closed(client))[0] == 1012
        assert await relay.code() == 0


async def test_sighup_reads_the_file_again_and_a_bad_one_is_refused(sim: Simulator, tmp_path: Path) -> None:
    (token, line), (other, other_line) = new_key(), new_key()
    path = tmp_path / "relay.toml"
    path.write_text(config(sim.url, line))
    async with serving(path) as relay, connected(relay, token) as client:  # type: ignore[arg-type]
        path.write_text(config(sim.url, line).replace("concurrent", "concurent") + "\n[nonsense]\n")
        relay.process.send_signal(signal.SIGHUP)
        refused = await relay.line("configuration refused: the last good one stays")
        assert any("nonsense" in problem for problem in refused["problems"])
        async with connected(relay, token):  # type: ignore[arg-type]
            pass
        path.write_text(config(sim.url, other_line))
        relay.process.send_signal(signal.SIGHUP)
        assert (await relay.line("configuration read again"))["sessions_ended"] == 1
        assert await closed(client) == (3000, "key_revoked")
        async with connected(relay, other):  # type: ignore[arg-type]
            pass


async def test_a_bad_file_is_said_to_be_so_and_nothing_starts(tmp_path: Path) -> None:
    path = tmp_path / "relay.toml"
    path.write_text("[listen]\nprot = 8080\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "serve", "--config", str(path),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"relay.toml:2: listen.prot" in said
    assert b'did you mean "port"' in said
