"""Frames into messages: fragments joined, and what RFC 6455 forbids told apart.

The parser below hands frames over as they come; it checks masks and lengths, not what frames make together.

Rule: one message in assembly at a time, never larger than the cap; a whole message in one frame is not copied.
"""

from typing import Final

from relay.core.refusals import Reason

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
MAX_CONTROL: Final = 125
"""RFC 6455, 5.5."""
MAX_FRAGMENTS: Final = 1024
"""Of one message, beyond one for every `SMALL` bytes: more is a flood of tiny or empty frames."""
SMALL: Final = 64
"""Bytes of the smallest fragments that a conforming peer may be expected to send (Autobahn's 9.3.1)."""


class Assembly:
    """One direction's message in the making."""

    __slots__ = ("_cap", "_fragments", "_parts", "idle", "opcode")

    def __init__(self, cap: float) -> None:
        self._cap = cap
        self._parts: bytearray | None = None
        self._fragments = 0
        self.idle = True
        """Whether no message is in the making; asked for every frame."""
        self.opcode = TEXT
        """Of the message last returned: `TEXT` or `BINARY`."""

    def data(self, opcode: int, payload: memoryview, fin: bool) -> memoryview | Reason | None:
        """Take a data frame. Return the whole message, None while there is more to come, or what is wrong.

        The view is *payload* itself where the message is one frame, and then lives as long as that does.
        """
        parts = self._parts
        if opcode != CONTINUATION:
            if parts is not None:
                return Reason.PROTOCOL_ERROR  # 5.4: a message's fragments are not interleaved
            if len(payload) > self._cap:
                return Reason.MESSAGE_TOO_BIG
            self.opcode = opcode
            if fin:
                return payload
            self._parts, self._fragments, self.idle = bytearray(payload), 1, False
            return None
        if parts is None:
            return Reason.PROTOCOL_ERROR  # 5.4: nothing to continue
        self._fragments += 1
        if len(parts) + len(payload) > self._cap or self._flooded(parts):
            return Reason.MESSAGE_TOO_BIG
        parts += payload
        if not fin:
            return None
        self._parts, self.idle = None, True
        return memoryview(parts)

    def _flooded(self, parts: bytearray) -> bool:
        return self._fragments > MAX_FRAGMENTS + len(parts) // SMALL


def control_is_sound(payload_size: int, fin: bool) -> bool:
    """Tell whether a control frame is whole and short enough (RFC 6455, 5.5)."""
    return fin and payload_size <= MAX_CONTROL


def close_code_is_sound(code: int | None, payload_size: int) -> bool:
    """Tell whether a close frame may carry what it carries (RFC 6455, 5.5.1 and 7.4)."""
    if payload_size == 0:
        return True
    if payload_size == 1 or code is None:
        return False
    return code in _DEFINED or _APPLICATION[0] <= code <= _APPLICATION[1]


_DEFINED: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
_APPLICATION: Final = (3000, 4999)
