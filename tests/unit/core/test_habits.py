"""Audio that the API does not take is refused in words that name the remedy."""

import base64
import struct
from typing import Any

import pytest

from relay.core.habits import Header, format_fault, header_fault, header_of
from relay.core.refusals import Refusal, Refused


def wav(rate: int, samples: bytes = b"\0\1" * 40) -> bytes:
    head = b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVE"
    return head + b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16) + b"data" + samples


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def update(where: str, fmt: object) -> dict[str, Any]:
    return {"type": "session.update", "session": {"audio": {where: {"format": fmt}}}}


@pytest.mark.parametrize("where", ["input", "output"])
def test_pcm_at_16_khz_is_refused_with_the_rate_that_is_taken(where: str) -> None:
    refused = format_fault(update(where, {"type": "audio/pcm", "rate": 16000}))
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.AUDIO_FORMAT
    assert refused.param == f"session.audio.{where}.format.rate"
    assert "16000 Hz" in refused.message
    assert "Resample to 24000 Hz" in refused.message


def test_a_response_s_own_format_is_looked_at_too() -> None:
    event = {
        "type": "response.create",
        "response": {"audio": {"output": {"format": {"type": "audio/opus"}}}},
    }
    refused = format_fault(event)
    assert refused is not None
    assert refused.param == "response.audio.output.format.type"
    assert "Opus" in refused.message


def test_a_rate_that_is_no_number_is_not_repeated() -> None:
    refused = format_fault(update("input", {"type": "audio/pcm", "rate": {"a": 1}}))
    assert refused is not None
    assert "this rate" in refused.message


@pytest.mark.parametrize(
    "fmt",
    [
        {"type": "audio/pcm", "rate": 24000},
        {"type": "audio/pcm"},
        {"type": "audio/pcmu"},
        {"type": "audio/pcma"},
        {"type": "something/new"},
        {"type": 7},
        "pcm16",
        None,
    ],
)
def test_what_the_api_takes_passes_and_so_does_what_is_not_known(fmt: object) -> None:
    assert format_fault(update("input", fmt)) is None


@pytest.mark.parametrize("event", [{"type": "x"}, {"type": "session.update", "session": []}])
def test_an_event_without_formats_has_none_at_fault(event: dict[str, Any]) -> None:
    assert format_fault(event) is None


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100])
def test_a_wav_header_is_found_and_its_rate_read(rate: int) -> None:
    assert header_of(b64(wav(rate))) == Header("WAV", rate)


def test_a_wav_header_that_is_cut_short_tells_no_rate() -> None:
    assert header_of(b64(wav(16000)[:18])) == Header("WAV", None)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"OggS", "Ogg"),
        (b"ID3\x04", "MP3"),
        (b"fLaC", "FLAC"),
        (b"\x1aE\xdf\xa3", "WebM"),
        (b"\0\0\0\x1cftypiso5", "MP4"),
    ],
)
def test_files_of_other_kinds_are_known_by_their_first_bytes(start: bytes, kind: str) -> None:
    assert header_of(b64(start + bytes(30))) == Header(kind)


@pytest.mark.parametrize(
    "audio", [b64(bytes(100)), b64(b"RIFFxxxxAVI "), "", "not base64!", "\u00e9" * 8, 5, None]
)
def test_samples_have_no_header_and_what_is_no_base64_is_the_upstream_s_to_name(audio: object) -> None:
    assert header_of(audio) is None


def test_the_words_about_a_header_say_what_to_send() -> None:
    words = header_fault(Header("WAV", 16000)).message
    assert "WAV header" in words
    assert "resample from 16000 Hz" in words
    assert "resample from" not in header_fault(Header("WAV", 24000)).message
    assert "Decode it" in header_fault(Header("WebM")).message
