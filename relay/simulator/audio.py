"""The three audio formats of the API, and the way from one to another.

The rule: every figure about a format (name, rate, width) is read from `Encoding`, nowhere else.
All audio is mono. Samples are signed 16 bit integers in `array("h")`.
"""

import math
import sys
from array import array
from enum import Enum
from functools import cache
from typing import Any, Final, assert_never

from relay.simulator import g711

TONE_HZ: Final = 440
TONE_PEAK: Final = 6000
"""About -15 dBFS: clearly heard, and clearly speech to a detector of energy."""


class Encoding(Enum):
    """What audio on the wire is made of."""

    PCM = ("audio/pcm", 24_000, 2)
    PCMU = ("audio/pcmu", 8_000, 1)
    PCMA = ("audio/pcma", 8_000, 1)

    def __init__(self, mime: str, rate: int, width: int) -> None:
        self.mime = mime
        self.rate = rate
        self.width = width
        self.bytes_per_second = rate * width

    @classmethod
    def of(cls, declared: dict[str, Any]) -> "Encoding":
        """Return the encoding of a checked `format` object."""
        return next(encoding for encoding in cls if encoding.mime == declared["type"])

    def declared(self) -> dict[str, Any]:
        """Return the `format` object that names this encoding."""
        return {"type": self.mime, "rate": self.rate} if self is Encoding.PCM else {"type": self.mime}

    def seconds(self, size: int) -> float:
        """Return how long *size* bytes play."""
        return size / self.bytes_per_second

    def size(self, milliseconds: float) -> int:
        """Return how many bytes, in whole samples, play for *milliseconds*."""
        return round(milliseconds * self.rate / 1000) * self.width


def samples(data: bytes, encoding: Encoding) -> "array[int]":
    """Return the samples of *data* at the encoding's own rate. An odd last byte of PCM is left out."""
    match encoding:
        case Encoding.PCM:
            out = array("h", data[: len(data) & ~1])
            if sys.byteorder == "big":
                out.byteswap()
            return out
        case Encoding.PCMU:
            return g711.decode(data, g711.MU_LAW)
        case Encoding.PCMA:
            return g711.decode(data, g711.A_LAW)
        case _:
            assert_never(encoding)


def encode(linear: "array[int]", encoding: Encoding) -> bytes:
    """Return *linear*, samples at the encoding's own rate, as bytes of that encoding."""
    match encoding:
        case Encoding.PCM:
            if sys.byteorder == "big":
                linear = linear[:]
                linear.byteswap()
            return linear.tobytes()
        case Encoding.PCMU:
            return g711.encode(linear, g711.MU_LAW)
        case Encoding.PCMA:
            return g711.encode(linear, g711.A_LAW)
        case _:
            assert_never(encoding)


def transcode(data: bytes, source: Encoding, target: Encoding) -> bytes:
    """Return *data* in *target*. The same encoding gives the same bytes, untouched."""
    if source is target:
        return data
    linear = samples(data, source)
    if source.rate > target.rate:
        linear = _down(linear, source.rate // target.rate)
    elif source.rate < target.rate:
        linear = _up(linear, target.rate // source.rate)
    return encode(linear, target)


def _down(linear: "array[int]", ratio: int) -> "array[int]":
    """Average each *ratio* samples into one: a crude low-pass, enough for a telephone band."""
    whole = len(linear) - len(linear) % ratio
    lanes = [linear[lane:whole:ratio] for lane in range(ratio)]
    return array("h", [sum(group) // ratio for group in zip(*lanes, strict=True)])


def _up(linear: "array[int]", ratio: int) -> "array[int]":
    """Draw a straight line of *ratio* samples from each sample to the next."""
    out = array("h", bytes(2 * ratio * len(linear)))
    following = linear[1:] + linear[-1:]
    for step in range(ratio):
        out[step::ratio] = array(
            "h",
            [a + (b - a) * step // ratio for a, b in zip(linear, following, strict=True)],
        )
    return out


@cache
def tone(milliseconds: int, encoding: Encoding) -> bytes:
    """Return a sine of 440 Hz: the voice of an answer to somebody who was not heard."""
    count = encoding.rate * milliseconds // 1000
    turn = 2 * math.pi * TONE_HZ / encoding.rate
    wave = array("h", [int(TONE_PEAK * math.sin(turn * index)) for index in range(count)])
    return encode(wave, encoding)
