"""A worker: the relay of `relay.server` in a process of its own, on a socket that the supervisor bound.

    python -m relay.supervisor.worker SLOT CONTROL SOCKET...

Rule: it does as the supervisor says and nothing else. Where the supervisor is gone, it drains and leaves.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Sequence
from typing import Final, assert_never

import structlog
import uvloop

from relay.core.words import Seconds, Secret
from relay.edge import clock, logs
from relay.edge.sealing import Sealer
from relay.server import Relay
from relay.settings import Problems, load
from relay.settings.secrecy import redactor_of
from relay.supervisor import channel, snapshot
from relay.supervisor.channel import Channel
from relay.supervisor.messages import (
    Count,
    Counts,
    Cover,
    Drain,
    Drained,
    Leaving,
    Ready,
    Reload,
    Retire,
    Serve,
    Stop,
    ToWorker,
    Uncover,
)

EVERY: Final[Seconds] = 1.0
"""How often counts are sent unasked: as much is lost of them when the process is killed."""
SELDOM: Final[Seconds] = 5.0
"""How often at least, whatever it costs."""
SHARE: Final = 0.02
"""Of its time, that a worker spends on counts: thousands of sessions are added up less often than that."""
CANNOT_START: Final = 1

log = structlog.get_logger("relay")


class Worker:
    """One relay, and what its supervisor wants of it."""

    def __init__(
        self, relay: Relay, name: str, slot: int, end: Channel[ToWorker], listening: Sequence[int]
    ) -> None:
        self._relay = relay
        self._name = name
        self._slot = slot
        self._channel = end
        self._listening = listening
        """Descriptors, by slot."""
        self._covers: dict[int, asyncio.Server] = {}
        self._asked = asyncio.Event()
        self._number = 0
        self._over = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until it is over: told to stop, or retired and empty."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, lambda: self._channel.post(Leaving()))
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)  # the supervisor is told, and tells
        async with self._relay.running(listening_on(self._listening[self._slot])):
            self._channel.post(Ready())
            self._go(self._count())
            self._go(self._obey())
            await self._over.wait()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.report()

    async def report(self) -> None:
        """Send what is counted."""
        number = self._number
        families = await snapshot.take(self._relay.metrics)
        await self._channel.send(Counts(families, len(self._relay.sessions), number))

    def _go(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _count(self) -> None:
        """Report every second, and when asked: one at a time, so that no count is overtaken by an older one."""
        wait = EVERY
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._asked.wait()
            self._asked.clear()
            started = clock.monotonic()
            await self.report()
            wait = min(SELDOM, max(EVERY, (clock.monotonic() - started) / SHARE))

    async def _obey(self) -> None:
        while (message := await self._channel.receive()) is not None:
            try:
                await self._told(message)
            except Exception:
                log.exception("order not carried out", order=type(message).__name__)
        if not self._over.is_set():
            log.error("the supervisor is gone: draining")
            # Else clients would wait in the queue of a socket that nobody accepts on.
            for descriptor in self._listening:
                os.close(descriptor)
            await self._retire()

    async def _told(self, message: ToWorker) -> None:
        match message:
            case Count(number):
                self._number = number
                self._asked.set()
            case Cover(slot):
                await self._cover(slot)
            case Uncover(slot):
                self._uncover(slot)
            case Reload(text):
                await self._reload(text)
            case Drain():
                self._go(self._drain())
            case Retire():
                self._go(self._retire())
            case Stop():
                self._over.set()
            case Serve():
                log.warning("told to serve twice")
            case _:
                assert_never(message)

    async def _cover(self, slot: int) -> None:
        assert self._relay.public is not None
        if slot not in self._covers and slot != self._slot:
            self._covers[slot] = await self._relay.public.accept_on(listening_on(self._listening[slot]))

    def _uncover(self, slot: int) -> None:
        server = self._covers.pop(slot, None)
        if server is not None:
            assert self._relay.public is not None
            self._relay.public.leave(server)

    async def _reload(self, text: str) -> None:
        """Go by *text*, which the supervisor found sound; but a file that it names may be gone by now."""
        fresh = await asyncio.to_thread(load, text, self._name, environ=os.environ)
        problems = fresh.text().splitlines() if isinstance(fresh, Problems) else []
        if not isinstance(fresh, Problems):
            try:
                ended = self._relay.reload(fresh)
            except OSError as error:
                problems = [f"ca: {error}"]
            else:
                logs.redact_with(redactor_of(fresh))
                log.info("configuration read again", sessions_ended=ended)
        if problems:
            log.error("configuration refused: the last good one stays", problems=problems)

    async def _drain(self) -> None:
        await self._relay.drain()
        self._channel.post(Drained())

    async def _retire(self) -> None:
        await self._relay.retire()
        self._over.set()


def listening_on(descriptor: int) -> socket.socket:
    """Return a socket of its own for *descriptor*: closing it leaves the others as they are."""
    sock = socket.socket(fileno=os.dup(descriptor))
    sock.setblocking(False)  # noqa: FBT003 - the standard library's
    return sock


async def work(slot: int, control: int, listening: Sequence[int]) -> int:
    """Be a worker. Return the exit code."""
    end = await Channel.over(socket.socket(fileno=control), channel.to_worker)
    serve = await end.receive()
    if not isinstance(serve, Serve):
        return CANNOT_START
    settings = load(serve.text, serve.name, environ=os.environ)
    if isinstance(settings, Problems):
        sys.stderr.write(f"{settings.text()}\n")
        return CANNOT_START
    structlog.contextvars.bind_contextvars(worker=slot)
    logs.configure(redactor_of(settings), serve.log_level)
    try:
        relay = Relay(settings, Sealer([Secret(serve.drawn)]))
        await Worker(relay, serve.name, slot, end, listening).run()
    except OSError as error:
        sys.stderr.write(f"A worker cannot start: {error}.\n")
        return CANNOT_START
    await end.close()
    return 0


def main() -> int:
    """Read the descriptors and work."""
    slot, control, *listening = map(int, sys.argv[1:])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work(slot, control, listening))


if __name__ == "__main__":
    sys.exit(main())
