"""Workers die: the others' sessions do not notice, newcomers hardly, and the counts not at all."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator
from time import perf_counter

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from relay.core.words import Seconds
from relay.supervisor import supervisor
from relay.supervisor.supervisor import Supervisor
from tests.kit.relays import ENVIRON, settings
from tests.kit.wire import connected, event, eventually, say
from tests.kit.workers import Fleet, Samples, Site, each_has_a_session, site

__all__ = ["site"]

COUNTS = ("_total", "_count", "_bucket", "_sum")


class Watch:
    """Scrapes as fast as it is answered, and remembers whatever went down."""

    def __init__(self, relay: Fleet) -> None:
        self._relay = relay
        self.scrapes = 0
        self.fallen: list[tuple[tuple[str, ...], float, float | None]] = []

    async def look(self) -> None:
        before: Samples = {}
        while True:
            now = await self._relay.samples()
            self.fallen += [
                (series, value, now.get(series))
                for series, value in before.items()
                if series[0].endswith(COUNTS) and now.get(series, -1.0) < value
            ]
            before = now
            self.scrapes += 1


@contextlib.asynccontextmanager
async def watched(relay: Fleet) -> AsyncIterator[Watch]:
    watch = Watch(relay)
    looking = asyncio.create_task(watch.look())
    try:
        yield watch
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def lives(client: ClientConnection) -> bool:
    """Tell whether a session still relays, both ways."""
    try:
        await say(client, type="input_audio_buffer.clear")
        told = await event(client)
    except ConnectionClosed:
        return False
    else:
        return bool(told["type"] == "input_audio_buffer.cleared")


async def crowd(relay: Fleet, key: str, stack: contextlib.AsyncExitStack, size: int) -> list[ClientConnection]:
    """Open *size* sessions, fifty at a time."""
    gate = asyncio.Semaphore(50)

    async def come() -> ClientConnection:
        async with gate:
            return await stack.enter_async_context(connected(relay, key))  # type: ignore[arg-type]

    return await asyncio.gather(*(come() for _ in range(size)))


async def test_a_killed_worker_takes_its_own_sessions_and_nothing_else(site: Site) -> None:
    async with site.fleet() as relay, contextlib.AsyncExitStack() as stack:
        clients = await crowd(relay, site.key, stack, 400)
        assert all(await asyncio.gather(*map(lives, clients)))
        before = await relay.samples()
        doomed, other = await relay.workers()
        assert doomed["sessions"] + other["sessions"] == 400
        async with watched(relay) as watch:
            os.kill(doomed["pid"], signal.SIGKILL)

            async def newcomer() -> Seconds:
                started = perf_counter()
                await stack.enter_async_context(connected(relay, site.key))  # type: ignore[arg-type]
                return perf_counter() - started

            waits = await asyncio.gather(*(newcomer() for _ in range(20)))
            assert max(waits) <= 1.0
            died = await relay.logged("worker died", pid=doomed["pid"], code=-signal.SIGKILL)
            assert died["worker"] == 0
            await relay.logged("worker covered", worker=0, by=1)
            assert sum(await asyncio.gather(*map(lives, clients))) == other["sessions"]
            await relay.logged("worker ready", number=2, worker=0)
            await crowd(relay, site.key, stack, 40)
            now = await relay.samples()
            assert watch.scrapes > 3
        assert watch.fallen == []
        assert now["relay_sessions_open", "us", "acme"] == other["sessions"] + 60
        assert now["relay_handshakes_total", "accepted"] == 460
        relayed = ("relay_events_total", "up", "buffer", "forwarded")
        assert before[relayed] == 400
        assert now[relayed] == 400 + other["sessions"]
        assert [worker["state"] for worker in await relay.workers()] == ["ready", "ready"]
        assert (
            min(worker["sessions"] for worker in await relay.workers()) > 5
        )  # the new one has its share again


async def test_a_worker_that_dies_again_and_again_is_waited_for_longer_and_covered_all_the_time(
    site: Site,
) -> None:
    async with site.fleet() as relay:
        for death in range(1, 4):
            pid = (await relay.logged("worker ready", number=death, worker=1))["pid"]
            os.kill(pid, signal.SIGKILL)
            again = await relay.logged("worker starts again", number=death, worker=1)
            assert 0 <= again["wait"] <= 0.5 * 2 ** (death - 1)
            await relay.logged("worker covered", number=death, worker=1, by=0)
            for _ in range(8):
                async with connected(relay, site.key):  # type: ignore[arg-type]
                    pass
        await relay.logged("worker ready", number=4, worker=1)
        relay.signal(signal.SIGTERM)
        assert await relay.code() == 0


async def test_a_worker_that_hangs_is_killed_and_its_slot_served(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "UNHEARD", 3.0)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    text = site.text()
    async with Supervisor(settings(text), text, 2, logging.ERROR).running() as relay:
        hung, other = relay.crew()
        os.kill(hung.pid, signal.SIGSTOP)
        await eventually(lambda: hung not in relay.crew() and len(relay.crew()) == 2)
        assert other in relay.crew()
        await eventually(lambda: all(slot.ready for slot in relay.slots))
        async with contextlib.AsyncExitStack() as stack:
            await asyncio.gather(*(stack.enter_async_context(connected(relay, site.key)) for _ in range(12)))  # type: ignore[arg-type]
        assert await relay.stop()


async def test_a_worker_that_covers_may_die_too(site: Site) -> None:
    async with site.fleet(workers=3) as relay:
        pids = await relay.pids()
        os.kill(pids[0], signal.SIGKILL)
        first = (await relay.logged("worker covered", worker=0))["by"]
        os.kill(pids[first], signal.SIGKILL)
        second = (await relay.logged("worker covered", worker=first))["by"]
        assert {0, first, second} == {0, 1, 2}
        for _ in range(12):
            async with connected(relay, site.key):  # type: ignore[arg-type]
                pass


async def test_where_no_worker_is_left_clients_wait_and_are_not_refused(site: Site) -> None:
    async with site.fleet() as relay:
        for pid in await relay.pids():
            os.kill(pid, signal.SIGKILL)
        for slot in range(2):
            await relay.logged("worker died", worker=slot)
        ready = await relay.get("/readyz")
        assert (ready.status_code, ready.json()["why"]) == (503, "no worker is ready")
        assert (await relay.get("/livez")).status_code == 200
        assert (await relay.samples())["relay_sessions_open", "other", "other"] == 0
        async with contextlib.AsyncExitStack() as stack:
            await asyncio.gather(
                *(stack.enter_async_context(connected(relay, site.key)) for _ in range(12))  # type: ignore[arg-type]
            )
            await each_has_a_session(relay, site.key, stack)
        assert (await relay.get("/readyz")).status_code == 200
