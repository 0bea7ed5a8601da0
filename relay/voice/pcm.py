"""The one form in which sound is held here: 24 kHz, mono, signed 16-bit little-endian, as bytes.

Rule: other forms exist in `relay.voice.wav` and here, on their way in, and nowhere else.
"""

import sys
from array import array
from itertools import accumulate
from typing import Final

from relay.core.words import Seconds

RATE: Final = 24_000
"""Samples a second: the only linear rate that the Realtime API takes."""
SAMPLE_BYTES: Final = 2
BYTES_PER_SECOND: Final = RATE * SAMPLE_BYTES

LOUDEST, QUIETEST = 32_767, -32_768
AUDIBLE: Final = 328
"""-40 dBFS: below it is the noise of a quiet room, well above it the faintest end of a spoken word."""
_STEP: Final = RATE // 100
"""10 ms: as finely as the end of speech is told."""


def seconds(pcm: bytes | bytearray) -> Seconds:
    """Return how long *pcm* lasts."""
    return len(pcm) / BYTES_PER_SECOND


def silence(duration: Seconds) -> bytes:
    """Return *duration* of silence, to the sample."""
    return bytes(round(duration * RATE) * SAMPLE_BYTES)


def samples(pcm: bytes) -> "array[int]":
    """Return *pcm* as numbers; a last odd byte is no sample and is left out."""
    numbers = array("h", pcm[: len(pcm) // SAMPLE_BYTES * SAMPLE_BYTES])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def from_samples(numbers: "array[int]") -> bytes:
    """Return *numbers* as they go over the wire."""
    if sys.byteorder == "big":
        numbers = array("h", numbers)
        numbers.byteswap()
    return numbers.tobytes()


def mono(numbers: "array[int]", channels: int) -> "array[int]":
    """Return the mean of interleaved *channels*; a last incomplete frame is left out."""
    if channels == 1:
        return numbers
    whole = len(numbers) // channels * channels
    tracks = (numbers[channel:whole:channels] for channel in range(channels))
    return array("h", (sum(frame) // channels for frame in zip(*tracks, strict=True)))


def resampled(numbers: "array[int]", rate: int) -> "array[int]":
    """Return sound of *rate* samples a second at `RATE`, its length in seconds kept, to the whole sample.

    Going up, a straight line is drawn between neighbours. Going down, each new sample is the mean over
    the time it stands for, so that what is too high to be kept is dampened and does not come back as a
    tone of its own. Neither is a studio's filter: it is good enough for speech, and needs no library.
    """
    if rate == RATE or not numbers:
        return numbers
    count = len(numbers) * RATE // rate
    return _averaged(numbers, rate, count) if rate > RATE else _interpolated(numbers, rate, count)


def _interpolated(numbers: "array[int]", rate: int, count: int) -> "array[int]":
    last = len(numbers) - 1
    made = array("h")
    for index in range(count):
        whole, part = divmod(index * rate, RATE)
        here, there = numbers[whole], numbers[min(whole + 1, last)]
        made.append(here + (there - here) * part // RATE)
    return made


def _averaged(numbers: "array[int]", rate: int, count: int) -> "array[int]":
    # sums[i] is the area under the first i samples; between two it grows along a straight line.
    # All of it is in whole numbers, scaled by RATE, so that no error adds up over a long recording.
    sums = array("q", accumulate(numbers, initial=0))
    made = array("h")
    before = 0
    for index in range(1, count + 1):
        whole, part = divmod(index * rate, RATE)
        area = sums[whole] * RATE + (numbers[whole] * part if part else 0)
        made.append((area - before) // rate)
        before = area
    return made


def end_of_sound(pcm: bytes) -> Seconds:
    """Return when the last audible thing in *pcm* is over; 0.0 where nothing is audible."""
    numbers = samples(pcm)
    for end in range(len(numbers), 0, -_STEP):
        step = numbers[max(0, end - _STEP) : end]
        if max(step) >= AUDIBLE or min(step) <= -AUDIBLE:
            return end / RATE
    return 0.0
