"""The supervisor: a socket for each slot, a worker on each socket, and what happens when one goes.

    start -> (death -> covered at once -> started again) -> (successor ready -> retire) -> drain -> stop

Rule: the sockets are bound once and closed last. A worker's end never closes one, so no connection in its queue
is reset: it is accepted by another worker that covers, or by the next of its own slot.
"""

import asyncio
import contextlib
import random
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final, Self, assert_never

import structlog

from relay.core.words import Seconds
from relay.edge import clock, sockets
from relay.settings import Settings
from relay.supervisor.covering import cover
from relay.supervisor.crew import State, Worker
from relay.supervisor.messages import (
    Counts,
    Drain,
    Drained,
    FromWorker,
    Leaving,
    Ready,
    Reload,
    Retire,
    Serve,
    Stop,
)
from relay.supervisor.slot import Slot
from relay.supervisor.tally import Families, Tally

START_WITHIN: Final[Seconds] = 30.0
"""A successor takes a second; one that takes longer than this is hung, and its predecessor stays."""
STOP_WITHIN: Final[Seconds] = 10.0
"""Told to stop, a worker closes what is open; one that takes longer is killed."""
UNHEARD: Final[Seconds] = 30.0
"""A worker says something every few seconds; one that is silent for so long hangs, its sessions with it."""
LOOK: Final[Seconds] = 1.0
_DRAWN_BYTES: Final = 32

log = structlog.get_logger("relay")


class StartError(Exception):
    """A worker ended before all of them were ready: they could not start. It said why itself."""


