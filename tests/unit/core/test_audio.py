"""How long a piece of base64 plays is worked out from its length alone, and never to the sender's advantage."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.core.audio import AudioFormat, decoded_bytes, format_named, padding_of


@given(st.binary(max_size=100))
def test_the_length_of_base64_tells_the_bytes_it_holds(data: bytes) -> None:
    text = base64.b64encode(data)
    assert decoded_bytes(len(text), padding_of(text)) == len(data)


@given(st.binary(max_size=100))
def test_base64_without_its_padding_is_measured_the_same(data: bytes) -> None:
    text = base64.b64encode(data).rstrip(b"=")
    assert decoded_bytes(len(text), padding_of(text)) == len(data)


@given(st.binary(max_size=100), st.integers(0, 9))
def test_padding_that_nobody_needs_makes_no_audio_smaller(data: bytes, more: int) -> None:
    text = base64.b64encode(data) + b"=" * more
    assert decoded_bytes(len(text), padding_of(text)) >= len(data)


@pytest.mark.parametrize("text", [b"", b"=", b"==", b"==="])
def test_padding_alone_is_no_audio_and_never_less_than_none(text: bytes) -> None:
    assert decoded_bytes(len(text), padding_of(text)) == 0


@pytest.mark.parametrize(("tail", "padding"), [(b"", 0), (b"AA", 0), (b"A=", 1), (b"==", 2), (b"=A", 0)])
def test_padding_is_told_by_the_last_two_characters(tail: bytes, padding: int) -> None:
    assert padding_of(tail) == padding


def test_a_second_of_pcm_is_24_000_samples_of_two_bytes() -> None:
    assert AudioFormat.PCM.bytes_per_second == 24_000 * 2
    assert AudioFormat.PCMU.bytes_per_second == AudioFormat.PCMA.bytes_per_second == 8000


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"type": "audio/pcm", "rate": 24000}, AudioFormat.PCM),
        ({"type": "audio/pcmu"}, AudioFormat.PCMU),
        ("audio/pcma", AudioFormat.PCMA),
        ("pcm16", AudioFormat.PCM),
        ("g711_ulaw", AudioFormat.PCMU),
        ("g711_alaw", AudioFormat.PCMA),
    ],
)
def test_a_format_is_known_by_its_object_and_by_both_its_names(said: object, meant: AudioFormat) -> None:
    assert format_named(said) is meant


@pytest.mark.parametrize("said", [None, "opus", {}, {"type": []}, {"type": {"type": "audio/pcm"}}, 7, []])
def test_what_is_no_format_is_none(said: object) -> None:
    assert format_named(said) is None
