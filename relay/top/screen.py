"""What is seen: four lines about the whole, and one table, on a terminal of 80 columns and 24 lines or more.

Rule: text only, and never as markup: a name may hold brackets. Whatever does not fit is cut, and is said to be.
"""

from typing import Final, TypeAlias, assert_never

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from relay.core.overload import Level
from relay.core.words import Seconds
from relay.edge.admin_rows import SessionRow, TenantRow, UpstreamRow
from relay.top.asking import Snapshot
from relay.top.controls import VIEWS, Controls, View
from relay.top.rates import Rate, Rates

AROUND: Final = 9
"""Lines of the screen that are no row of the table: the whole, the views, the header, what is cut, the keys."""
WIDE: Final = 110
"""Columns from which on a session's model and what holds it have room."""
Head: TypeAlias = tuple[str, ...]
Row: TypeAlias = tuple[str | Text, ...]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one frame shows."""

    url: str
    snapshot: Snapshot
    rates: Rates | None
    controls: Controls
    trouble: str | None = None
    """Why the snapshot is an old one."""


def frame(seen: Seen, width: int, height: int) -> RenderableType:
    """Return one frame for a terminal of *width* columns and *height* lines."""
    head, rows = _table(seen, width >= WIDE)
    room = max(1, height - AROUND)
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", expand=True)
    for number, name in enumerate(head):
        # The first column tells what a row is about: it is cut last.
        table.add_column(
            name.strip(">"),
            justify="right" if name[0] == ">" else "left",
            no_wrap=True,
            ratio=None if number else 1,
        )
    for row in rows[:room]:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    cut = len(rows) - room
    return Group(
        *(_line(text) for text in _whole(seen)),
        _line(_views(seen.controls)),
        table,
        _line(Text(f"... and {cut} more" if cut > 0 else "", "dim")),
        _line(_keys(seen)),
    )


def _line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


# --- the whole ------------------------------------------------------------------------------------


def _whole(seen: Seen) -> list[Text]:
    whole, rates = seen.snapshot.overview, seen.rates
    fast = rates.whole if rates is not None else None
    upstreams = seen.snapshot.upstreams
    healthy = sum(upstream.healthy for upstream in upstreams)
    memory = whole.memory
    used = "memory ?" if memory.used_bytes is None else f"memory {size(memory.used_bytes)}"
    if memory.limit_bytes is not None and memory.used_bytes is not None:
        used += f" of {size(memory.limit_bytes)} ({100 * memory.used_bytes / memory.limit_bytes:.0f} %)"
    refused = sum(rates.refusals.values()) if rates is not None else None
    return [
        Text.assemble(
            ("relay", "bold"),
            f" {whole.version}  {seen.url}  up {age(whole.uptime_seconds)}  {_count(whole.workers, 'worker')}",
            ("  DRAINING", "bold yellow") if whole.draining else "",
        ),
        Text.assemble(
            f"{_count(whole.sessions, 'session')}  {_count(whole.tenants, 'tenant')}  "
            f"{_count(whole.connections, 'connection')}  {used}",
            "" if memory.level is Level.ACCEPT else (f"  {memory.level.upper()}", "bold red"),
        ),
        Text(f"in      {_speeds(fast)}"),
        Text.assemble(
            f"unsent  ↑ {size(whole.unsent_up_bytes)} ↓ {size(whole.unsent_down_bytes)}   "
            f"refusals {'-' if refused is None else f'{refused:.0f}'}/min   ",
            (
                f"upstreams {healthy} of {len(upstreams)} healthy",
                "" if healthy == len(upstreams) else "bold red",
            ),
        ),
    ]


def _speeds(rate: Rate | None) -> str:
    if rate is None:
        return "rates come with the next look"
    return (
        f"events ↑ {rate.events_up:.0f} ↓ {rate.events_down:.0f} /s   "
        f"audio ↑ {rate.audio_up:.1f} ↓ {rate.audio_down:.1f} s/s   "
        f"↑ {size(rate.bytes_up)} ↓ {size(rate.bytes_down)} /s"
    )


def _views(controls: Controls) -> Text:
    text = Text("\n")
    for number, view in enumerate(VIEWS, 1):
        text.append(f" {number} {view} ", "reverse" if view is controls.view else "dim")
    return text


def _keys(seen: Seen) -> Text:
    if seen.trouble is not None:
        return Text(seen.trouble, "bold red")
    order = f"   o order: {seen.controls.order}" if seen.controls.order else ""
    return Text(f"1-4, tab view{order}   q quit", "dim")


# --- the tables: a column's name begins with > where it stands to the right -------------------------


def _table(seen: Seen, wide: bool) -> tuple[Head, list[Row]]:
    snapshot, rates = seen.snapshot, seen.rates
    match seen.controls.view:
        case View.SESSIONS:
            head = ("session", "tenant", "upstream", ">age", ">events/s", ">audio s/s", ">unsent")
            more = ("model", "held") if wide else ()
            return (*head, *more), [_session(row, rates, wide) for row in snapshot.sessions]
        case View.TENANTS:
            head = ("tenant", "plan", ">sessions", ">unsent", ">tokens today", ">$ today", ">keys")
            return head, [_tenant(row) for row in snapshot.tenants]
        case View.UPSTREAMS:
            head = ("upstream", "host", "region", "healthy", ">sessions", ">keys", ">key wait")
            return head, [_upstream(row) for row in snapshot.upstreams]
        case View.REFUSALS:
            told = sorted(snapshot.overview.refusals.items(), key=lambda pair: (-pair[1], pair[0]))
            per_minute = rates.refusals if rates is not None else {}
            return ("refusal", ">in all", ">per minute"), [
                (label, f"{count}", f"{per_minute.get(label, 0):.0f}") for label, count in told
            ]
        case _:
            assert_never(seen.controls.view)


def _session(row: SessionRow, rates: Rates | None, wide: bool) -> Row:
    rate = rates.sessions.get(row.id) if rates is not None else None
    unsent = Text(size(row.unsent_up_bytes + row.unsent_down_bytes), "bold yellow" if row.paused else "")
    told: Row = (
        row.id,
        row.tenant,
        row.upstream,
        age(row.age_seconds),
        "-" if rate is None else f"{rate.events_up:.0f}/{rate.events_down:.0f}",
        "-" if rate is None else f"{rate.audio_up:.1f}/{rate.audio_down:.1f}",
        unsent,
    )
    return (*told, row.model or "", " ".join(row.paused)) if wide else told


def _tenant(row: TenantRow) -> Row:
    return (
        row.id,
        row.plan,
        _of(row.used.sessions, row.concurrent_sessions),
        size(row.unsent_bytes),
        f"{row.used.tokens_today:,}",
        f"{row.used.usd_today:.2f}",
        f"{row.keys}",
    )


def _upstream(row: UpstreamRow) -> Row:
    return (
        row.id,
        row.host,
        row.region,
        Text("yes") if row.healthy else Text("no", "bold red"),
        _of(row.sessions, row.max_sessions),
        f"{row.keys}",
        f"{row.key_wait_seconds:.0f} s" if row.key_wait_seconds else "",
    )


# --- numbers for people -----------------------------------------------------------------------------


def size(count: float) -> str:
    """Return *count* bytes in three digits or so: `12 B`, `3.4 kB`, `256 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:  # noqa: PLR2004 - what the next unit is
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"  # noqa: PLR2004 - three digits
        count /= 1000
    return f"{count:.1f} GB"


def age(seconds: Seconds) -> str:
    """Return a duration: `42s`, `3m07s`, `2h05m`, `3d04h`."""
    whole = int(seconds)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if days:
        return f"{days}d{hours % 24:02}h"
    if hours:
        return f"{hours}h{minutes % 60:02}m"
    return f"{minutes}m{whole % 60:02}s" if minutes else f"{whole}s"


def _of(held: int, most: float | None) -> str:
    return f"{held}" if most is None else f"{held}/{most:.0f}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
