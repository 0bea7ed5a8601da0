"""How much audio a delta of the upstream's holds, told by lengths.

Rule: the base64 of a delta is never read; where its place in the message is not the usual one, it is decoded
once for its length.
"""

from typing import Final

import msgspec

from relay.core.audio import AudioFormat
from relay.core.events import UNREADABLE

_WINDOW: Final = 512
"""An audio delta's `delta` starts, and ends, within so many bytes of the message's."""
_DELTA: Final = b'"delta":"'


class _Delta(msgspec.Struct):
    delta: str = ""


_decode_delta: Final = msgspec.json.Decoder(_Delta).decode


def seconds_per_character(audio: AudioFormat) -> float:
    """Return how long one character of base64 plays: four of them hold three bytes."""
    return 3 / 4 / audio.bytes_per_second


def length_of_delta(message: memoryview) -> int:
    """Return how many characters of base64 an audio delta holds, without reading them."""
    head = bytes(message[:_WINDOW])
    start = head.find(_DELTA)
    if start >= 0:
        start += len(_DELTA)
        first = max(start, len(message) - _WINDOW)
        end = bytes(message[first:]).find(b'"')
        if end >= 0 and (first == start or end > 0):
            return first + end - start
    try:
        return len(_decode_delta(message).delta)
    except UNREADABLE:
        return 0
