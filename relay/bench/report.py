"""What is shown in the end: tables for a terminal, and a document for a machine.

Both say the same; the document holds every sample beside the best of them.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from relay.bench.campaign import Plan
from relay.bench.figures import CALM, Findings, SessionRow, SizeRow, session_rows, size_rows
from relay.bench.goals import Goal, Verdict, goals
from relay.bench.machine import Cores, Machine
from relay.bench.recipes import Kind

SCHEMA: Final = 1
"""The form of the document: raised when a reader of the old one would be misled."""

STYLES: Final = {Verdict.HELD: "green", Verdict.MISSED: "bold red", Verdict.UNKNOWN: "dim"}


class Report(msgspec.Struct, frozen=True):
    """A campaign, ready to be shown. *peers* are the versions of the programs from outside."""

    machine: Machine
    cores: Cores
    peers: Mapping[str, str]
    plan: Plan
    sizes: Sequence[SizeRow]
    sessions: Sequence[SessionRow]
    goals: Sequence[Goal]
    samples: Findings
    schema: int = SCHEMA

    def document(self) -> bytes:
        """Return it as JSON; a figure that was not measured is null."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def report(
    plan: Plan, findings: Findings, *, machine: Machine, cores: Cores, peers: Mapping[str, str]
) -> Report:
    """Draw the figures out of *findings*."""
    return Report(
        machine=machine,
        cores=cores,
        peers=peers,
        plan=plan,
        sizes=size_rows(findings, plan.subjects, plan.sizes),
        sessions=session_rows(findings, plan.subjects),
        goals=goals(findings, plan.sizes),
        samples=findings,
    )


def show(console: Console, shown: Report) -> None:
    """Print the tables."""
    console.print(_heading(shown), highlight=False)
    tables = [_size_table(shown.sizes), _session_table(shown.sessions)]
    if Kind.RELAY in shown.plan.subjects:
        tables.append(_goal_table(shown.goals))
    for table in tables:
        console.print(table, "", sep="\n")
    taken = shown.samples.disturbed()
    if taken > CALM:
        console.print(
            f"Other programs kept this waiting for up to {taken:.0%} of the time, even in the calmest rounds: "
            "measure again when the machine is quiet.",
            style="yellow",
            highlight=False,
        )


def _heading(shown: Report) -> str:
    packages = shown.machine.packages
    names = {"realtime-relay": packages["realtime-relay"], **shown.peers}
    names |= {name: packages[name] for name in ("websockets", "picows", "uvloop")}
    where = (
        f"subject on core {shown.cores.subject}, clients and upstream on core {shown.cores.load}"
        if shown.cores.apart
        else "ONE CORE for subject, clients and upstream alike: rates and latencies mean little"
    )
    return (
        f"{shown.machine.cpu}, {shown.machine.cores} cores, Linux {shown.machine.kernel}, "
        f"Python {shown.machine.python}\n{where}\n"
        + ", ".join(f"{name} {version}" for name, version in names.items())
        + f"\nbest of {shown.plan.rounds}, windows of {shown.plan.seconds:g} s\n"
    )


def _size_table(rows: Sequence[SizeRow]) -> Table:
    table = _table(
        "Messages",
        "CPU: the subject's own, us per relayed message. Up, down: closed loop, one in flight per session; "
        "paced: 2,000 a second over 100 sessions, where the latency (us) is taken.",
    )
    table.add_column("\nbytes", justify="right")
    table.add_column("\nsubject")
    for heading in ("CPU\nup", "\ndown", "\npaced", "to\nHAProxy", "1000\nmsg/s", "of\ndirect"):
        table.add_column(heading, justify="right")
    table.add_column("added\np50", justify="right")
    table.add_column("\np99", justify="right")
    previous = None
    for row in rows:
        if previous not in (None, row.size):
            table.add_section()
        table.add_row(
            f"{row.size:,}" if previous != row.size else "",
            row.subject.value,
            _number(row.up_cpu_us),
            _number(row.down_cpu_us),
            _number(row.paced_cpu_us),
            _number(row.cpu_to_haproxy, 2),
            _number(row.per_second / 1e3),
            _number(row.rate_to_direct, 2),
            _number(row.added_p50_us, 0),
            _number(row.added_p99_us, 0),
            style=_emphasis(row.subject),
        )
        previous = row.size
    return table


def _session_table(rows: Sequence[SessionRow]) -> Table:
    table = _table(
        "Sessions",
        "Set-up: connect, upgrade, reach the upstream, first event, close; 16 at once. "
        "Equal: messages compared byte for byte with what was sent, in order.",
    )
    table.add_column("subject")
    for heading in ("set-ups/s", "CPU us each", "idle", "KB each", "equal", "lost"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.subject.value,
            _number(row.setups_per_second, 0),
            _number(row.setup_cpu_us, 0),
            f"{row.idle_sessions:,}",
            _number(row.idle_bytes / 1024),
            f"{row.proved:,}",
            f"[bold red]{row.lost:,}[/]" if row.lost else "0",
            style=_emphasis(row.subject),
        )
    return table


def _goal_table(rows: Sequence[Goal]) -> Table:
    table = _table("Goals", "")
    table.add_column("goal")
    table.add_column("measured", justify="right")
    table.add_column("at most", justify="right")
    table.add_column("")
    for row in rows:
        table.add_row(
            row.name,
            f"{_number(row.measured, 2)} {row.unit}",
            f"{_number(row.limit, 2)} {row.unit}",
            f"[{STYLES[row.verdict]}]{row.verdict.value}[/]",
        )
    return table


def _table(title: str, caption: str) -> Table:
    """Make a table that fits a terminal of 80 columns."""
    return Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )


def _emphasis(subject: Kind) -> str:
    return "bold" if subject is Kind.RELAY else ""


def _number(value: float, digits: int = 1) -> str:
    return "-" if math.isnan(value) else f"{value:,.{digits}f}"
