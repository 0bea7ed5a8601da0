"""Where speech begins and ends in a stream of audio, judged by how loud it is.

The rule: time is the audio's own. A detector knows no clock: a second of audio is a second, whether
it came in a second or in a burst.
"""

from dataclasses import dataclass
from typing import Final

from relay.simulator.audio import Encoding, samples

FRAME_MS: Final = 20
"""What one judgement is about; the usual grain of voice detectors."""
ONSET_FRAMES: Final = 2
"""Loud frames in a row that make speech, so that a click does not."""
STRIDE: Final = 4
"""One sample of four is looked at: loudness needs no more, and a session costs a quarter."""


def level(threshold: float) -> float:
    """Return the mean absolute sample that counts as speech.

    The real detector is a model and its threshold a likelihood; here 0 stands for -60 dB of full
    scale, 0.5 for -40 dB (a quiet voice) and 1 for -20 dB.
    """
    decibel = -60 + 40 * threshold
    return float(32768 * 10 ** (decibel / 20))


@dataclass(frozen=True, slots=True)
class Started:
    """Speech began *at_ms*, in the audio's time."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """Speech ended: *at_ms* is the end of the silence that proved it."""

    at_ms: int


Mark = Started | Stopped


class Detector:
    """Listens to one stream of audio."""

    def __init__(self, encoding: Encoding, threshold: float, silence_ms: int, begin_ms: int = 0) -> None:
        self._encoding = encoding
        self._level = level(threshold)
        self._silence_ms = max(silence_ms, FRAME_MS)
        self._frame_bytes = encoding.size(FRAME_MS)
        self._rest = b""
        self._now_ms = begin_ms
        self._loud_frames = 0
        self._last_loud_ms = begin_ms
        self.speaking = False

    def hear(self, data: bytes) -> list[Mark]:
        """Take more audio and return what changed, in order."""
        marks: list[Mark] = []
        data = self._rest + data if self._rest else data
        size = self._frame_bytes
        whole = len(data) - len(data) % size
        for offset in range(0, whole, size):
            self._frame(data[offset : offset + size], marks)
        self._rest = data[whole:]
        return marks

    def _frame(self, frame: bytes, marks: list[Mark]) -> None:
        begin_ms = self._now_ms
        self._now_ms += FRAME_MS
        looked_at = samples(frame, self._encoding)[::STRIDE]
        if sum(map(abs, looked_at)) >= self._level * len(looked_at):
            self._loud_frames += 1
            self._last_loud_ms = self._now_ms
            if not self.speaking and self._loud_frames >= ONSET_FRAMES:
                self.speaking = True
                marks.append(Started(begin_ms - (ONSET_FRAMES - 1) * FRAME_MS))
            return
        self._loud_frames = 0
        if self.speaking and self._now_ms - self._last_loud_ms >= self._silence_ms:
            self.speaking = False
            marks.append(Stopped(self._now_ms))
