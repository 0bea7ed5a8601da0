"""Audio formats, and how long a piece of base64 plays.

Rule: sizes are worked out from lengths; no audio is decoded here, or anywhere on the frame's way.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final


class AudioFormat(Enum):
    """What the API takes and gives over a WebSocket. A row: the wire's name · bytes a second."""

    PCM = ("audio/pcm", 48_000)
    """16-bit little-endian mono at 24 kHz, the only rate there is."""
    PCMU = ("audio/pcmu", 8_000)
    PCMA = ("audio/pcma", 8_000)

    def __init__(self, wire: str, bytes_per_second: int) -> None:
        self.wire = wire
        self.bytes_per_second = bytes_per_second


_BY_NAME: Final[Mapping[str, AudioFormat]] = {
    **{fmt.wire: fmt for fmt in AudioFormat},
    "pcm16": AudioFormat.PCM,
    "g711_ulaw": AudioFormat.PCMU,
    "g711_alaw": AudioFormat.PCMA,
}
"""The last three are the beta's names, which a beta upstream or Azure preview still says."""


def format_named(value: Any) -> AudioFormat | None:  # noqa: ANN401 - whatever a session object holds
    """Read a session's `format`: `{"type": "audio/pcm", "rate": 24000}` or a bare name."""
    name = value.get("type") if isinstance(value, dict) else value
    return _BY_NAME.get(name) if isinstance(name, str) else None


def decoded_bytes(length: int, padding: int = 0) -> int:
    """Return how many bytes *length* characters of base64 hold, *padding* of which are `=`.

    White space, stray characters and needless padding only make the figure larger, so a limit cannot be
    slipped under.
    """
    return (length - padding) * 3 // 4


def padding_of(tail: bytes) -> int:
    """Return how many `=` end *tail*, two at most: the last bytes of the base64."""
    return 2 if tail.endswith(b"==") else 1 if tail.endswith(b"=") else 0
