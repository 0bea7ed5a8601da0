"""A call on a terminal: what is said on both sides as it comes, and a table of how long it took.

Rule: what a server sends is shown as text, never read as markup or as escape codes.
"""

from dataclasses import dataclass
from typing import Final, assert_never

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from relay.core.words import Seconds
from relay.voice import pcm
from relay.voice.failures import Failure
from relay.voice.outcome import Begun, Connected, Outcome, Replied, Show, Sight, Speaking
from relay.voice.turn import Heard, Interrupted, Noticed, Reply, Said, Sounded

_BAR: Final = 32
_NAMES: Final = 8
"""Columns for who speaks."""
_REFRESH: Final = 12
"""Redraws a second: smooth to the eye, and nothing to the processor."""


@dataclass(slots=True)
class _Turn:
    """What there is to draw of a turn."""

    spoken: tuple[Seconds, Seconds] | None = None
    heard: str = ""
    said: str = ""
    sound: Seconds = 0.0


class Terminal:
    """Shows a call on *console*. A context manager: what moves, moves only within it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner = Spinner("dots", style="cyan")
        self._waiting = "dialing"
        self._turn = _Turn()
        self._live = Live(console=console, refresh_per_second=_REFRESH, get_renderable=self._drawn)

    def __enter__(self) -> Show:
        self._live.start()
        return self.show

    def __exit__(self, *_: object) -> None:
        self._waiting = ""
        self._live.stop()

    def show(self, sight: Sight) -> None:
        """Show one thing."""
        turn = self._turn
        self._waiting = ""
        match sight:
            case Connected(relay_session=relay_session, relay_region=region):
                self._waiting = "waiting for the session"
                self._named("relayed", relay_session, region)
            case Begun(session=session):
                self._waiting = "ready"
                self._named("session", session.id, session.model)
            case Speaking(sent, total):
                turn.spoken = (sent, total)
            case Noticed():
                pass
            case Heard(text):
                turn.heard = text
            case Said(text):
                turn.said = text
            case Sounded(sound):
                turn.sound += pcm.seconds(sound)
            case Interrupted():
                turn.said, turn.sound = "", 0.0
            case Replied():
                self._console.print(_lines(turn))
                self._turn = _Turn()
            case _:
                assert_never(sight)

    def _named(self, what: str, *names: str | None) -> None:
        if known := " ".join(filter(None, names)):
            self._console.print(Text.assemble((f"{what} ", "dim"), _plain(known)))

    def _drawn(self) -> RenderableType:
        """Return what is drawn again and again until the turn is over."""
        if not self._waiting:
            return _lines(self._turn)
        self._spinner.update(text=Text(self._waiting, "dim"))
        return self._spinner


def _lines(turn: _Turn) -> RenderableType:
    lines = Table.grid(padding=(0, 1))
    lines.add_column(width=_NAMES, style="bold")
    lines.add_column()
    if turn.spoken is not None:
        sent, total = turn.spoken
        bar = ProgressBar(total, sent, width=_BAR, complete_style="cyan", finished_style="cyan")
        progress = Table.grid(padding=(0, 1))
        progress.add_row(bar, Text(f"{sent:.1f} s", "dim"))
        lines.add_row(Text("you", "cyan"), progress)
    if turn.heard:
        lines.add_row(Text("you" if turn.spoken is None else "", "cyan"), _plain(turn.heard))
    if turn.said or turn.sound:
        lines.add_row(Text("answer", "green"), _plain(turn.said))
    if turn.sound:
        lines.add_row("", Text(f"{turn.sound:.1f} s of sound", "dim"))
    return lines


def timings(outcome: Outcome) -> RenderableType:
    """Return the table of how long everything took."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    table.add_column("ms since dialing", justify="right")
    table.add_column("ms since end of speech", justify="right")
    if outcome.connected is not None:
        table.add_row("connect (101)", _ms(outcome.connected.at), "")
    if outcome.begun is not None:
        table.add_row("session (session.created)", _ms(outcome.begun.at), "")
    for number, reply in enumerate(outcome.replies, 1):
        _turn_rows(table, reply, f"turn {number}: " if len(outcome.replies) > 1 else "")
    return table


def failed(failure: Failure) -> RenderableType:
    """Return what went wrong, and what to do about it."""
    lines = [_plain(failure.message, "bold red")]
    facts = {
        "status": failure.http_status,
        "type": failure.error_type,
        "code": failure.code,
        "param": failure.param,
        "closed with": failure.close_code,
        "reason": failure.close_reason,
    }
    told = "  ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
    if told:
        lines.append(_plain(told, "dim"))
    if failure.advice:
        lines.append(_plain(failure.advice))
    return Group(*lines)


def _turn_rows(table: Table, reply: Reply, prefix: str) -> None:
    table.add_row(f"{prefix}end of speech", _ms(reply.end_of_speech), "0")
    for name, moment in (
        ("first token", reply.first_token),
        ("first audio", reply.first_audio),
        ("turn complete", reply.complete),
    ):
        since = None if moment is None else moment - reply.end_of_speech
        table.add_row(f"{prefix}{name}", _ms(moment), _ms(since))


def _ms(duration: Seconds | None) -> str:
    return "-" if duration is None else f"{duration * 1000:,.0f}"


def _plain(text: str, style: str = "") -> Text:
    """Return *text* as it is, without the control characters by which a server could drive a terminal."""
    return Text("".join(sign if sign.isprintable() else " " for sign in text), style)
