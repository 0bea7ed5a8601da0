"""`relay serve`: the process. Signals, reloads, and the way out; several workers have a supervisor for that."""

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import Final, TypeVar

import click
import structlog
import uvloop

from relay.edge import logs
from relay.server import Relay
from relay.settings import Problems, Settings, load_file
from relay.settings.secrecy import redactor_of
from relay.supervisor import cores, process
from relay.supervisor.supervisor import StartError

MOST_WORKERS: Final = 256
"""More than the cores of any machine that this was tried on; a number with a digit too many is a mistake."""
Sound = TypeVar("Sound")

log = structlog.get_logger("relay")


def _processes(context: click.Context, option: click.Parameter, value: str) -> int:
    """Return how many processes `N` or `auto` are."""
    if value == "auto":
        return cores.usable()
    number: int = click.IntRange(1, MOST_WORKERS)(value, option, context)
    return number


@click.command(
    epilog="SIGTERM and SIGINT drain: no new sessions, the open ones go on until the deadline. A second one "
    "stops at once. SIGHUP reads the file again; a bad one is refused and the last good one stays. With "
    "several workers, SIGUSR2 replaces them one after another, and no connection is refused meanwhile."
)
@click.option(
    "--config",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    envvar="RELAY_CONFIG",
    help="The configuration, checked as by `relay check`. [env: RELAY_CONFIG]",
)
@click.option(
    "--workers",
    callback=_processes,
    metavar="N|auto",
    default="1",
    show_default=True,
    envvar="RELAY_WORKERS",
    help="Processes, each of which can keep one core busy; auto: one a usable core. More than one share their "
    "limits in the [store]. [env: RELAY_WORKERS]",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least that is logged. Nothing is ever logged per frame.",
)
def command(path: Path, workers: int, log_level: str) -> None:
    """Run the relay."""
    level: int = getattr(logging, log_level.upper())
    if workers > 1:
        settings, text = _sound(process.read_for_workers(path))
        serving = process.supervise(settings, text, path, workers, level)
    else:
        settings = _sound(load_file(str(path)))
        serving = _serve(settings, path)
    for warning in settings.warnings:
        click.echo(warning.text(), err=True)
    logs.configure(redactor_of(settings), level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            sys.exit(runner.run(serving))
    except OSError as error:
        click.echo(f"The relay cannot start: {error}.", err=True)
    except StartError:
        click.echo("The relay cannot start: a worker ended, for the reason that it gave.", err=True)
    sys.exit(1)


def _sound(read: Sound | Problems) -> Sound:
    """Return what was *read*; say what is wrong with it, and leave, where something is."""
    if isinstance(read, Problems):
        click.echo(read.text(), err=True)
        sys.exit(1)
    return read


async def _serve(settings: Settings, path: Path) -> int:
    relay = Relay(settings)
    loop = asyncio.get_running_loop()
    stop, hurry, again = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def told_to_stop() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_stop)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    relay.on_drain = stop.set
    async with relay.running():
        reloading = asyncio.create_task(_reload_when_told(again, relay, path), name="reload")
        await stop.wait()
        draining = asyncio.create_task(relay.drain(), name="drain")
        hurrying = asyncio.create_task(hurry.wait(), name="hurry")
        await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        for task in (draining, hurrying, reloading):
            task.cancel()
        await asyncio.gather(draining, hurrying, reloading, return_exceptions=True)
    return 0


async def _reload_when_told(again: asyncio.Event, relay: Relay, path: Path) -> None:
    """Read the file again whenever *again* is set; in a thread, since ten thousand tenants take a second."""
    while True:
        await again.wait()
        again.clear()
        async with relay.reloading:
            await _reload(relay, path)


async def _reload(relay: Relay, path: Path) -> None:
    fresh = await asyncio.to_thread(load_file, str(path))
    if isinstance(fresh, Problems):
        problems = fresh.text().splitlines()
        log.error("configuration refused: the last good one stays", problems=problems)
        return
    try:
        ended = relay.reload(fresh)
    except OSError as error:
        log.error("configuration refused: the last good one stays", problems=[f"ca: {error}"])  # noqa: TRY400 - no bug
        return
    log.info("configuration read again", tenants=len(fresh.catalog.tenants), sessions_ended=ended)
