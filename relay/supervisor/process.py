"""The supervising process: which signal means what, and the operator's port.

    SIGTERM, SIGINT   drain all workers; a second one stops them at once
    SIGHUP            read the file again; if it is sound, every worker goes by it
    SIGUSR2           replace every worker, one after another

Rule: a file is read once, here. Workers are given the text that was found sound, and so are their successors.
"""

import asyncio
import os
import signal
from pathlib import Path

import structlog

from relay.edge import listener, logs, sockets
from relay.settings import Problem, Problems, Settings, Severity, load
from relay.settings.secrecy import redactor_of
from relay.supervisor import ops
from relay.supervisor.supervisor import Supervisor

log = structlog.get_logger("relay")


class Orders:
    """What signals ask of one supervisor."""

    def __init__(self, supervisor: Supervisor, path: Path) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        self._supervisor = supervisor
        self._path = path
        self._again = asyncio.Event()
        self._replace = asyncio.Event()

    def heed(self) -> None:
        """Take signals from now on."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._again.set)
        loop.add_signal_handler(signal.SIGUSR2, self._replace.set)

    async def reload_when_told(self) -> None:
        """Read the file again whenever told; in a thread, since ten thousand tenants take a second."""
        while True:
            await self._again.wait()
            self._again.clear()
            read = await asyncio.to_thread(read_for_workers, self._path)
            if isinstance(read, Problems):
                problems = read.text().splitlines()
                log.error("configuration refused: the last good one stays", problems=problems)
                continue
            settings, text = read
            self._supervisor.reload(settings, text)
            logs.redact_with(redactor_of(settings))
            log.info("configuration passed on", tenants=len(settings.catalog.tenants))

    async def replace_when_told(self) -> None:
        """Replace all workers whenever told; told again meanwhile, once more."""
        while True:
            await self._replace.wait()
            self._replace.clear()
            log.info("replacing workers", workers=len(self._supervisor.slots))
            if await self._supervisor.replace_all():
                log.info("workers replaced", workers=len(self._supervisor.slots))
            else:
                log.error("workers not replaced: those that were not stay")

    def _told_to_stop(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()


def read_for_workers(path: Path) -> tuple[Settings, str] | Problems:
    """Return what the file at *path* says and its text, or everything that is wrong with it for workers.

    A configuration without a store is refused: each worker would hold tenants to their limits by itself.
    """
    name = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return _refuse(name, f"cannot be read: {error.strerror or error}")
    except ValueError:
        return _refuse(name, "is not text in UTF-8")
    settings = load(text, name, environ=os.environ)
    if isinstance(settings, Problems):
        return settings
    if settings.store.url is None:
        hint = 'set it to what they are to share, as "redis://127.0.0.1:6379", or serve with --workers 1'
        return _refuse(
            name, "is not set, and several workers keep limits together only in a store", "store.url", hint
        )
    return settings, text


def _refuse(name: str, wrong: str, key: str = "", hint: str = "") -> Problems:
    problem = Problem(severity=Severity.ERROR, file=name, line=0, key=key, wrong=wrong, hint=hint)
    return Problems((problem,))


async def supervise(settings: Settings, text: str, path: Path, workers: int, log_level: int) -> int:
    """Serve with so many *workers* until told to stop. Return the exit code: 0 where every one ended well.

    Raises `OSError` where an address cannot be had, and `StartError` where the workers cannot start.
    """
    supervisor = Supervisor(settings, text, workers, log_level)
    sock = sockets.bind(settings.ops.host, settings.ops.port)
    desk = listener.private(ops.application(supervisor), sock)
    orders = Orders(supervisor, path)
    orders.heed()
    async with desk.running(), supervisor.running():
        log.info("relay serving", port=supervisor.port, ops_port=desk.port, workers=workers)
        standing = [
            asyncio.create_task(orders.reload_when_told(), name="reload"),
            asyncio.create_task(orders.replace_when_told(), name="replace"),
        ]
        await orders.stop.wait()
        log.info("relay draining", workers=len(supervisor.crew()))
        ending = [
            asyncio.create_task(supervisor.drain(), name="drain"),
            asyncio.create_task(orders.hurry.wait(), name="hurry"),
        ]
        await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
        well = await supervisor.stop()
        for task in (*standing, *ending):
            task.cancel()
        await asyncio.gather(*standing, *ending, return_exceptions=True)
        log.info("relay stopped")
    return 0 if well else 1