class Supervisor:
    """All workers of one relay."""

    def __init__(self, settings: Settings, text: str, workers: int, log_level: int) -> None:
        self.settings = settings
        self.tally = Tally()
        self.stopping = False
        self.slots: list[Slot] = []
        self._workers = workers
        drawn = secrets.token_hex(_DRAWN_BYTES)
        self._serve = Serve(text, settings.name, drawn, log_level)
        self._alive: set[Worker] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._failed = False
        """A worker ended badly when all were to end well."""
        self._started = False
        self._ending = False
        self._replacing = asyncio.Lock()

    # --- its life ---------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Have workers until the block is left; end at once what is then left of them.

        Raises `OSError` where the address cannot be had, and `StartError` where the workers cannot start.
        """
        listen = self.settings.listen
        # Sockets that share a port are bound beside a stranger's, too; one that does not tells of him.
        sockets.bind(listen.host, listen.port).close()
        with contextlib.ExitStack() as stack:
            port = listen.port
            for number in range(self._workers):
                sock = stack.enter_context(sockets.bind(listen.host, port, shared=True))
                port = sock.getsockname()[1]
                self.slots.append(Slot(number, sock))
            self._go(self._watch())
            try:
                await asyncio.gather(*(self._fill(slot) for slot in self.slots))
                await self._until(lambda: self._failed or all(slot.ready for slot in self.slots))
                if self._failed:
                    raise StartError
                self._started = True
                yield self
            finally:
                self.stopping = True
                await self._end()

    @property
    def port(self) -> int:
        """The public port."""
        number: int = self.slots[0].sock.getsockname()[1]
        return number

    def crew(self) -> list[Worker]:
        """Return every worker that there is, by slot and age."""
        return sorted(self._alive, key=lambda worker: (worker.slot, worker.started_at))

    def reload(self, settings: Settings, text: str) -> None:
        """Have all workers, and those to come, go by *text*, which was read as *settings*."""
        self.settings = settings
        self._serve = Serve(text, self._serve.name, self._serve.drawn, self._serve.log_level)
        for worker in self._alive:
            worker.post(Reload(text))

    async def replace_all(self) -> bool:
        """Replace every worker, one after another. Return whether all could be; else the rest stay."""
        for slot in self.slots:
            if not await self._replace(slot):
                return False
        return True

    async def drain(self) -> None:
        """Have all workers refuse whoever comes, and wait until no session is left."""
        self.stopping = True
        for worker in self._alive:
            if worker.state is State.STARTING:
                worker.post(Stop())
            elif worker.state is State.READY:
                worker.state = State.DRAINING
                worker.post(Drain())
        await self._until(lambda: all(worker.state is State.DRAINED for worker in self._alive))

    async def stop(self) -> bool:
        """End all workers at once. Return whether every one ended well, from `drain` on."""
        self.stopping = True
        await self._end()
        return not self._failed

    async def counts(self) -> list[Families]:
        """Return what each worker counts now; of one that does not answer, what it last said."""
        crew = self.crew()
        await asyncio.gather(*(worker.count() for worker in crew))
        return [worker.families for worker in crew if worker.state is not State.GONE]

    # --- what becomes of workers ------------------------------------------------------------------

    async def _fill(self, slot: Slot) -> None:
        """Start a worker in an empty slot; where that fails, again later."""
        try:
            slot.worker = await self._start(slot)
        except OSError as error:
            if not self._started:
                raise
            log.error("worker cannot be started", worker=slot.number, error=str(error))  # noqa: TRY400 - no bug
            self._fill_later(slot, lived=0.0)

    async def _start(self, slot: Slot) -> Worker:
        sent = self._serve
        worker = await Worker.start(slot.number, [each.sock for each in self.slots], sent)
        self._alive.add(worker)
        if self._serve is not sent:  # the file was read again meanwhile
            worker.post(Reload(self._serve.text))
        log.info("worker started", worker=slot.number, pid=worker.pid)
        if self.stopping:
            worker.post(Stop())
        self._go(self._attend(slot, worker))
        return worker

    async def _attend(self, slot: Slot, worker: Worker) -> None:
        code = await worker.attend(self._heard)
        lived = clock.monotonic() - worker.started_at
        asked = worker is not slot.worker and worker is not slot.successor
        was, worker.state = worker.state, State.GONE
        self._alive.discard(worker)
        self.tally.keep(worker.families)
        if code == 0 and (self.stopping or asked):
            log.info("worker ended", worker=slot.number, pid=worker.pid, lived=round(lived, 3))
        else:
            log.error("worker died", worker=slot.number, pid=worker.pid, code=code, lived=round(lived, 3))
            self._failed |= not self._started or (self.stopping and was is not State.STARTING)
        if worker is slot.successor:
            slot.successor = None
        elif worker is slot.worker:
            slot.worker, slot.successor = slot.successor, None
            if slot.worker is None and self._started and not self.stopping:
                self._fill_later(slot, lived)
        self._settle()

    def _fill_later(self, slot: Slot, lived: Seconds) -> None:
        wait = slot.backoff.died(lived, random.random())  # noqa: S311 - spreads starts, guards nothing
        log.info("worker starts again", worker=slot.number, wait=round(wait, 3))

        async def later() -> None:
            await asyncio.sleep(wait)
            if slot.worker is None and not self.stopping:
                await self._fill(slot)

        self._go(later())

    async def _replace(self, slot: Slot) -> bool:
        """Put a successor in the place of the slot's worker. Return False where that could not start."""
        async with self._replacing:
            old = slot.worker
            if self.stopping or old is None or old.state is not State.READY:
                return True  # whoever comes next is new already
            try:
                new = slot.successor = await self._start(slot)
                async with asyncio.timeout(START_WITHIN):
                    await self._until(lambda: new.state is not State.STARTING or self.stopping)
            except (OSError, TimeoutError) as error:
                why = str(error) or f"not ready after {START_WITHIN:.0f} s"
                log.error("worker stays: its successor did not start", worker=slot.number, error=why)  # noqa: TRY400 - no bug
                if slot.successor is not None:
                    slot.successor.kill()
                return False
            if slot.worker is new:
                return True  # the old one died meanwhile
            if new.state is not State.READY:
                log.error("worker stays: its successor died", worker=slot.number)
                return False
            slot.worker, slot.successor = new, None
            old.state = State.RETIRING
            self._settle()
            old.post(Retire())
            log.info("worker replaced", worker=slot.number, pid=new.pid, retiring=old.pid)
            return True

    def _heard(self, worker: Worker, message: FromWorker) -> None:
        match message:
            case Ready():
                worker.state = State.READY
                self.slots[worker.slot].opened = True
                log.info("worker ready", worker=worker.slot, pid=worker.pid)
            case Drained():
                worker.state = State.DRAINED
            case Leaving():
                if not self.stopping:
                    self._go(self._leave(worker))
            case Counts():
                return  # the worker's own handle took note
            case _:
                assert_never(message)
        self._settle()

    async def _watch(self) -> None:
        """Kill whoever hangs: what follows is as for every death."""
        while True:
            before = clock.monotonic()
            await asyncio.sleep(LOOK)
            now = clock.monotonic()
            if now - before > 2 * LOOK:
                continue  # this process was held up itself, and has not read yet what they said
            for worker in self._alive:
                if now - worker.heard_at > UNHEARD:
                    log.error("worker hangs: killed", worker=worker.slot, pid=worker.pid)
                    worker.kill()

    async def _leave(self, worker: Worker) -> None:
        slot = self.slots[worker.slot]
        if slot.worker is worker:
            await self._replace(slot)

    def _settle(self) -> None:
        """Something has changed: who accepts where is seen to, and whoever waits looks again."""
        if not self._ending:
            cover(self.slots, self._alive)
        self._changed.set()

    # --- its end ----------------------------------------------------------------------------------

    async def _end(self) -> None:
        self._ending = True
        for worker in self._alive:
            worker.post(Stop())
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await self._until(lambda: not self._alive)
        except TimeoutError:
            for worker in self._alive:
                worker.kill()
            await self._until(lambda: not self._alive)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._changed.clear()
            await self._changed.wait()

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
