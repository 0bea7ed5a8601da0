"""Audio that clients are in the habit of sending and the API does not take: told in words, with the remedy.

The API takes raw samples: 16-bit PCM at 24 kHz, or G.711 at 8 kHz (protocol: `audio.input.format`). Clients of
telephony and of speech recognisers declare 16 kHz, and recorders in browsers send whole files, header and all.
The first would be refused upstream in words about integers; the second would be heard as noise.

Rule: the first append that holds samples is looked at, and none after it.
"""

import base64
import binascii
from typing import Final

import msgspec

from relay.core.events import table
from relay.core.refusals import Refusal, Refused
from relay.core.strict import Event

PCM_RATE: Final = 24_000
"""Hertz: the only rate of `audio/pcm` on OpenAI's and Azure's endpoints."""
_CONTAINERS: Final = {
    "wav": "WAV",
    "x-wav": "WAV",
    "mp3": "MP3",
    "mpeg": "MP3",
    "opus": "Opus",
    "ogg": "Ogg",
    "webm": "WebM",
    "aac": "AAC",
    "flac": "FLAC",
}
"""Formats that clients ask for, by the end of their MIME type, and that no Realtime endpoint takes."""
_PLACES: Final = (
    ("session", "audio", "input"),
    ("session", "audio", "output"),
    ("response", "audio", "output"),
)


def format_fault(event: Event) -> Refused | None:
    """Say what is wrong with the audio formats that a GA `session.update` or `response.create` declares."""
    for path in _PLACES:
        fmt = table(event, *path).get("format")
        if not isinstance(fmt, dict):
            continue
        field = ".".join((*path, "format"))
        name, rate = fmt.get("type"), fmt.get("rate", PCM_RATE)
        if name == "audio/pcm" and rate != PCM_RATE:
            return Refused(
                Refusal.AUDIO_FORMAT,
                f"PCM at {_shown(rate)} is not taken: the API hears and speaks 16-bit PCM at {PCM_RATE} Hz. "
                f"Resample to {PCM_RATE} Hz before sending, and declare that.",
                param=f"{field}.rate",
            )
        container = _CONTAINERS.get(name.rpartition("/")[2].lower()) if isinstance(name, str) else None
        if container is not None:
            return Refused(
                Refusal.AUDIO_FORMAT,
                f"{container} is not taken: the API hears and speaks raw 16-bit PCM at {PCM_RATE} Hz "
                "(audio/pcm), or G.711 at 8000 Hz (audio/pcmu, audio/pcma). Decode it before sending.",
                param=f"{field}.type",
            )
    return None


def _shown(rate: object) -> str:
    return f"{rate} Hz" if isinstance(rate, int | float) else "this rate"


class Header(msgspec.Struct, frozen=True):
    """What the first bytes of a first append are, where they are no samples."""

    kind: str
    rate: int | None = None
    """Hertz, where the header tells."""

    @property
    def compressed(self) -> bool:
        """Whether what follows it is no samples either."""
        return self.kind != "WAV"


_LOOKED_AT: Final = 64
"""Characters of base64: 48 bytes, as many as a plain WAV header has, and four."""
_WAV_RATE: Final = slice(24, 28)
"""Where a canonical WAV header tells its sample rate: little-endian."""
_MAGIC: Final = (
    (0, b"OggS", "Ogg"),
    (0, b"ID3", "MP3"),
    (0, b"fLaC", "FLAC"),
    (0, b"\x1aE\xdf\xa3", "WebM"),
    (4, b"ftyp", "MP4"),
)
"""Raw samples begin with these four bytes once in four thousand million recordings."""


def header_of(audio: object) -> Header | None:
    """Tell whether *audio*, an append's base64, begins with the header of a file."""
    if not isinstance(audio, str):
        return None
    head = audio[:_LOOKED_AT]
    try:
        start = base64.b64decode(head[: len(head) // 4 * 4], validate=True)
    except (binascii.Error, ValueError):
        return None  # the upstream's to name
    if start.startswith(b"RIFF") and start[8:12] == b"WAVE":
        rate = start[_WAV_RATE]
        return Header("WAV", int.from_bytes(rate, "little") if len(rate) == 4 else None)  # noqa: PLR2004 - a uint32
    return next((Header(kind) for at, magic, kind in _MAGIC if start[at : at + len(magic)] == magic), None)


def header_fault(header: Header) -> Refused:
    """Say what to do about audio that begins with *header*."""
    if header.compressed:
        remedy = "Decode it, clear what was begun (input_audio_buffer.clear) and send the samples"
    elif header.rate is None or header.rate == PCM_RATE:
        remedy = "Leave the header out (44 bytes of a plain WAV) and send the samples"
    else:
        remedy = f"Leave the header out, resample from {header.rate} Hz, and send the samples"
    return Refused(
        Refusal.AUDIO_FORMAT,
        f"The audio begins with a {header.kind} header; an append holds raw samples alone. {remedy}: "
        f"16-bit little-endian mono PCM at {PCM_RATE} Hz, unless the session's format says otherwise. "
        "Nothing of it was forwarded.",
        param="audio",
    )
