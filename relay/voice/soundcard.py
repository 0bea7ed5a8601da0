"""The microphone and the loudspeaker, through the optional `sounddevice`.

Rule: the sound card's own thread touches a buffer under its lock, or calls into the loop, and nothing else.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

from relay.voice import pcm
from relay.voice.failures import CallFailedError, Failure, Kind
from relay.voice.speaking import PIECE

_BACKLOG: Final = round(2.0 / PIECE)
"""Two seconds of pieces: a network that lags further behind the speaker loses the oldest."""


def _library() -> Any:  # noqa: ANN401 - sounddevice is untyped
    """Import `sounddevice`. Raises `CallFailedError` with what to install."""
    try:
        import sounddevice  # noqa: PLC0415 - an extra: only who speaks or listens needs it
    except ImportError:
        advice = "It comes with: pip install sounddevice"
        raise CallFailedError(
            Failure(kind=Kind.MICROPHONE, message="No way to the sound card is installed.", advice=advice)
        ) from None
    except OSError as error:
        advice = "Install PortAudio: apt install libportaudio2, or brew install portaudio."
        raise CallFailedError(
            Failure(kind=Kind.MICROPHONE, message=f"The sound card's library: {error}.", advice=advice)
        ) from None
    return sounddevice


def _stream(kind: str, callback: Any) -> Any:  # noqa: ANN401 - sounddevice is untyped
    library = _library()
    try:
        return getattr(library, kind)(
            samplerate=pcm.RATE,
            channels=1,
            dtype="int16",
            blocksize=round(PIECE * pcm.RATE),
            callback=callback,
        )
    except (library.PortAudioError, ValueError) as error:
        raise CallFailedError(
            Failure(
                kind=Kind.MICROPHONE,
                message=f"The sound card cannot be used: {error}.",
                advice="See which devices there are: python -m sounddevice",
            )
        ) from None


@asynccontextmanager
async def microphone(hang_up: asyncio.Event) -> AsyncIterator[AsyncIterator[bytes]]:
    """Open the microphone. Yields its sound, piece by piece, which ends once *hang_up* is set.

    Raises `CallFailedError` where there is none.
    """
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes] = asyncio.Queue(_BACKLOG)

    def keep(piece: bytes) -> None:
        if pieces.full():
            pieces.get_nowait()
        pieces.put_nowait(piece)

    def captured(data: Any, _frames: int, _time: object, _status: object) -> None:  # noqa: ANN401 - a C buffer
        loop.call_soon_threadsafe(keep, bytes(data))

    async def sound() -> AsyncIterator[bytes]:
        while not hang_up.is_set():
            yield await pieces.get()  # a microphone is never silent: the next piece is 40 ms away

    with _stream("RawInputStream", captured):
        yield sound()


class Loudspeaker:
    """Plays what it is given, in order; `hush` drops what was not played yet."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._lock = threading.Lock()

    def play(self, sound: bytes) -> None:
        """Play *sound* after what is waiting."""
        with self._lock:
            self._waiting += sound

    def hush(self) -> None:
        """Fall silent at once."""
        with self._lock:
            self._waiting.clear()

    async def played(self) -> None:
        """Wait until all was played."""
        await asyncio.sleep(pcm.seconds(self._waiting) + PIECE)  # a sound card plays at the pace of the clock

    def fill(self, data: Any, _frames: int, _time: object, _status: object) -> None:  # noqa: ANN401 - a C buffer
        """Give the sound card what it asks for; called by its own thread."""
        with self._lock:
            sound = bytes(self._waiting[: len(data)])
            del self._waiting[: len(data)]
        data[: len(sound)] = sound
        data[len(sound) :] = bytes(len(data) - len(sound))


@contextmanager
def loudspeaker() -> Iterator[Loudspeaker]:
    """Open the loudspeaker. Raises `CallFailedError` where there is none."""
    speaker = Loudspeaker()
    with _stream("RawOutputStream", speaker.fill):
        yield speaker
