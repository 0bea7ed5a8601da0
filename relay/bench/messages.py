"""The traffic: Realtime events of an exact size, each one distinct, each one known in advance.

A message is a pure function of its direction, size, session and number. Whoever receives one builds it
again and compares: a byte changed, lost, repeated or out of order cannot pass. Audio is base64 of whole
PCM16 samples, so that a relay which reads what it carries finds nothing to object to.
"""

import base64
import hashlib
from enum import Enum
from typing import Final

import msgspec


class Direction(Enum):
    """Which way a message travels."""

    UP = "up"
    DOWN = "down"


SESSION_DIGITS: Final = 6
NUMBER_DIGITS: Final = 10
"""Together 16 base64 letters, 12 bytes: the audio stays whole samples."""

AUDIO_STEP: Final = 8
"""Base64 letters to three PCM16 samples: the smallest run that is whole in both."""

POOL_SPAN: Final = 1 << 16
"""How far a message's window may slide over the pool of audio: neighbours differ in every byte."""

STRIDE_SESSION: Final = 7_919
STRIDE_NUMBER: Final = 104_729
"""Primes, so that the windows of sessions and numbers fall together as late as they can."""

_HEADS: Final = {
    Direction.UP: (b'{"type":"input_audio_buffer.append","event_id":"event_', b'","audio":"'),
    Direction.DOWN: (
        b'{"type":"response.output_audio.delta","event_id":"event_',
        b'","response_id":"resp_1","item_id":"item_1","output_index":0,"content_index":0,"delta":"',
    ),
}
_TAIL: Final = b'"}'

_RENAMED: Final = (b'"response.output_audio.delta"', b'"response.audio.delta"')
"""The one event here that has another name in the beta protocol."""

SMALLEST: Final = 192
"""Bytes of the smallest message: the longer head, the numbers, and some audio."""

MODEL: Final = "gpt-realtime"
"""The model every session asks for, and the upstream says it serves."""

_SESSION: Final[dict[str, object]] = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_1",
    "model": MODEL,
    "output_modalities": ["audio"],
    "instructions": "",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "prompt": None,
    "expires_at": 4_102_444_800,
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24_000},
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": None,
        },
        "output": {
            "format": {"type": "audio/pcm", "rate": 24_000},
            "voice": "marin",
            "speed": 1.0,
        },
    },
    "include": None,
}
SESSION_CREATED: Final = msgspec.json.encode(
    {"type": "session.created", "event_id": "event_1", "session": _SESSION}
)
"""The upstream's first event, without which no client of the API believes that it is connected."""

SESSION_UPDATED: Final = msgspec.json.encode(
    {"type": "session.updated", "event_id": "event_2", "session": _SESSION}
)
"""What the upstream answers to a relay that presets a session; a client is never told."""


def _audio(letters: int) -> bytes:
    """Return *letters* of base64 that look like noise and are the same on every run."""
    return base64.b64encode(hashlib.shake_256(b"audio").digest(letters * 3 // 4 + 3))[:letters]


class Messages:
    """Every message of one *direction* and one *size* in bytes.

    With *beta* they are as a beta client knows them: the same, but for the name in the head and its length.
    Raises ValueError for a size under `SMALLEST`.
    """

    def __init__(self, direction: Direction, size: int, *, beta: bool = False) -> None:
        if size < SMALLEST:
            raise ValueError(f"a message of {size} bytes is too small: at least {SMALLEST}")
        self.size = size
        before, after = _HEADS[direction]
        letters = size - len(before) - len(after) - len(_TAIL)
        pad = letters % AUDIO_STEP
        self._head = before + b"0" * pad + after
        if beta:
            self._head = self._head.replace(*_RENAMED)
        self._filler = letters - pad - SESSION_DIGITS - NUMBER_DIGITS
        self._pool = memoryview(_audio(self._filler + POOL_SPAN))

    def build(self, session: int, number: int) -> bytes:
        """Return message *number* of *session*: exactly `size` bytes of JSON, or less by what beta saves."""
        start = (session * STRIDE_SESSION + number * STRIDE_NUMBER) % POOL_SPAN
        return b"".join(
            (
                self._head,
                b"%06d%010d" % (session, number),
                self._pool[start : start + self._filler],
                _TAIL,
            )
        )


class _Typed(msgspec.Struct):
    type: str


_typed = msgspec.json.Decoder(_Typed)


def type_of(payload: bytes) -> str:
    """Return the type of an event; empty if it is none."""
    try:
        return _typed.decode(payload).type
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


class _Append(msgspec.Struct):
    audio: str


_append = msgspec.json.Decoder(_Append)

_greetings: Final = Messages(Direction.UP, SMALLEST)


def greeting(session: int) -> bytes:
    """Return the first message of a client: by it the upstream's end learns whose it is."""
    return _greetings.build(session, 0)


def session_of(payload: bytes) -> int:
    """Read the session out of a `greeting`. Raises ValueError if it is none."""
    session = int(_append.decode(payload).audio[:SESSION_DIGITS])
    if payload != greeting(session):
        raise ValueError("the first message did not arrive as it was sent")
    return session
