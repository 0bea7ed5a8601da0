"""Faults on demand: how a session is to go wrong, and the small language that says so.

The rule: the set is closed. One row of `Kind` says a fault's name, its form, when it strikes and what
it does; the command's help is made of it, and the documentation's table is tested against it.

    faults = fault {"," fault}        fault = name {":" argument} ["@" events]
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

SECONDS: Final = re.compile(r"\d+(\.\d+)?")
MAX_SECONDS: Final = 3600.0
MAX_EVENTS: Final = 1_000_000
MAX_SIZE: Final = 16 * 1024 * 1024
REASON_BYTES: Final = 123
"""A close frame has 125 bytes, two of them the code (RFC 6455, 5.5.1)."""


class Kind(Enum):
    """Every fault: its name, its form after the name, how many events go before it, what it does."""

    REFUSE = ("refuse", ":STATUS[:RETRY_AFTER]", 0, "answer the upgrade with this HTTP status")
    HANDSHAKE = ("handshake", ":SECONDS", 0, "let the 101 wait this long")
    REJECT = ("reject", ":ERROR_CODE[:CLOSE_CODE]", 0, "101, an error event, close")
    SILENT = ("silent", "", 0, "send no more events; pings and closes are answered")
    DELAY = ("delay", ":SECONDS", 0, "let every event wait this long")
    FAIL = ("fail", ":ERROR_CODE", 0, "every response ends as failed, with this code")
    CLOSE = ("close", ":CODE[:REASON]", 1, "close with this code and reason")
    DROP = ("drop", "[:rst|fin]", 1, "end the TCP connection without a close; drop:5 is drop@5")
    DEAF = ("deaf", "", 1, "stop reading")
    MUTE = ("mute", "", 1, "stop writing: no events, no pongs, no close")
    VANISH = ("vanish", "", 1, "neither read nor write again, and leave TCP open")
    STALL = ("stall", ":SECONDS", 1, "neither read nor write for this long, then go on")
    MANGLE = ("mangle", ":json|utf8|frame", 1, "break the next event; frame: half of it, then FIN")
    FLOOD = ("flood", ":EVENTS:BYTES", 1, "send so many events of so many bytes as fast as it goes")

    def __init__(self, label: str, form: str, after: int, does: str) -> None:
        self.label = label
        self.form = form
        self.after = after
        self.does = does


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault, parsed. Fields that its kind does not use keep their defaults."""

    kind: Kind
    after: int = 0
    """Events that are sent before it strikes."""
    code: int = 0
    seconds: float = 0.0
    word: str = ""
    count: int = 0
    size: int = 0


class BadFault(ValueError):  # noqa: N818 - a statement about the text, like a refusal
    """A text that is no fault."""


def parse(text: str) -> tuple[Fault, ...]:
    """Return the faults of *text*. Raises `BadFault` with a sentence for the person who wrote it."""
    return tuple(_fault(one.strip()) for one in text.split(",")) if text.strip() else ()


def grammar() -> str:
    """Return one line for each fault: its form and what it does."""
    width = max(len(kind.label + kind.form) for kind in Kind)
    return "\n".join(f"{kind.label + kind.form:{width}}  {kind.does}" for kind in Kind)


def _fault(text: str) -> Fault:
    body, at, after = text.partition("@")
    name, *arguments = body.split(":")
    kind = next((kind for kind in Kind if kind.label == name), None)
    if kind is None:
        names = ", ".join(kind.label for kind in Kind)
        raise BadFault(f"'{name}' is no fault; there are {names}")
    if kind is Kind.DROP and arguments and arguments[0].isdecimal():
        after, at, arguments = arguments[0], "@", arguments[1:]
    fields = _arguments(kind, arguments)
    strikes = _whole(after, kind, 0, MAX_EVENTS) if at else kind.after
    return Fault(kind=kind, after=strikes, **fields)


def _arguments(kind: Kind, given: list[str]) -> dict[str, Any]:
    """Read the arguments of *kind* by its form: required ones first."""
    readers = READERS.get(kind, ())
    if kind is Kind.CLOSE and len(given) > len(readers):
        given = [given[0], ":".join(given[1:])]
    if len(given) > len(readers):
        raise BadFault(f"too many arguments: the form is {kind.label}{kind.form}")
    fields: dict[str, Any] = {}
    for place, (name, required, read) in enumerate(readers):
        if place < len(given) and given[place]:
            fields[name] = read(given[place], kind)
        elif required:
            raise BadFault(f"an argument is missing: the form is {kind.label}{kind.form}")
    return fields


