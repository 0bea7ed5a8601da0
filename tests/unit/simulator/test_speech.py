import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.simulator.audio import Encoding, encode, samples, tone
from relay.simulator.speech import Detector, Mark, Started, Stopped, level

LOUD_MS, QUIET_MS = 400, 600


def audio(encoding: Encoding) -> bytes:
    quiet = encode(samples(b"", Encoding.PCM), encoding)
    silence = tone(0, encoding) + quiet
    hush = {Encoding.PCM: b"\0\0", Encoding.PCMU: b"\xff", Encoding.PCMA: b"\xd5"}[encoding]
    silence += hush * (encoding.rate * QUIET_MS // 1000)
    return silence + tone(LOUD_MS, encoding) + silence


@pytest.mark.parametrize("encoding", list(Encoding))
def test_speech_is_found_in_every_format(encoding: Encoding) -> None:
    detector = Detector(encoding, threshold=0.5, silence_ms=200)
    assert detector.hear(audio(encoding)) == [Started(600), Stopped(1200)]


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=60))
def test_the_pieces_audio_comes_in_make_no_difference(sizes: list[int]) -> None:
    whole = audio(Encoding.PCM)
    detector = Detector(Encoding.PCM, threshold=0.5, silence_ms=200)
    marks: list[Mark] = []
    offset = 0
    while offset < len(whole):
        for size in sizes:
            marks += detector.hear(whole[offset : offset + size])
            offset += size
    assert marks == [Started(600), Stopped(1200)]


def test_a_click_is_no_speech() -> None:
    detector = Detector(Encoding.PCM, threshold=0.5, silence_ms=200)
    assert detector.hear(tone(20, Encoding.PCM) + bytes(48_000)) == []


def test_a_short_pause_does_not_end_a_turn() -> None:
    detector = Detector(Encoding.PCM, threshold=0.5, silence_ms=500)
    pause = bytes(48 * 400)
    word = tone(200, Encoding.PCM)
    assert detector.hear(word + pause + word + bytes(48 * 500)) == [Started(0), Stopped(1300)]


def test_a_higher_threshold_wants_a_louder_voice() -> None:
    assert level(0) < level(0.5) < level(1)
    deafer = Detector(Encoding.PCM, threshold=1, silence_ms=200)
    whisper = samples(tone(400, Encoding.PCM), Encoding.PCM)
    soft = encode(type(whisper)("h", [value // 8 for value in whisper]), Encoding.PCM)
    assert deafer.hear(soft) == []
    assert Detector(Encoding.PCM, threshold=0, silence_ms=200).hear(soft) == [Started(0)]
