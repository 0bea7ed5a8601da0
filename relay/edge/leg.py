"""One WebSocket: frames in, messages out, and what RFC 6455 asks of an endpoint that its parser does not do.

Rule: a leg decides nothing; whoever has its ear does. Only `leg`, `handoff` and `dialer` know picows.
"""

import asyncio
import contextlib
import fcntl
import logging
import sys
import termios
from collections.abc import Callable
from typing import Final, Protocol

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport
from picows.picows import WSCloseHandshake

from relay.core import assembly
from relay.core.assembly import Assembly
from relay.core.parting import NO_STATUS
from relay.core.refusals import Reason
from relay.core.words import Side

TEXT: Final = WSMsgType.TEXT
_TEXT_OPCODE: Final = assembly.TEXT
_UPSTREAM: Final = Side.UPSTREAM

WRITE_HIGH: Final = 256 * 1024
"""A write buffer this full stops the reading of the other side: four seconds of speech."""
WRITE_LOW: Final = 64 * 1024
READ_BUFFER: Final = 4096
"""What a leg reads into at first: 16 KiB cost twice the memory of an idle session at equal CPU."""
LARGEST_FRAME: Final = 1 << 40
"""What the parser is told where the plan has no cap."""
BORROWED: Final = 8 * 1024
"""picows 2.3.1 hands the memory of larger messages to a uvloop transport and then uses it again."""
HEADER_ROOM: Final = 14
"""The longest header of a frame, written before a message that is sent from its own bytearray."""
_BROKEN: Final = {1007: Reason.INVALID_TEXT, 1009: Reason.MESSAGE_TOO_BIG}


def _is_ours(record: logging.LogRecord) -> bool:
    # A frame that a stranger broke is no error of the relay's; its session tells of it.
    return not str(record.msg).startswith("WS parser error")


_log = logging.getLogger("relay.picows")
_log.setLevel(logging.ERROR)
_log.addFilter(_is_ours)
PICOWS_LOG: Final = logging.LoggerAdapter(_log)
"""An adapter, for which picows makes no logger of its own for every connection."""

_hearing: set[asyncio.Task[None]] = set()


def _hear_out(transport: WSTransport) -> None:
    """Take note of how a connection of ours broke: picows keeps it in a future; the session told of it."""

    async def wait() -> None:
        with contextlib.suppress(WSError):
            await transport.wait_disconnected()

    task = asyncio.get_running_loop().create_task(wait(), name="hear out")
    _hearing.add(task)
    task.add_done_callback(_hearing.discard)


class Ear(Protocol):
    """Whoever hears what happens on a leg."""

    def message(self, side: Side, message: memoryview, text: bool) -> None:
        """A whole message came; the view lives for the call only."""

    def heard(self, side: Side) -> None:
        """A sign of life came that is no message."""

    def pinged(self, side: Side, payload: bytes) -> None:
        """A ping came."""

    def ponged(self, side: Side) -> None:
        """A pong came, asked for or not."""

    def closed(self, side: Side, code: int, reason: str) -> None:
        """A close frame came; without a code it is `NO_STATUS`."""

    def broken(self, side: Side, reason: Reason) -> None:
        """Something came that RFC 6455 forbids."""

    def left(self, side: Side) -> None:
        """The connection is gone."""

    def congested(self, side: Side) -> None:
        """The write buffer is full."""

    def relieved(self, side: Side) -> None:
        """The write buffer has drained."""


