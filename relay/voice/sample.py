"""The bundled sample: three seconds of synthetic speech, and its words.

It was made with espeak-ng and sox; there is no breath in it long enough to be taken for the end of a turn.
"""

from importlib.resources import files
from typing import Final

from relay.voice import wav

_HOME: Final = files("relay.voice") / "samples"


def speech() -> bytes:
    """Return the sample's sound, as `relay.voice.pcm` holds it."""
    return wav.parse((_HOME / "hello.wav").read_bytes(), "hello.wav")


def words() -> str:
    """Return what the sample says."""
    return (_HOME / "hello.txt").read_text(encoding="utf-8").strip()
