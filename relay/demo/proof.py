"""Whether the sound that came back is the sound that was said.

The simulator's voice is an echo: it answers with the very bytes that voice detection took for speech. So each
byte has crossed the relay twice, and one that was lost, changed or put elsewhere shows.
"""

from typing import Final

from relay.core.words import Seconds
from relay.voice import pcm

_MARGIN: Final[Seconds] = 0.1
"""What voice detection may cut off each end of what we take for speech: it looks at 10 or 20 ms at a time."""


def flaw(said: bytes, heard: bytes) -> str | None:
    """Return what is wrong with *heard* as an echo of *said* and the silence after it; None if nothing is."""
    if not heard:
        return "No sound came back."
    stream = said + bytes(len(heard))
    at = stream.find(heard)
    while at > 0 and at % pcm.SAMPLE_BYTES:
        at = stream.find(heard, at + 1)  # between two samples is no place for a third
    if at < 0:
        return f"The {pcm.seconds(heard):.1f} s of sound that came back are not what was said."
    begins, ends = at / pcm.BYTES_PER_SECOND, (at + len(heard)) / pcm.BYTES_PER_SECOND
    if begins > _beginning(said) + _MARGIN or ends < pcm.end_of_sound(said) - _MARGIN:
        return f"Only {pcm.seconds(heard):.1f} s of what was said came back."
    return None


def _beginning(said: bytes) -> Seconds:
    """Return when the first audible thing in *said* begins."""
    numbers = pcm.samples(said)
    return next((at for at, level in enumerate(numbers) if abs(level) >= pcm.AUDIBLE), 0) / pcm.RATE
