"""Shapes: what the API is known to refuse is refused by name, and what is not known passes."""

from typing import Any

import pytest

from relay.core.session_shapes import FLAT, fault


def same(path: str) -> str:
    return path


def wrong(session: dict[str, Any]) -> tuple[str, str, str]:
    told = fault(session, same)
    assert told is not None
    return told


@pytest.mark.parametrize(
    "session",
    [
        {"type": "realtime"},
        {"type": "realtime", "tool_choice": "required", "max_output_tokens": "inf", "truncation": "disabled"},
        {"type": "realtime", "tool_choice": {"type": "mcp", "server_label": "library"}, "tracing": None},
        {"type": "realtime", "audio": {"input": None, "output": {"voice": {"id": "voice_1"}, "speed": 1}}},
        {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}}}},
        {"type": "realtime", "of_next_year": [1], "audio": {"of_next_year": True}},
        {"type": "transcription", "model": None, "audio": {"input": {"turn_detection": {"threshold": 1}}}},
        {"type": "translation", "model": "gpt-realtime-translate"},
        {"type": "translation", "model": "m", "audio": {"input": None, "output": {"language": "de"}}},
        {
            "type": "translation",
            "model": "m",
            "audio": {"input": {"transcription": {"model": "whisper-1"}, "noise_reduction": None}},
        },
        {"type": "realtime", "model": "my model's name".replace(" ", "+")},
        {"type": "realtime", "audio": {"input": {"turn_detection": None}}},
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}},
    ],
)
def test_what_the_api_takes_passes(session: dict[str, Any]) -> None:
    assert fault(session, same) is None


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"type": "realtime", "audio": "loud"}, "session.audio"),
        ({"type": "realtime", "instructions": ["a"]}, "session.instructions"),
        ({"type": "realtime", "instructions": "a" * 256_001}, "session.instructions"),
        ({"type": "realtime", "model": "a model"}, "session.model"),
        ({"type": "realtime", "model": "model\n"}, "session.model"),
        (
            {"type": "realtime", "audio": {"input": {"turn_detection": {"type": None}}}},
            "session.audio.input.turn_detection.type",
        ),
        (
            {"type": "transcription", "audio": {"input": {"turn_detection": {"type": "loud_vad"}}}},
            "session.audio.input.turn_detection.type",
        ),
        ({"type": "translation", "model": "m", "audio": "loud"}, "session.audio"),
        ({"type": "realtime", "output_modalities": ["text", "audio"]}, "session.output_modalities"),
        ({"type": "realtime", "max_output_tokens": 0}, "session.max_output_tokens"),
        ({"type": "realtime", "tools": {"type": "function"}}, "session.tools"),
        ({"type": "realtime", "tools": [{"type": "function", "name": 7}]}, "session.tools[0].name"),
        ({"type": "realtime", "audio": {"output": {"speed": 9}}}, "session.audio.output.speed"),
        ({"type": "transcription", "include": ["everything"]}, "session.include[0]"),
        ({"type": "translation", "model": 7}, "session.model"),
    ],
)
def test_what_it_does_not_take_is_named(session: dict[str, Any], param: str) -> None:
    code, message, named = wrong(session)
    assert (code, named) == ("invalid_value", param)
    assert f"'{param}'" in message
    assert len(message) < 400


@pytest.mark.parametrize(
    ("settings", "param"),
    [
        ({"instructions": "Be brief."}, "session.instructions"),
        ({"of_next_year": 1}, "session.of_next_year"),
        ({"n" * 9_000: 1}, "session." + "n" * 64),
        ({"audio": {"input": {"format": None}}}, "session.audio.input.format"),
        ({"audio": {"output": {"language": "de", "voice": "marin"}}}, "session.audio.output.voice"),
        ({"audio": {"middle": {}}}, "session.audio.middle"),
    ],
)
def test_a_translation_has_a_handful_of_fields_and_any_other_is_named(
    settings: dict[str, Any], param: str
) -> None:
    code, message, named = wrong({"type": "translation", "model": "m", **settings})
    assert (code, named) == ("unknown_parameter", param)
    assert f"'{param}'" in message


def test_a_field_that_is_missing_is_named() -> None:
    assert wrong({"type": "translation"})[::2] == ("missing_required_parameter", "session.model")
    spoken = {"type": "realtime", "prompt": {"version": "1"}}
    assert wrong(spoken)[::2] == ("missing_required_parameter", "session.prompt.id")


def test_a_transcription_has_no_model_of_its_own() -> None:
    code, message, param = wrong({"type": "transcription", "model": "whisper-1"})
    assert (code, param) == ("invalid_model", "session.model")
    assert "audio.input.transcription.model" in message


def test_a_field_is_called_what_its_sender_calls_it() -> None:
    told = fault({"type": "realtime", "instructions": 1}, str.upper)
    assert told is not None
    assert told[2] == "SESSION.INSTRUCTIONS"
    assert "'SESSION.INSTRUCTIONS'" in told[1]
    missing = fault({"type": "translation"}, str.upper)
    assert missing is not None
    assert missing[2] == "SESSION.MODEL"


def test_every_flat_name_of_the_beta_has_a_place_in_ga() -> None:
    assert FLAT["voice"] == "audio.output.voice"
    assert not set(FLAT) & set(FLAT.values())
