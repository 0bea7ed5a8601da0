"""WAV files: read into the form of `relay.voice.pcm`, and written from it.

Rule: a file that cannot be read exactly is refused, with the line that makes a readable one of it;
what is read is the file's sound, and never a guess at it.
"""

import struct
import wave
from pathlib import Path
from typing import Final

from relay.core.words import Seconds
from relay.voice import pcm

LONGEST: Final[Seconds] = 600.0
"""Ten minutes: nobody speaks a longer turn, and a whole recording is held in memory."""
_LARGEST: Final = 256 * 1024 * 1024
"""Bytes: ten minutes of eight channels at 24 kHz, or of stereo at 96 kHz, fit; a disk image does not."""

_PCM: Final = 0x0001
_EXTENSIBLE: Final = 0xFFFE
_ENCODINGS: Final = {
    0x0002: "ADPCM",
    0x0003: "floating point",
    0x0006: "A-law",
    0x0007: "mu-law",
    0x0055: "MP3",
}
"""Format tags that are met in practice (RFC 2361), to call a file by its name."""
_RATES: Final = range(4_000, 192_001)
"""From the poorest telephone to the richest studio; anything else is a broken header."""
_CHANNELS: Final = range(1, 9)
_BITS: Final = 16


class UnusableWavError(Exception):
    """The file is no WAV of 16-bit PCM; the text says what it is, and what to do."""


def read(path: Path) -> bytes:
    """Return the sound of the file at *path*. Raises `UnusableWavError`, or OSError where there is none."""
    if path.stat().st_size > _LARGEST:
        raise UnusableWavError(
            f"{path} is larger than {_LARGEST // 2**20} MiB: cut it to the part to be spoken."
        )
    return parse(path.read_bytes(), str(path))


def parse(data: bytes, name: str) -> bytes:
    """Return the sound of a WAV file's *data*; *name* is what messages call it."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise UnusableWavError(f"{name} is no WAV file. {_conversion(name)}")
    shape: tuple[int, int] | None = None
    offset = 12
    while offset + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, offset)
        offset += 8
        if kind == b"fmt ":
            shape = _shape(data[offset : offset + size], name)
        elif kind == b"data":
            if shape is None:
                break
            # A program that wrote into a pipe could not know the size: then the sound goes on to the end.
            return _sound(data[offset : offset + size], *shape, name)
        offset += size + size % 2  # chunks start on even offsets
    raise UnusableWavError(f"{name} is broken: it lacks a format or the sound. {_conversion(name)}")


def write(path: Path, sound: bytes) -> None:
    """Write *sound* to *path* as a WAV file. Raises OSError."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(pcm.SAMPLE_BYTES)
        file.setframerate(pcm.RATE)
        file.writeframes(sound)


def _shape(fmt: bytes, name: str) -> tuple[int, int]:
    """Return channels and rate of a `fmt ` chunk."""
    if len(fmt) < struct.calcsize("<HHIIHH"):
        raise UnusableWavError(f"{name} is broken: its format is cut short. {_conversion(name)}")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", fmt)
    if tag == _EXTENSIBLE and len(fmt) >= 26:  # noqa: PLR2004 - the sub-format's tag stands at byte 24
        (tag,) = struct.unpack_from("<H", fmt, 24)
    if tag != _PCM or bits != _BITS:
        encoding = "PCM" if tag == _PCM else _ENCODINGS.get(tag, f"encoding 0x{tag:04x}")
        raise UnusableWavError(f"{name} holds {bits}-bit {encoding}, not 16-bit PCM. {_conversion(name)}")
    if rate not in _RATES or channels not in _CHANNELS:
        raise UnusableWavError(f"{name} claims {channels} channels at {rate} Hz. {_conversion(name)}")
    return channels, rate


def _sound(data: bytes, channels: int, rate: int, name: str) -> bytes:
    duration = len(data) / (rate * channels * pcm.SAMPLE_BYTES)
    if duration > LONGEST:
        raise UnusableWavError(f"{name} lasts {duration:.0f} s; a turn lasts {LONGEST:.0f} s at most: cut it.")
    if channels == 1 and rate == pcm.RATE:
        sound = data[: len(data) // pcm.SAMPLE_BYTES * pcm.SAMPLE_BYTES]  # as it is, byte for byte
    else:
        sound = pcm.from_samples(pcm.resampled(pcm.mono(pcm.samples(data), channels), rate))
    if not sound:
        raise UnusableWavError(f"{name} holds no sound at all.")
    return sound


def _conversion(name: str) -> str:
    return (
        f"Convert it:  ffmpeg -i {name} -ar {pcm.RATE} -ac 1 -c:a pcm_s16le speech.wav"
        f"   or:  sox {name} -r {pcm.RATE} -c 1 -b {_BITS} speech.wav"
    )
