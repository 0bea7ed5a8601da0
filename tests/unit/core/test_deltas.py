"""The audio of a delta is measured without being read."""

import json

import pytest

from relay.core.audio import AudioFormat
from relay.core.deltas import length_of_delta, seconds_per_character


def delta(base64: str, **more: object) -> memoryview:
    event = {"type": "response.output_audio.delta", **more, "delta": base64}
    return memoryview(json.dumps(event, separators=(",", ":")).encode())


@pytest.mark.parametrize("size", [0, 1, 4, 400, 512, 513, 4000])
@pytest.mark.parametrize("more", [{}, {"item_id": "item_1"}, {"filler": "x" * 600}])
def test_the_length_is_that_of_the_base64(size: int, more: dict[str, object]) -> None:
    assert length_of_delta(delta("A" * size, **more)) == size


def test_json_that_is_written_otherwise_is_measured_too() -> None:
    assert length_of_delta(memoryview(b'{ "type" : "x", "delta" : "AAAA" }')) == 4


@pytest.mark.parametrize("message", [b"{", b"[]", b'{"delta": 4}', b'{"x":"y","delta":"' + b"A" * 2000])
def test_what_has_no_delta_has_no_length(message: bytes) -> None:
    assert length_of_delta(memoryview(message)) == 0


def test_a_second_of_pcm_is_64_000_characters() -> None:
    assert seconds_per_character(AudioFormat.PCM) * 64_000 == pytest.approx(1)
