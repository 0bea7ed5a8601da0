"""Sound goes out whole and in order; silence follows for as long as it is of use."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, cast

import pytest

from relay.voice import pcm
from relay.voice.events import SpeechStarted, SpeechStopped
from relay.voice.line import Line
from relay.voice.speaking import PATIENT_SILENCE, PIECE, Mouth
from relay.voice.turn import Turn

LOUD = b"\x00\x40" * (pcm.RATE // 2)
SPEECH = LOUD + pcm.silence(0.1) + b"\x01\x00"  # the last piece is a single sample


def _nothing() -> None:
    pass


class Wire:
    """A line that keeps what is sent, and lets a test act on it."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.pieces: list[int] = []
        self.then: Callable[[], None] = _nothing

    async def send(self, event: Mapping[str, Any]) -> None:
        self.sent += event["audio"]
        self.pieces.append(len(event["audio"]))
        self.then()


class Told:
    """Keeps what progress it was told of."""

    def __init__(self) -> None:
        self.last = (0.0, 0.0)

    def __call__(self, sent: float, total: float) -> None:
        assert sent > self.last[0]
        self.last = (sent, total)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def mouth(wire: Wire) -> Mouth:
    return Mouth(cast("Line", wire), speed=1e6)


async def test_speech_is_sent_whole_in_small_pieces(mouth: Mouth, wire: Wire) -> None:
    told = Told()
    await mouth.pronounce(SPEECH, told)
    assert bytes(wire.sent) == SPEECH
    assert set(wire.pieces[:-1]) == {round(PIECE * pcm.BYTES_PER_SECOND)}
    sent, total = told.last
    assert sent == pytest.approx(total)
    assert total == pcm.seconds(SPEECH)
    assert mouth.sent == pytest.approx(pcm.seconds(SPEECH))


async def test_the_end_of_speech_is_when_its_last_sound_is_sent(mouth: Mouth, wire: Wire) -> None:
    turn = Turn(by_vad=True, transcribed=False, ends_at=0.5)
    clock = lambda: float(len(wire.sent))  # noqa: E731 - how much was sent stands for the time
    tell, marks = turn.spoken, list[float]()
    turn.spoken = lambda now: (marks.append(now), tell(now))[1]  # type: ignore[method-assign, func-returns-value]
    await mouth.say(SPEECH, turn, clock, Told())
    (mark,) = marks
    assert len(LOUD) <= mark < len(LOUD) + round(PIECE * pcm.BYTES_PER_SECOND)


async def test_silence_follows_until_the_server_has_understood(mouth: Mouth, wire: Wire) -> None:
    turn = Turn(by_vad=True, transcribed=False, ends_at=0.5)

    def answer() -> None:
        if len(wire.sent) >= len(SPEECH) + len(pcm.silence(0.5)):
            turn.told(SpeechStarted("i"), 0.0)
            turn.told(SpeechStopped("i", 500), 0.0)

    wire.then = answer
    await mouth.say(SPEECH, turn, lambda: 0.0, Told())
    silence = bytes(wire.sent[len(SPEECH) :])
    assert not any(silence)
    assert 0.5 <= pcm.seconds(silence) < 0.5 + 2 * PIECE
    assert not turn.unheard


async def test_silence_has_an_end_though_nobody_hears(mouth: Mouth, wire: Wire) -> None:
    turn = Turn(by_vad=True, transcribed=False, ends_at=0.5)
    await mouth.say(SPEECH, turn, lambda: 0.0, Told())
    assert mouth.sent == pytest.approx(pcm.seconds(SPEECH) + PATIENT_SILENCE)
    assert turn.unheard


async def test_a_recording_of_silence_still_has_an_end(mouth: Mouth) -> None:
    turn = Turn(by_vad=True, transcribed=False, ends_at=0.0)
    await mouth.say(pcm.silence(0.2), turn, lambda: 7.0, Told())
    assert turn.owed == "no speech was noticed"


async def test_a_stream_is_sent_as_it_comes(mouth: Mouth, wire: Wire) -> None:
    async def sound() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b"cdef"

    await mouth.stream(sound())
    assert (bytes(wire.sent), wire.pieces) == (b"abcdef", [2, 4])