def _whole(text: str, kind: Kind, low: int, high: int) -> int:
    if not text.isdecimal() or not low <= int(text) <= high:
        raise BadFault(f"'{text}' in {kind.label} is no whole number from {low} to {high}")
    return int(text)


def _seconds(text: str, kind: Kind) -> float:
    seconds = float(text) if SECONDS.fullmatch(text) else math.nan
    if not 0 <= seconds <= MAX_SECONDS:
        raise BadFault(f"'{text}' in {kind.label} is no number of seconds up to {MAX_SECONDS:g}")
    return seconds


def _status(text: str, kind: Kind) -> int:
    return _whole(text, kind, HTTPStatus.MULTIPLE_CHOICES, 599)


def _close_code(text: str, kind: Kind) -> int:
    code = _whole(text, kind, 1000, 4999)
    # Those that may stand in a close frame (RFC 6455, 7.4, and its registry).
    if code not in {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}:
        raise BadFault(f"'{text}' in {kind.label} may not be sent in a close frame")
    return code


def _reason(text: str, kind: Kind) -> str:
    if len(text.encode()) > REASON_BYTES:
        raise BadFault(f"the reason of {kind.label} is over {REASON_BYTES} bytes")
    return text


def _count(text: str, kind: Kind) -> int:
    return _whole(text, kind, 1, MAX_EVENTS)


def _size(text: str, kind: Kind) -> int:
    return _whole(text, kind, 1, MAX_SIZE)


def _any(text: str, kind: Kind) -> str:
    del kind
    return text


def _one_of(*words: str) -> Callable[[str, Kind], str]:
    def read(text: str, kind: Kind) -> str:
        if text not in words:
            raise BadFault(f"'{text}' in {kind.label} is none of {', '.join(words)}")
        return text

    return read


Reader = Callable[[str, Kind], int | float | str]
READERS: Final[dict[Kind, tuple[tuple[str, bool, Reader], ...]]] = {
    Kind.REFUSE: (("code", True, _status), ("seconds", False, _seconds)),
    Kind.HANDSHAKE: (("seconds", True, _seconds),),
    Kind.REJECT: (("word", True, _any), ("code", False, _close_code)),
    Kind.DELAY: (("seconds", True, _seconds),),
    Kind.FAIL: (("word", True, _any),),
    Kind.CLOSE: (("code", True, _close_code), ("word", False, _reason)),
    Kind.DROP: (("word", False, _one_of("rst", "fin")),),
    Kind.STALL: (("seconds", True, _seconds),),
    Kind.MANGLE: (("word", True, _one_of("json", "utf8", "frame")),),
    Kind.FLOOD: (("count", True, _count), ("size", True, _size)),
}
"""The arguments of each kind: field, whether it must be there, how it is read."""


@dataclass(slots=True)
class Order:
    """Faults laid down for sessions to come."""

    text: str
    faults: tuple[Fault, ...]
    sessions: int | None
    """How many sessions it is still good for; None: all."""


@dataclass(slots=True)
class FaultBook:
    """The faults laid down, for the next sessions or for all."""

    orders: list[Order] = field(default_factory=list)

    def add(self, text: str, sessions: int | None = None) -> None:
        """Lay down the faults of *text* for the next *sessions* sessions. Raises `BadFault`."""
        self.orders.append(Order(text, parse(text), sessions))

    def clear(self) -> None:
        """Take back all that was laid down."""
        self.orders.clear()

    def take(self) -> tuple[Fault, ...]:
        """Return what the next session has to suffer, and count it."""
        taken: list[Fault] = []
        for order in self.orders:
            taken += order.faults
            if order.sessions is not None:
                order.sessions -= 1
        self.orders = [order for order in self.orders if order.sessions != 0]
        return tuple(taken)


def of_kind(faults: Iterable[Fault], kind: Kind) -> Fault | None:
    """Return the first fault of *kind*."""
    return next((fault for fault in faults if fault.kind is kind), None)
