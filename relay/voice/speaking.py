"""Sound sent at the pace of speech: each piece when its last sample would have been spoken.

Rule: the pace is kept against the clock and not from piece to piece, so that no delay adds up; a server
that takes less is waited for, and nothing is left out.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

from relay.core.words import Seconds
from relay.voice import events, pcm
from relay.voice.line import Line
from relay.voice.turn import Turn

PIECE: Final[Seconds] = 0.04
"""40 ms a message: voice detection likes small pieces, and clients in the field send 20 to 100 ms."""
_PIECE_BYTES: Final = round(PIECE * pcm.RATE) * pcm.SAMPLE_BYTES

PATIENT_SILENCE: Final[Seconds] = 9.0
"""How much silence follows at most: the most patient voice detection waits eight seconds for more speech."""

Progress = Callable[[Seconds, Seconds], None]
"""Told how much of the speech was sent, and how much there is."""


class Mouth:
    """Sends sound into a session. `sent` counts the session's input sound, as the server does."""

    def __init__(self, line: Line, speed: float) -> None:
        self._line = line
        self._speed = speed
        self._clock = asyncio.get_running_loop().time
        self._bytes = 0
        self.busy_at = self._clock()
        """When speech, not silence, was last sent."""

    @property
    def sent(self) -> Seconds:
        """How much sound was sent since the session began."""
        return self._bytes / pcm.BYTES_PER_SECOND

    async def say(self, speech: bytes, turn: Turn, now: Callable[[], Seconds], progress: Progress) -> None:
        """Speak, then keep silent until *turn* knows that the server has understood."""
        audible, total = pcm.end_of_sound(speech) or pcm.seconds(speech), pcm.seconds(speech)
        said, marked = 0.0, False
        async for piece in self._paced(_pieces(speech)):
            await self._send(piece)
            self.busy_at = self._clock()
            said += pcm.seconds(piece)
            if not marked and said >= audible - _HALF_A_SAMPLE:
                turn.spoken(now())
                marked = True
            progress(said, total)
        async for piece in self._paced(_pieces(pcm.silence(PATIENT_SILENCE))):
            if turn.understood or turn.over:
                return
            await self._send(piece)
        turn.silent()

    async def pronounce(self, speech: bytes, progress: Progress) -> None:
        """Speak, and add nothing: whoever commits by hand says when the turn ends."""
        said, total = 0.0, pcm.seconds(speech)
        async for piece in self._paced(_pieces(speech)):
            await self._send(piece)
            self.busy_at = self._clock()
            said += pcm.seconds(piece)
            progress(said, total)

    async def stream(self, sound: AsyncIterator[bytes]) -> None:
        """Send *sound* as it comes, until there is no more."""
        async for piece in sound:
            await self._send(piece)

    async def _send(self, piece: bytes) -> None:
        await self._line.send(events.append(piece))
        self._bytes += len(piece)

    async def _paced(self, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
        due = self._clock()
        for piece in pieces:
            due += pcm.seconds(piece) / self._speed
            delay = due - self._clock()
            # Even in a hurry every piece lets the reader of the same connection have its turn.
            await asyncio.sleep(max(0.0, delay))
            yield piece


_HALF_A_SAMPLE: Final = 0.5 / pcm.RATE
"""Sums of seconds are compared to half a sample: closer than that is rounding."""


def _pieces(sound: bytes) -> Iterator[bytes]:
    return (sound[start : start + _PIECE_BYTES] for start in range(0, len(sound), _PIECE_BYTES))
