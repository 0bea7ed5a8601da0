"""`relay serve`: the process. Signals, reloads, and the way out."""

import asyncio
import logging
import signal
import sys
from pathlib import Path

import click
import structlog
import uvloop

from relay.edge import logs
from relay.server import Relay, redactor_of
from relay.settings import Problems, Settings, load_file

log = structlog.get_logger("relay")


@click.command(
    epilog="SIGTERM and SIGINT drain: no new sessions, the open ones go on until the deadline. A second one "
    "stops at once. SIGHUP reads the file again; a bad one is refused and the last good one stays."
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
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least that is logged. Nothing is ever logged per frame.",
)
def command(path: Path, log_level: str) -> None:
    """Run the relay."""
    settings = load_file(str(path))
    if isinstance(settings, Problems):
        click.echo(settings.text(), err=True)
        sys.exit(1)
    for warning in settings.warnings:
        click.echo(warning.text(), err=True)
    logs.configure(redactor_of(settings), getattr(logging, log_level.upper()))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, path))
    except OSError as error:
        click.echo(f"The relay cannot start: {error}.", err=True)
        sys.exit(1)


async def _serve(settings: Settings, path: Path) -> None:
    relay = Relay(settings)
    loop = asyncio.get_running_loop()
    stop, hurry, again = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def told_to_stop() -> None:
        (hurry if stop.is_set() else stop).set()

    async with relay.running():
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told_to_stop)
        loop.add_signal_handler(signal.SIGHUP, again.set)
        reloading = asyncio.create_task(_reload_when_told(again, relay, path), name="reload")
        await stop.wait()
        draining = asyncio.create_task(relay.drain(), name="drain")
        hurrying = asyncio.create_task(hurry.wait(), name="hurry")
        await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        for task in (draining, hurrying, reloading):
            task.cancel()
        await asyncio.gather(draining, hurrying, reloading, return_exceptions=True)


async def _reload_when_told(again: asyncio.Event, relay: Relay, path: Path) -> None:
    """Read the file again whenever *again* is set; in a thread, since ten thousand tenants take a second."""
    while True:
        await again.wait()
        again.clear()
        fresh = await asyncio.to_thread(load_file, str(path))
        if isinstance(fresh, Problems):
            problems = fresh.text().splitlines()
            log.error("configuration refused: the last good one stays", problems=problems)
            continue
        try:
            ended = relay.reload(fresh)
        except OSError as error:
            log.error("configuration refused: the last good one stays", problems=[f"ca: {error}"])  # noqa: TRY400 - no bug
            continue
        logs.redact_with(redactor_of(fresh))
        log.info("configuration read again", tenants=len(fresh.catalog.tenants), sessions_ended=ended)
