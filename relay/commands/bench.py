"""`relay bench`: measure the relay against a direct connection and its peers."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Final

import click
import msgspec
import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from relay.bench.campaign import Plan, PlanError, run
from relay.bench.machine import cores, describe
from relay.bench.messages import SMALLEST
from relay.bench.recipes import PEERS, TUNNELS, VARIANTS, Kind, missing
from relay.bench.report import Report, report, show
from relay.bench.subjects import SubjectError, version

DEFAULT_SIZES: Final = (200, 4 << 10, 32 << 10)
"""A control event or a short delta; 64 ms of speech; half a second of it."""

LARGEST: Final = 8 << 20
"""Half of what the API takes in one event; a closed loop of more would be a test of memory."""


class Effort(msgspec.Struct, frozen=True):
    """How long to look: seconds of one window, rounds, idle sessions."""

    seconds: float
    rounds: int
    idle: int


DEFAULT: Final = Effort(seconds=0.5, rounds=3, idle=1_000)
QUICK: Final = Effort(seconds=0.25, rounds=1, idle=200)


class Sizes(click.ParamType[tuple[int, ...]]):
    """Message sizes in bytes, separated by commas."""

    name = "sizes"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Read them; each once, in the order given."""
        if isinstance(value, tuple):
            return value
        sizes = []
        for word in str(value).split(","):
            if not word.strip().isdecimal() or not SMALLEST <= int(word) <= LARGEST:
                self.fail(f"{word!r} is not a size of {SMALLEST} to {LARGEST:,} bytes", param, ctx)
            sizes.append(int(word))
        return tuple(dict.fromkeys(sizes))


EPILOG: Final = """\
\b
Subjects:
  direct      no relay at all: what the machine and the load itself take; always measured
  relay       `relay serve` with a tenant, a key, limits and metrics, nothing turned off
  beta        the same process: clients that speak the beta protocol     (--variants)
  strict      the same process: a tenant restricted in all there is      (--variants)
  haproxy     a blind TCP tunnel, one thread          (--peers)
  nginx       a blind tunnel of upgrades, one worker  (--peers)
  websockets  a plain relay in Python on uvloop       (--peers)

\b
One process plays every client and the upstream, on a core of its own. Each message is a distinct Realtime event
and is compared, byte for byte, where it arrives. Figures are the best of the rounds that no other program
disturbed, and it is said if there was none. The goals are ratios, so a slower machine changes them little.
Exit status: 0, or 1 if a message or a session was lost.

\b
Examples:
  relay bench --quick                           about 20 seconds, the relay alone
  relay bench --peers --json build/bench.json   about 3 minutes, everything: what `make bench` runs
  relay bench --variants                        what beta clients and policies cost more
  relay bench --only relay --idle 9000 --quick  18,000 connections through one process
"""


@click.command(epilog=EPILOG, context_settings={"max_content_width": 110})
@click.option("--peers", is_flag=True, help="Measure HAProxy, nginx and a plain relay in Python as well.")
@click.option(
    "--variants",
    is_flag=True,
    help="Measure beta clients and a strict policy beside the relay's plain sessions.",
)
@click.option(
    "--only",
    "only",
    multiple=True,
    type=click.Choice([kind.value for kind in Kind]),
    help="Measure this subject (and direct, and with a variant the relay) and no other; may be repeated.",
)
@click.option("--quick", is_flag=True, help="One short round: a first look, not a figure to quote.")
@click.option(
    "--sizes",
    type=Sizes(),
    default=",".join(map(str, DEFAULT_SIZES)),
    show_default=True,
    metavar="BYTES,...",
    help="Sizes of the messages.",
)
@click.option(
    "--sessions",
    default=64,
    show_default=True,
    type=click.IntRange(1, 5_000),
    help="Sessions of a closed loop, each with one message in flight.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.05, 600),
    help=f"Length of one window.  [default: {DEFAULT.seconds}; with --quick {QUICK.seconds}]",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 100),
    help=f"Rounds, of which the best counts.  [default: {DEFAULT.rounds}; with --quick {QUICK.rounds}]",
)
@click.option(
    "--idle",
    type=click.IntRange(1, 100_000),
    help=f"Idle sessions to hold.  [default: {DEFAULT.idle:,}; with --quick {QUICK.idle:,}]",
)
@click.option(
    "--json",
    "document",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write machine, versions and every figure here; its folder is made where there is none.",
)
def command(
    *,
    peers: bool,
    variants: bool,
    only: tuple[str, ...],
    quick: bool,
    sizes: tuple[int, ...],
    sessions: int,
    seconds: float | None,
    rounds: int | None,
    idle: int | None,
    document: Path | None,
) -> None:
    """Measure what the relay costs: CPU per message, latency, set-ups, memory.

    Without --peers it is compared with a direct connection alone; the goals that are ratios to HAProxy
    need --peers.
    """
    if document is not None:
        _prepare(document)
    chosen = QUICK if quick else DEFAULT
    asked = {Kind(name) for name in only} or {Kind.RELAY, *(PEERS if peers else ())}
    asked.update(VARIANTS if variants else ())
    if asked.intersection(VARIANTS):
        asked.add(Kind.RELAY)  # it is their process, and what they are compared with
    skipped = [reason for kind in asked if (reason := missing(kind))]
    plan = Plan(
        subjects=tuple(
            kind for kind in Kind if kind is Kind.DIRECT or (kind in asked and missing(kind) is None)
        ),
        sizes=sizes,
        sessions=sessions,
        seconds=seconds or chosen.seconds,
        rounds=rounds or chosen.rounds,
        idle=idle or chosen.idle,
    )
    console = Console()
    for reason in skipped:
        console.print(f"skipped: {reason}", style="yellow", highlight=False)
    try:
        result = uvloop.run(_measured(plan, console))
    except (SubjectError, PlanError, RuntimeError) as failure:
        raise click.ClickException(str(failure)) from failure
    except asyncio.CancelledError as told:
        raise click.Abort from told
    show(console, result)
    if document is not None:
        try:
            document.write_bytes(result.document())
        except OSError as error:
            raise click.ClickException(f"The figures could not be written: {error}.") from None
        console.print(f"every figure: {document}", highlight=False)
    raise SystemExit(1 if result.samples.lost() else 0)


def _prepare(document: Path) -> None:
    """Make the folder of *document*. Minutes of measuring are not to end in a refusal that was foreseeable."""
    try:
        document.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"{document.parent} is no folder, and cannot be made one: {error.strerror}"
        raise click.BadParameter(why, param_hint="--json") from None
    if not os.access(document.parent, os.W_OK):
        raise click.BadParameter(f"nothing may be written to {document.parent}", param_hint="--json")


async def _measured(plan: Plan, console: Console) -> Report:
    """Carry *plan* out under a progress bar that moves only between two measures. SIGTERM cancels it."""
    itself = asyncio.current_task()
    assert itself is not None
    # As on Ctrl-C, whatever was started is ended first.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, itself.cancel)
    peers = {kind.value: await version(kind) for kind in plan.subjects if kind in TUNNELS}
    columns = (BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    # No refreshing of its own: its thread would run on the core of the load, within the windows.
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as progress:
        task = progress.add_task("", total=plan.steps)

        def told(step: str) -> None:
            progress.update(task, description=step)
            progress.refresh()
            progress.advance(task)

        findings = await run(plan, told)
    return report(plan, findings, machine=describe(), cores=cores(), peers=peers)
