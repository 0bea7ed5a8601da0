import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.simulator.settings import INSTANT, NO_WAIT, KnownSpeech, SimulatorSettings, Span


@given(st.floats(0, 1, exclude_max=True))
def test_a_wait_lies_within_its_span(draw: float) -> None:
    assert 0.2 <= Span(0.2, 0.35).at(draw) <= 0.35


def test_instant_waits_for_nothing() -> None:
    waits = [INSTANT.first_token_seconds, INSTANT.first_audio_seconds, INSTANT.transcription_seconds]
    assert waits == [NO_WAIT] * 3
    assert INSTANT.token_seconds == INSTANT.audio_pace == INSTANT.ping_interval_seconds == 0
    assert SimulatorSettings.instant(seed=7).seed == 7


@pytest.mark.parametrize(("seconds", "fits"), [(3.0, True), (3.4, True), (2.6, True), (3.5, False)])
def test_a_recording_is_known_within_a_part_of_its_length(seconds: float, fits: bool) -> None:
    assert KnownSpeech("words", 3.0).fits(seconds) is fits
