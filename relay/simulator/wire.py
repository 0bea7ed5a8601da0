"""The socket of one session: the upgrade, frames in and out, pings, and the ways of going away.

The rule: no task and no await. What arrives is put to the `Driver`, which decides; this module
carries out. A muted wire writes nothing at all, whoever asks.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from typing import Final, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from relay.simulator.driver import Driver
from relay.simulator.lobby import Lobby
from relay.simulator.upgrade import Accept, Refuse, judge, select_subprotocol

MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""Past it: close 1009. The largest event allowed, 15 MiB of audio in base64, is 20 MiB."""
CLOSE_SECONDS: Final = 2.0
"""How long the peer's close frame is waited for."""
RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: closing sends RST."""
NO_STATUS: Final = 1005


class Wire(asyncio.Protocol):
    """One WebSocket connection. uvicorn makes it when it sees an upgrade."""

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby
        self._loop = asyncio.get_running_loop()
        self._conn = ServerProtocol(select_subprotocol=select_subprotocol, max_size=MESSAGE_BYTES)
        self._transport: asyncio.Transport
        self._driver: Driver | None = None
        self._timers: dict[str, asyncio.Handle] = {}
        self._parts: list[bytes] = []
        self._parts_are_text = True
        self.record, self.dice = lobby.register()
        self._lingering = self._ended = False
        self.congested = False
        """The write buffer is full."""
        self.muted = False
        """Nothing is written any more."""

    # --- asyncio.Protocol
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the transport, on which the upgrade request was read."""
        transport = cast("asyncio.Transport", transport)  # uvloop's are of no common class
        self._transport = transport
        self._lobby.live.add(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the peer."""
        self._conn.receive_data(data)
        for event in self._conn.events_received():
            if isinstance(event, Request):
                self._requested(event)
            elif isinstance(event, Frame):
                self._framed(event)
        # Answers of the protocol itself: pongs, the echo of a close, the close of a violation.
        self._flush()
        if self._conn.close_expected():
            self._linger()

    def eof_received(self) -> bool:
        """Take note that the peer will send no more, and close."""
        self._conn.receive_eof()
        self._flush()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the connection is gone, however it went."""
        del exc
        self._lobby.live.discard(self)
        for timer in self._timers.values():
            timer.cancel()
        if self._driver is not None:
            self._driver.stop()
        self.record.over(self._lobby.wall())

    def pause_writing(self) -> None:
        """The peer takes less than it is sent."""
        self.congested = True

    def resume_writing(self) -> None:
        """The peer took what was waiting."""
        self.congested = False
        if self._driver is not None:
            self._driver.pump()

    # --- the upgrade
    def _requested(self, request: Request) -> None:
        verdict = judge(request, self._lobby, self.record)
        if isinstance(verdict, Refuse):
            self._answer(verdict.response)
            self._transport.close()
            return
        # Not at once even where there is no wait: this is called while the transport still belongs
        # to the HTTP protocol, which would be told in our place when the write buffer is full.
        self._after("accept", verdict.wait, lambda: self._accept(request, verdict))

    def _accept(self, request: Request, verdict: Accept) -> None:
        response = self._conn.accept(request)
        self._answer(response)
        if self._conn.state is not State.OPEN:
            self._transport.close()
            return
        self.record.open = True
        self._driver = Driver(self, self._lobby, self.dice, verdict)
        self._driver.start()
        if interval := self._lobby.settings.ping_interval_seconds:
            self._after("ping", interval, self._ping)

    def _answer(self, response: Response) -> None:
        self.record.status = response.status_code
        self._conn.send_response(response)
        self._flush()

    # --- frames in
    def _framed(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY:
                self._parts_are_text = frame.opcode is Opcode.TEXT
                self._part(frame)
            case Opcode.CONT:
                self._part(frame)
            case Opcode.PING:
                self.record.pings_received += 1
            case Opcode.PONG:
                self.record.pongs_received += 1
            case _:
                received = self._conn.close_rcvd
                self.record.close_code = received.code if received is not None else NO_STATUS
                self.record.close_reason = received.reason if received is not None else ""

    def _part(self, frame: Frame) -> None:
        """Collect a message; fragments become one."""
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        message = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        if self._driver is None:
            return
        self.record.message_received(message)
        if self._parts_are_text:
            try:
                message.decode()
            except UnicodeDecodeError:
                self._conn.fail(1007, "invalid UTF-8")
                return
        self._driver.received(message, text=self._parts_are_text)

    # --- frames out
    def send_text(self, payload: bytes) -> None:
        """Send one text message."""
        if self._conn.state is State.OPEN:
            self.record.sent_bytes += len(payload)
            self._conn.send_text(payload)
            self._flush()

    def send_raw(self, data: bytes) -> None:
        """Write bytes past the protocol: what no honest server sends."""
        if not self.muted:
            self._transport.write(data)

    def send_close(self, code: int, reason: str) -> None:
        """Begin the closing handshake."""
        if self._conn.state is State.OPEN:
            self._conn.send_close(code, reason)
            self._flush()
            self._linger()

    def inject(self, payload: bytes) -> None:
        """Send *payload* as a text message, past the engine and the faults."""
        self.send_text(payload)

    def hang_up(self) -> None:
        """Send what is written, then FIN; no close frame."""
        self._transport.close()

    def cut(self, *, reset: bool = True) -> None:
        """Drop the connection at once; *reset*: with RST."""
        if reset:
            self._set_linger()
        self._transport.abort()

    def read(self, *, on: bool) -> None:
        """Read from the peer, or stop doing so."""
        if self._transport.is_closing():
            return
        if on:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _flush(self) -> None:
        pending = self._conn.data_to_send()
        if self.muted or self._transport.is_closing():
            return
        # An empty piece is the protocol's wish to send FIN; `_linger` sees to that.
        if data := b"".join(pending):
            self._transport.write(data)

    def _ping(self) -> None:
        if self._conn.state is State.OPEN:
            self.record.pings_sent += 1
            self._conn.send_ping(self.dice.randbytes(4))
            self._flush()
            self._after("ping", self._lobby.settings.ping_interval_seconds, self._ping)

    def _linger(self) -> None:
        """End TCP once nothing is left to say, and wait a while for the peer to do so too.

        Closing at once would reset the connection where bytes are unread, and lose the close frame.
        """
        if self.muted or self._transport.is_closing():
            return
        if self._conn.eof_sent and not self._ended:
            self._ended = True
            if self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                self._transport.close()
        if not self._lingering:
            self._lingering = True
            self._after("abort", CLOSE_SECONDS, self._transport.abort)

    def _set_linger(self) -> None:
        found = self._transport.get_extra_info("socket")
        if found is None:
            return
        # uvloop lends an object that cannot be set: a duplicate descriptor sets the same socket.
        with socket.socket(fileno=os.dup(found.fileno())) as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    def _after(self, what: str, seconds: float, action: Callable[[], None]) -> None:
        """Do *action* later, once for each *what*; not after the connection is lost."""
        self._timers[what] = self._loop.call_later(seconds, action)