class Leg(WSListener):
    """One socket of a pipe."""

    __slots__ = (
        "_assembly",
        "_close_sent",
        "departed",
        "ear",
        "generation",
        "side",
        "transport",
    )

    def __init__(self, side: Side, message_bytes: float, hears: Ear) -> None:
        super().__init__()
        self.side = side
        self.ear: Ear | None = hears
        """Whoever hears of it; the pipe, once there is one. None when the connection is gone."""
        self.transport: WSTransport | None = None
        self.departed: Callable[[], None] | None = None
        """Called once, when the connection is gone."""
        self.generation = 0
        self._assembly = Assembly(message_bytes)
        self._close_sent = False

    @property
    def gone(self) -> bool:
        """Whether the connection has ended, or never was."""
        return self.transport is None or self.transport.is_disconnected

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        if self.ear is None:  # whoever dialed has gone meanwhile
            transport.disconnect(graceful=False)
            return
        self.transport = transport
        transport.underlying_transport.set_write_buffer_limits(high=WRITE_HIGH, low=WRITE_LOW)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002 - picows' signature
        """A frame came. Its payload lives for this call only."""
        ear = self.ear
        if ear is None:
            return
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            ear.broken(self.side, Reason.PROTOCOL_ERROR)  # RFC 6455, 5.2: no extension was negotiated
            return
        kind: int = frame.msg_type  # type: ignore[assignment]  # at run time it is an IntEnum
        if kind == _TEXT_OPCODE and frame.fin and self._assembly.idle:
            # Nearly every frame. The parser has held it to the cap.
            ear.message(self.side, frame.get_payload_as_memoryview(), text=True)
        elif kind >= assembly.CLOSE:
            self._control(ear, frame, kind)
        else:
            self._piece(ear, frame, kind)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The connection is gone."""
        handshake: WSCloseHandshake | None = transport.close_handshake
        sent = handshake.sent if handshake is not None else None
        if sent is not None and not self._close_sent and self.ear is not None:
            # The parser found a broken frame, and has said so to the peer.
            self._close_sent = True
            self.ear.broken(self.side, _BROKEN.get(sent.code.value, Reason.PROTOCOL_ERROR))
            if self.side is _UPSTREAM:
                _hear_out(transport)
        if self.departed is not None:
            self.departed()
            self.departed = None
        self.left()

    def left(self) -> None:
        """Tell that the connection is gone, once."""
        ear, self.ear, self.transport = self.ear, None, None
        if ear is not None:
            ear.left(self.side)

    def pause_writing(self) -> None:
        """The write buffer is full."""
        if self.ear is not None:
            self.ear.congested(self.side)

    def resume_writing(self) -> None:
        """The write buffer has drained."""
        if self.ear is not None:
            self.ear.relieved(self.side)

    # --- what the pipe asks of it -----------------------------------------------------------------

    def send(self, message: memoryview | bytes, text: bool) -> None:
        """Send one message, which may be used again by its owner when this returns."""
        transport = self.transport
        if transport is None:
            return
        kind = TEXT if text else WSMsgType.BINARY
        if len(message) <= BORROWED or self.side is _UPSTREAM:
            transport.send(kind, message)
        else:
            buffer = bytearray(HEADER_ROOM)
            buffer += message
            transport.send_reuse_external_bytearray(kind, buffer, HEADER_ROOM)

    def send_reheaded(self, head: bytes, rest: memoryview) -> None:
        """Send one text message made of two parts, which may be used again when this returns."""
        if self.transport is not None:
            buffer = bytearray(HEADER_ROOM)
            buffer += head
            buffer += rest
            self.transport.send_reuse_external_bytearray(TEXT, buffer, HEADER_ROOM)

    def send_close(self, code: int, reason: bytes) -> None:
        """Send a close frame, once."""
        if self.transport is not None and not self._close_sent:
            self._close_sent = True
            self.transport.send_close(WSCloseCode(code), reason)

    def send_ping(self) -> None:
        """Ask whether the peer is there."""
        if self.transport is not None:
            self.transport.send_ping(b"")

    def send_pong(self, payload: bytes) -> None:
        """Answer a ping."""
        if self.transport is not None:
            self.transport.send_pong(payload)

    def disconnect(self, graceful: bool) -> None:
        """End the connection: once what is written is sent, or at once."""
        if self.transport is not None:
            self.transport.disconnect(graceful=graceful)

    def pause(self) -> None:
        """Stop reading."""
        if self.transport is not None:
            self.transport.underlying_transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self.transport is not None and not self.transport.is_disconnected:
            self.transport.underlying_transport.resume_reading()

    def buffered(self) -> int:
        """Return how many bytes wait to be written."""
        return self.transport.underlying_transport.get_write_buffer_size() if self.transport else 0

    def unsent(self) -> int:
        """Return `buffered` and what the kernel still holds: the peer has not acknowledged it.

        The buffer alone moves in steps of a third of SO_SNDBUF, which a slow reader takes seconds over.
        """
        if self.transport is None:
            return 0
        handle = self.transport.underlying_transport.get_extra_info("socket")
        queued = bytearray(4)
        with contextlib.suppress(OSError):
            fcntl.ioctl(handle.fileno(), termios.TIOCOUTQ, queued)
        return self.buffered() + int.from_bytes(queued, sys.byteorder)

    # --- what came --------------------------------------------------------------------------------

    def _piece(self, ear: Ear, frame: WSFrame, kind: int) -> None:
        parts = self._assembly
        message = parts.data(kind, frame.get_payload_as_memoryview(), fin=frame.fin)
        if message is None:
            ear.heard(self.side)
        elif isinstance(message, Reason):
            ear.broken(self.side, message)
        else:
            ear.message(self.side, message, text=parts.opcode == assembly.TEXT)

    def _control(self, ear: Ear, frame: WSFrame, kind: int) -> None:
        if not assembly.control_is_sound(frame.payload_size, fin=frame.fin):
            ear.broken(self.side, Reason.PROTOCOL_ERROR)
        elif kind == assembly.PING:
            ear.pinged(self.side, frame.get_payload_as_bytes())
        elif kind == assembly.PONG:
            ear.ponged(self.side)
        else:
            self._closed(ear, frame)

    def _closed(self, ear: Ear, frame: WSFrame) -> None:
        size = frame.payload_size
        code = frame.get_close_code().value if size > 1 else None
        if not assembly.close_code_is_sound(code, size):
            ear.broken(self.side, Reason.PROTOCOL_ERROR)
            return
        try:
            reason = (frame.get_close_message() or b"").decode()
        except UnicodeDecodeError:
            ear.broken(self.side, Reason.INVALID_TEXT)
            return
        ear.closed(self.side, NO_STATUS if code is None else code, reason)
