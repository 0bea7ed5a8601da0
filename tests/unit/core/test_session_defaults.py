"""Defaults: filled in where nothing was said, and never in place of what was."""

from typing import Any

import pytest

from relay.core.session_defaults import effective

SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}


def heard(detection: Any, **more: Any) -> Any:
    """Return the turn detection of a session that asked for *detection*."""
    whole = effective({"type": "realtime", "audio": {"input": {"turn_detection": detection}}, **more}, "s")
    return whole["audio"]["input"]["turn_detection"]


def test_a_session_of_which_nothing_was_said_is_the_apis_own() -> None:
    assert effective(None, "sess_1") == {
        "id": "sess_1",
        "type": "realtime",
        "object": "realtime.session",
        "model": None,
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "truncation": "auto",
        "tracing": None,
        "prompt": None,
        "include": None,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": SERVER_VAD,
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin", "speed": 1.0},
        },
        "expires_at": 0,
    }


def test_what_was_given_stands_as_it_was_given() -> None:
    whole = effective({"type": "realtime", "instructions": "Hm.", "novelty": {"a": None}, "other": None}, "s")
    assert whole["instructions"] == "Hm."
    assert whole["novelty"] == {"a": None}
    assert whole["other"] is None


def test_null_asks_for_a_default_but_turns_detection_off() -> None:
    assert effective({"type": "realtime", "instructions": None}, "s")["instructions"] == ""
    assert effective({"type": "realtime", "audio": None}, "s")["audio"]["output"]["voice"] == "marin"
    assert heard(None) is None


def test_a_detection_gets_the_defaults_of_its_kind() -> None:
    assert heard({"type": "server_vad", "threshold": 0.9}) == {**SERVER_VAD, "threshold": 0.9}
    assert heard({"threshold": 0.9}) == {**SERVER_VAD, "threshold": 0.9}
    assert heard({"type": "semantic_vad"}) == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }


def test_a_voice_of_ones_own_is_told_by_its_id() -> None:
    whole = effective({"type": "realtime", "audio": {"output": {"voice": {"id": "voice_7"}}}}, "s")
    assert whole["audio"]["output"]["voice"] == "voice_7"


@pytest.mark.parametrize(
    ("model", "asked", "detected"),
    [
        ("gpt-4o-transcribe", {}, True),
        ("gpt-live-transcribe", {}, False),
        ("gpt-live-transcribe", {"turn_detection": {"type": "server_vad"}}, True),
        ("gpt-4o-transcribe", {"turn_detection": None}, False),
    ],
)
def test_a_transcription_detects_turns_where_its_model_can(
    model: str, asked: dict[str, Any], detected: bool
) -> None:
    given = {"transcription": {"model": model}, **asked}
    whole = effective({"type": "transcription", "audio": {"input": given}}, "sess_1")
    assert set(whole) == {"id", "type", "object", "include", "audio", "expires_at"}
    assert set(whole["audio"]) == {"input"}
    detection = whole["audio"]["input"]["turn_detection"]
    assert (detection is not None) is detected
    if detected:
        assert set(detection) == {"type", "threshold", "prefix_padding_ms", "silence_duration_ms"}


def test_a_translation_has_no_defaults_but_its_names() -> None:
    given = {"type": "translation", "model": "gpt-realtime-translate", "audio": {"output": {"language": "fr"}}}
    assert effective(given, "sess_1") == {**given, "id": "sess_1", "expires_at": 0}
    bare = effective({"type": "translation", "model": "gpt-realtime-translate"}, "sess_1")
    assert bare["audio"] == {}
