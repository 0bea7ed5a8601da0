"""What a response is asked for with, how it is shown, and what the fields of either are called in errors."""

import copy
from typing import Any

import pytest

from relay.core.dialects.beta_session import param_from_ga, response_from_ga, response_to_ga
from relay.core.refusals import Refused

Event = dict[str, Any]

PCM = {"type": "audio/pcm", "rate": 24_000}
TOOL = {"type": "function", "name": "look"}


def test_a_response_is_asked_for_in_ga_terms() -> None:
    item = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hm."}]}
    beta: Event = {
        "modalities": ["text", "audio"],
        "voice": "sage",
        "output_audio_format": "pcm16",
        "max_response_output_tokens": 9,
        "tools": [{"type": "function", "function": {"name": "look"}}],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "input": [item],
        "temperature": 0.7,
        "conversation": "none",
        "metadata": {"a": "b"},
    }
    before = copy.deepcopy(beta)
    assert response_to_ga(beta) == {
        "output_modalities": ["audio"],
        "audio": {"output": {"voice": "sage", "format": PCM}},
        "max_output_tokens": 9,
        "tools": [TOOL],
        "tool_choice": TOOL,
        "input": [{**item, "content": [{"type": "output_text", "text": "Hm."}]}],
        "conversation": "none",
        "metadata": {"a": "b"},
    }
    assert beta == before


def test_a_response_asked_for_in_ga_terms_is_the_very_object() -> None:
    for same in ({}, {"max_output_tokens": 9, "input": [], "audio": {"output": {"voice": "sage"}}}):
        assert response_to_ga(same) is same


def test_a_response_asked_for_in_two_ways_is_refused() -> None:
    answer = response_to_ga({"max_output_tokens": 9, "max_response_output_tokens": 10})
    assert isinstance(answer, Refused)
    assert answer.param == "response.max_response_output_tokens"


def test_a_response_is_shown_flat() -> None:
    output = [{"type": "message", "content": [{"type": "output_text", "text": "Hm."}]}, {"type": "mcp_call"}]
    ga: Event = {
        "id": "r",
        "output": output,
        "output_modalities": ["audio"],
        "audio": {"output": {"format": PCM, "voice": "sage"}},
        "max_output_tokens": "inf",
        "usage": {"total_tokens": 9},
    }
    before = copy.deepcopy(ga)
    assert response_from_ga(ga, 0.7) == {
        "id": "r",
        "output": [{"type": "message", "content": [{"type": "text", "text": "Hm."}]}],
        "modalities": ["text", "audio"],
        "output_audio_format": "pcm16",
        "voice": "sage",
        "max_output_tokens": "inf",
        "usage": {"total_tokens": 9},
        "temperature": 0.7,
    }
    assert ga == before


@pytest.mark.parametrize(
    ("ga", "beta"),
    [
        ("session.audio.output.voice", "session.voice"),
        ("session.audio.output.voice.id", "session.voice"),
        ("session.audio.output.speed", "session.speed"),
        ("session.audio.output.format", "session.output_audio_format"),
        ("session.audio.input.format.rate", "session.input_audio_format"),
        ("session.audio.input.transcription.model", "session.input_audio_transcription.model"),
        ("session.audio.input.noise_reduction.type", "session.input_audio_noise_reduction.type"),
        ("session.audio.input.turn_detection.threshold", "session.turn_detection.threshold"),
        ("session.output_modalities", "session.modalities"),
        ("session.output_modalities[0]", "session.modalities[0]"),
        ("session.max_output_tokens", "session.max_response_output_tokens"),
        ("session.tools[0].name", "session.tools[0].name"),
        ("response.audio.output.voice", "response.voice"),
        ("response.audio.output.format.type", "response.output_audio_format"),
        ("response.output_modalities", "response.modalities"),
        ("response.max_output_tokens", "response.max_response_output_tokens"),
        ("response.input[0].role", "response.input[0].role"),
        ("session.audio", "session.audio"),
        ("session.audio.output.voices", "session.audio.output.voices"),
        ("session.voice", "session.voice"),
        ("item.content[0].type", "item.content[0].type"),
        ("", ""),
    ],
)
def test_a_field_has_the_name_that_the_client_gave_it(ga: str, beta: str) -> None:
    assert param_from_ga(ga) == beta
    assert param_from_ga(beta) == beta
