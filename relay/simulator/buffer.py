"""The input audio buffer: what was said and not yet made into an item.

The rule: positions are milliseconds of all audio the session ever sent, as in the API's events.
While turn detection is on and nobody speaks, only the prefix padding is kept.
"""

from dataclasses import dataclass
from typing import Final

from relay.simulator.audio import Encoding
from relay.simulator.conversation import decoded
from relay.simulator.errors import Json, Refused
from relay.simulator.settings import SimulatorSettings
from relay.simulator.speech import FRAME_MS, Detector, Started

COMMIT_MS: Final = 100
"""The least audio that may be committed, as the real API says in its refusal."""
SEMANTIC_THRESHOLD: Final = 0.5
SEMANTIC_PREFIX_MS: Final = 300
"""semantic_vad offers neither; these are server_vad's defaults."""


def appended(encoded: str, limit: int) -> bytes:
    """Return the audio of one append, base64, of at most *limit* bytes. Raises `Refused`."""
    # Three bytes in four characters, less the padding: within two bytes, which the limit forgives.
    if len(encoded) // 4 * 3 > limit + 2:
        raise Refused(
            "string_above_max_length",
            f"Invalid 'audio': string too long. Expected at most {limit} bytes of audio.",
            "audio",
        )
    return decoded(encoded, "audio")


@dataclass(frozen=True, slots=True)
class TurnBegan:
    """Speech began: *audio_start_ms* includes the padding before it."""

    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """Speech ended: *audio* is the turn, padding and final silence included."""

    audio_end_ms: int
    audio: bytes


Turn = TurnBegan | TurnEnded


class InputBuffer:
    """Audio of one session on its way to becoming items."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings
        self._data = bytearray()
        self._begin_ms = 0.0
        self._encoding = Encoding.PCM
        self._detection: Json | None = None
        self._detector: Detector | None = None
        self._prefix_ms = 0

    @property
    def speaking(self) -> bool:
        """Say whether a turn is open."""
        return self._detector is not None and self._detector.speaking

    @property
    def end_ms(self) -> int:
        """Return how much audio came in so far."""
        return round(self._begin_ms + self._length_ms())

    def configure(self, encoding: Encoding, detection: Json | None) -> None:
        """Take the session's format and turn detection. A change begins with an empty buffer."""
        if encoding is not self._encoding:
            self.clear()
            self._encoding = encoding
            self._detection = None
        if detection == self._detection and (self._detector is None) == (detection is None):
            return
        self._detection = detection
        if detection is None:
            self._detector = None
            return
        if detection["type"] == "server_vad":
            threshold = detection["threshold"]
            silence_ms = detection["silence_duration_ms"]
            self._prefix_ms = detection["prefix_padding_ms"]
        else:
            threshold, self._prefix_ms = SEMANTIC_THRESHOLD, SEMANTIC_PREFIX_MS
            silence_ms = getattr(self._settings.eagerness_ms, detection["eagerness"])
        self._detector = Detector(encoding, threshold, silence_ms, self.end_ms)

    def append(self, audio: bytes) -> list[Turn]:
        """Take more audio and return the turns that began and ended in it, in order."""
        if len(self._data) + len(audio) > self._settings.buffer_bytes:
            raise Refused(
                "invalid_value",
                f"The input audio buffer is full: it holds {self._settings.buffer_bytes} bytes.",
                "audio",
            )
        self._data += audio
        if self._detector is None:
            return []
        turns: list[Turn] = []
        for mark in self._detector.hear(audio):
            if isinstance(mark, Started):
                self._drop_before(mark.at_ms - self._prefix_ms)
                turns.append(TurnBegan(round(self._begin_ms)))
            else:
                turns.append(TurnEnded(mark.at_ms, self._take_until(mark.at_ms)))
        if not self._detector.speaking:
            # Speech that is just beginning is seen a frame late, and more while a frame is partial.
            self._drop_before(self.end_ms - self._prefix_ms - 3 * FRAME_MS)
        return turns

    def commit(self) -> bytes:
        """Take all of it, or refuse if there is too little to be a turn."""
        length = self._length_ms()
        if length < COMMIT_MS:
            raise Refused(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{COMMIT_MS}ms of audio, but buffer only has {length:.2f}ms of audio.",
            )
        audio = bytes(self._data)
        self.clear()
        return audio

    def clear(self) -> None:
        """Forget all of it; the time it took stays counted, and an open turn is over."""
        self._begin_ms += self._length_ms()
        self._data.clear()
        detection, self._detection, self._detector = self._detection, None, None
        self.configure(self._encoding, detection)

    def _length_ms(self) -> float:
        return self._encoding.seconds(len(self._data)) * 1000

    def _take_until(self, at_ms: float) -> bytes:
        size = self._encoding.size(at_ms - self._begin_ms)
        taken = bytes(self._data[:size])
        del self._data[:size]
        self._begin_ms += self._encoding.seconds(len(taken)) * 1000
        return taken

    def _drop_before(self, at_ms: float) -> None:
        if at_ms > self._begin_ms:
            self._take_until(at_ms)
