"""`relay demo`: a spoken conversation through the relay, on this machine."""

import asyncio
import logging
import signal
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, TextIO, cast

import click
import uvloop
from rich.console import Console

from relay.core.words import Seconds
from relay.demo import certificates, performance, screen, stage
from relay.demo.certificates import Certificates
from relay.demo.metering import Journal
from relay.edge import clock, logs
from relay.settings import Settings
from relay.settings.secrecy import redactor_of

_CURTAIN: Final[Seconds] = 18.0
"""The speech takes three seconds; who has waited for six times that has waited enough."""
FAILED: Final = 1
ENDED_BY: Final = 128
"""Plus the signal's number: what shells expect of a program that a signal ended."""

_PORT: Final = click.IntRange(0, 65535)


@click.command(epilog="The exit code is 0 when all that was said came back and was metered, and 1 when not.")
@click.option("--serve", is_flag=True, help="Stay up afterwards, until ctrl-C: for trying things out.")
@click.option(
    "--tls",
    is_flag=True,
    help="Serve wss:// with a certificate made for it, and say how to trust it: with --serve, to try clients.",
)
@click.option(
    "--tls-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the certificate here, and use it again while it holds; implies --tls. [default: thrown away]",
)
@click.option("--port", type=_PORT, help="The relay's port. [default: any free one; with --serve 8080]")
@click.option("--ops-port", type=_PORT, help="The operator's port. [default: any free one; with --serve 8081]")
def command(*, serve: bool, tls: bool, tls_dir: Path | None, port: int | None, ops_port: int | None) -> None:
    """Hold a spoken conversation through the relay, against a simulated Realtime API, all in this process.

    A simulator, a relay and a tenant are started; three seconds of speech go through them at the pace of
    speech, and the simulator's voice gives them back. Shown are both sides, how long everything took, and
    what the relay metered. Nothing leaves this machine, and no account is needed.
    """
    ended: list[signal.Signals] = []
    places = (port if port is not None else 8080 * serve, ops_port if ops_port is not None else 8081 * serve)
    console = Console(highlight=False)
    try:
        with ExitStack() as stack, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            shown = None
            if tls or tls_dir is not None:
                shown = stack.enter_context(certificates.provided(tls_dir, clock.wall()))
            runner.run(_demonstrate(console, *places, shown, ended, serve=serve))
    except (performance.PerformanceError, stage.StageError, certificates.CertificateError) as error:
        screen.failing(Console(stderr=True, highlight=False), str(error))
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(ENDED_BY + signal.SIGINT)
    except asyncio.CancelledError:
        sys.exit(ENDED_BY + ended[0])


def _endings() -> list[signal.Signals]:
    """Return the signals that end this as ctrl-C does: SIGHUP, of a terminal that was closed, is one."""
    # Whoever ignores a signal for us (nohup) wants this to outlive it.
    either = (signal.SIGTERM, signal.SIGHUP)
    return [number for number in either if signal.getsignal(number) is not signal.SIG_IGN]


async def _demonstrate(
    console: Console,
    port: int,
    ops_port: int,
    shown: Certificates | None,
    ended: list[signal.Signals],
    *,
    serve: bool,
) -> None:
    """Give the demonstration. A signal that cancels it is added to *ended*."""
    itself = asyncio.current_task()
    assert itself is not None

    def end(number: signal.Signals) -> None:
        ended.append(number)
        itself.cancel()

    # As on ctrl-C, what was made for a while is removed first: a private key is among it.
    for number in _endings():
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    journal = Journal()

    def prepare(settings: Settings) -> None:
        logs.configure(redactor_of(settings), stream=cast("TextIO", journal))
        for library in ("uvicorn", "websockets"):  # the simulator's: it makes a line for every connection
            logging.getLogger(library).setLevel(logging.WARNING)

    standing = stage.standing(port=port, ops_port=ops_port, prepare=prepare, certificates=shown)
    async with standing as where:
        try:
            async with asyncio.timeout(_CURTAIN):
                await performance.given(where, journal, console, stays=serve)
        except TimeoutError:
            raise performance.PerformanceError(f"It did not end within {_CURTAIN:.0f} s.") from None
        if serve:
            screen.serving(console, where)
            journal.follow = sys.stdout
            await _interrupted()


async def _interrupted() -> None:
    """Wait for ctrl-C, or for what ends this as well."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, *_endings()):
        loop.add_signal_handler(number, told.set)
    with suppress(asyncio.CancelledError):
        await told.wait()
