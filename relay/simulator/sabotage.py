"""The faults of one session at work: what they do to its wire, and when.

The rule: a fault strikes once, after its number of events; what it leaves behind is a flag that the
driver reads (`silent`, `held`, `deaf`, `closing`), never a second path of sending.
"""

import asyncio
import base64
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from relay.simulator.faults import Fault, Kind, of_kind
from relay.simulator.records import SessionRecord

BURST: Final = 256
"""Events of a flood sent before other sessions get a turn."""
FLOOD_TYPE: Final = "response.output_audio.delta"
FROM_THE_START: Final = frozenset({Kind.REFUSE, Kind.HANDSHAKE, Kind.REJECT, Kind.DELAY, Kind.FAIL})
"""Faults that belong to the whole session and wait for no events."""


class Outlet(Protocol):
    """The wire, as a session uses it."""

    record: SessionRecord
    congested: bool
    muted: bool

    def send_text(self, payload: bytes) -> None:
        """Send one text message."""

    def send_raw(self, data: bytes) -> None:
        """Write bytes past the protocol."""

    def send_close(self, code: int, reason: str) -> None:
        """Begin the closing handshake."""

    def hang_up(self) -> None:
        """Send what is written, then FIN."""

    def cut(self, *, reset: bool = True) -> None:
        """Drop the connection at once."""

    def read(self, *, on: bool) -> None:
        """Read from the peer, or stop doing so."""


class Sabotage:
    """Watches one session's events go by, and strikes."""

    def __init__(self, wire: Outlet, faults: tuple[Fault, ...], go_on: Callable[[], None]) -> None:
        """Begin to watch. *go_on* is called when a stall or a pause of a flood is over."""
        self._wire = wire
        self._go_on = go_on
        self._loop = asyncio.get_running_loop()
        self._armed = [fault for fault in faults if fault.kind not in FROM_THE_START]
        self._sent = 0
        self._mangle = ""
        self._flood: Fault | None = None
        self._flooded = 0
        self._timer: asyncio.Handle | None = None
        delay = of_kind(faults, Kind.DELAY)
        self.delay = delay.seconds if delay is not None else 0.0
        """Seconds that every event waits."""
        self.silent = False
        """Events are made and not sent."""
        self.held = False
        """Nothing is made or sent."""
        self.deaf = False
        """Nothing is read any more."""
        self.closing: tuple[int, str] | None = None
        """The code and reason to close with."""

    @property
    def flooding(self) -> bool:
        """Say whether `pour` has something to send."""
        return self._flood is not None

    def stop(self) -> None:
        """Let nothing happen any more: the connection is gone."""
        self._flood = None
        if self._timer is not None:
            self._timer.cancel()

    def send(self, payload: bytes) -> None:
        """Send an event, or what is left of it, and strike if it was the one waited for."""
        how, self._mangle = self._mangle, ""
        half = payload[: len(payload) // 2]
        match how:
            case "json":
                self._wire.send_text(half)
            case "utf8":
                self._wire.send_text(half + b"\xff\xfe")
            case "frame":
                # A text frame's header with a 64 bit length, half of that, and the end.
                self._wire.send_raw(b"\x81\x7f" + len(payload).to_bytes(8, "big") + half)
                self._end(self._wire.hang_up)
            case _:
                self._wire.send_text(payload)
        self._sent += 1
        self.strike()

    def strike(self) -> None:
        """Let those faults strike whose number of events is reached."""
        if not self._armed:
            return
        ready = [fault for fault in self._armed if fault.after <= self._sent]
        self._armed = [fault for fault in self._armed if fault.after > self._sent]
        for fault in ready:
            self._suffer(fault)

    def _suffer(self, fault: Fault) -> None:
        match fault.kind:
            case Kind.SILENT:
                self.silent = True
            case Kind.CLOSE:
                self.closing = (fault.code, fault.word)
            case Kind.DEAF:
                self.deaf = True
            case Kind.MANGLE:
                self._mangle = fault.word
            case Kind.FLOOD:
                self._flood = fault
            case _:
                self._strike_wire(fault)

    def _strike_wire(self, fault: Fault) -> None:
        match fault.kind:
            case Kind.DROP:
                self._end(self._wire.hang_up if fault.word == "fin" else self._wire.cut)
            case Kind.MUTE:
                self._wire.muted = True
            case Kind.VANISH:
                self._wire.muted = self.held = True
                self._wire.read(on=False)
            case Kind.STALL:
                self.held = True
                self._wire.read(on=False)
                self._timer = self._loop.call_later(fault.seconds, self._wake)
            case _:
                raise AssertionError(fault.kind)

    def _end(self, how: Callable[[], None]) -> None:
        self.held = True
        how()

    def _wake(self) -> None:
        self.held = False
        self._wire.read(on=True)
        self._go_on()

    def pour(self) -> None:
        """Send a part of a flood: every event numbered, none like another."""
        assert self._flood is not None
        for _ in range(BURST):
            if self._wire.congested:
                return
            self._wire.record.sent[FLOOD_TYPE] += 1
            self._wire.send_text(flood_event(self._flooded, self._flood.size))
            self._flooded += 1
            if self._flooded >= self._flood.count:
                self._flood = None
                return
        self._timer = self._loop.call_soon(self._go_on)


def flood_event(number: int, size: int) -> bytes:
    """Return event *number* of a flood: *size* bytes of JSON, or as few as such an event can have."""
    event = {
        "type": FLOOD_TYPE,
        "event_id": f"event_flood{number:010}",
        "response_id": "resp_flood",
        "item_id": "item_flood",
        "output_index": 0,
        "content_index": 0,
        "delta": "",
    }
    room = max(size - len(msgspec.json.encode(event)), 0)
    grain = base64.b64encode(number.to_bytes(6, "big")).decode()
    # Base64 comes in fours: what is left over goes into the name.
    event["delta"] = (grain * (room // len(grain) + 1))[: room // 4 * 4]
    event["event_id"] = f"{event['event_id']}{'x' * (room % 4)}"
    return msgspec.json.encode(event)
