"""A process whose readers stall, measured from outside: it stays under its limit, and gets over it."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from websockets.asyncio.server import ServerConnection

from relay.server import Relay
from tests.kit.relays import ENVIRON, config, new_key
from tests.kit.upstreams import scripted
from tests.kit.wire import connected, event

MIB = 1024 * 1024
MORE = 160 * MIB
"""What the process may take beyond what it takes idle."""
MESSAGE = '{"type":"x","pad":"' + "x" * (4 * MIB) + '"}'
UNLIMITED = {"concurrent_sessions": "unlimited", "session_starts_per_minute": "unlimited"}
PROGRAM = """
import asyncio, sys
from relay.edge.memory import resident
from relay.server import Relay
from relay.settings import load_file

async def main():
    relay = Relay(load_file(sys.argv[1]))
    async with relay.running():
        relay.memory.limit = resident() + int(sys.argv[2])
        print("at", relay.memory.limit, relay.port, relay.ops_port, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


class Process:
    """A relay in a process of its own: `port` is what a test's client asks it for."""

    def __init__(self, pid: int, announced: list[str]) -> None:
        self.pid = pid
        self.limit, self.port, self._ops = map(int, announced)

    def resident(self) -> int:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    async def overview(self) -> Any:
        headers = {"Authorization": f"Bearer {ENVIRON['RELAY_ADMIN_TOKEN']}"}
        async with httpx.AsyncClient(trust_env=False, headers=headers) as http:
            return (await http.get(f"http://127.0.0.1:{self._ops}/admin/overview")).json()


async def started(stack: contextlib.AsyncExitStack, path: Path) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(path), str(MORE),
        stdout=asyncio.subprocess.PIPE, env={**os.environ, **ENVIRON},
    )  # fmt: skip
    stack.push_async_callback(process.wait)
    stack.callback(process.kill)
    assert process.stdout is not None
    async with asyncio.timeout(15):
        async for line in process.stdout:
            if line.startswith(b"at "):
                return Process(process.pid, line.decode().split()[1:])
    raise AssertionError("it ended before it served")


@pytest.mark.slow
async def test_a_process_stays_under_its_limit_while_its_readers_stall_and_recovers(tmp_path: Path) -> None:
    turned: list[asyncio.Event] = []

    async def hose(connection: ServerConnection) -> None:
        """Say nothing until told to, and then say it without end."""
        turned.append(mine := asyncio.Event())
        gone = asyncio.create_task(connection.wait_closed())
        told = asyncio.create_task(mine.wait())
        await asyncio.wait({gone, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        while not gone.done():
            await connection.send(MESSAGE)

    key, line = new_key()
    path = tmp_path / "relay.toml"
    async with scripted(hose) as url, contextlib.AsyncExitStack() as stack:
        path.write_text(config(url, line, plan=UNLIMITED))
        process = await started(stack, path)
        there = cast("Relay", process)
        small = await stack.enter_async_context(connected(there, key))
        clients = []
        for _ in range(50):  # each will hold four MiB and more: in all more than there is
            client = await stack.enter_async_context(connected(there, key, max_queue=1))
            stack.callback(client.transport.abort)
            client.transport.pause_reading()
            clients.append(client)
        most = 0
        for one in turned[1:]:
            one.set()
            for _ in range(5):  # the pace at which the load rises: a session each time that the guard looks
                await asyncio.sleep(0.05)
                most = max(most, process.resident())
        # What comes between two looks comes on top: a tenth, where 160 MiB are filled as fast as can be.
        assert 0.9 * process.limit < most <= 1.1 * process.limit
        overview = await process.overview()
        assert 1 < overview["sessions"] < 51
        for client in clients:
            client.transport.abort()
        async with asyncio.timeout(10):
            while (await process.overview())["memory"]["level"] != "accept":  # noqa: ASYNC110 - another process's
                await asyncio.sleep(0.05)
        async with connected(there, key):
            turned[0].set()  # the small one was there all along
            assert (await event(small))["type"] == "x"
