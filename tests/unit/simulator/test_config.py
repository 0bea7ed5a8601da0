from typing import Any

import pytest

from tests.unit.simulator.talk import Talk, error, only


@pytest.fixture
def talk() -> Talk:
    return Talk()


def refused(talk: Talk, session: dict[str, Any]) -> tuple[str, str | None]:
    before = talk.engine.session
    inner = error(talk.send("session.update", session=session))
    assert talk.engine.session is before
    return inner["code"], inner["param"]


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({}, "missing_required_parameter", "session.type"),
        ({"type": "poem"}, "invalid_value", "session.type"),
        ({"type": "transcription"}, "invalid_value", "session.type"),
        ({"type": "realtime", "voice": "marin"}, "unknown_parameter", "session.voice"),
        ({"type": "realtime", "temperature": 1}, "unknown_parameter", "session.temperature"),
        ({"type": "realtime", "latency": "low"}, "unknown_parameter", "session.latency"),
        ({"type": "realtime", "model": "gpt-realtime"}, "invalid_value", "session.model"),
        (
            {"type": "realtime", "output_modalities": ["text", "audio"]},
            "array_above_max_length",
            "session.output_modalities",
        ),
        (
            {"type": "realtime", "max_output_tokens": 5000},
            "integer_above_max_value",
            "session.max_output_tokens",
        ),
        (
            {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
            "integer_below_min_value",
            "session.audio.input.format.rate",
        ),
        (
            {"type": "realtime", "audio": {"input": {"format": {"type": "audio/opus"}}}},
            "invalid_value",
            "session.audio.input.format.type",
        ),
        (
            {"type": "realtime", "audio": {"output": {"voice": "robot"}}},
            "invalid_value",
            "session.audio.output.voice",
        ),
        (
            {"type": "realtime", "audio": {"output": {"speed": 2}}},
            "decimal_above_max_value",
            "session.audio.output.speed",
        ),
        (
            {"type": "realtime", "audio": {"input": {"transcription": {"model": "ear"}}}},
            "invalid_value",
            "session.audio.input.transcription.model",
        ),
        (
            {"type": "realtime", "audio": {"input": {"transcription": {"language": "en"}}}},
            "missing_required_parameter",
            "session.audio.input.transcription.model",
        ),
        (
            {"type": "realtime", "tools": [{"type": "function"}]},
            "missing_required_parameter",
            "session.tools[0].name",
        ),
        (
            {"type": "realtime", "tool_choice": {"type": "function", "name": "ghost"}},
            "invalid_value",
            "session.tool_choice",
        ),
        (
            {"type": "realtime", "tools": [{"type": "function", "function": {"name": "x"}}]},
            "unknown_parameter",
            "session.tools[0].function",
        ),
    ],
)
def test_what_a_session_cannot_be_is_refused_whole(
    talk: Talk, session: dict[str, Any], code: str, param: str
) -> None:
    assert refused(talk, session) == (code, param)


def test_updates_merge_field_by_field(talk: Talk) -> None:
    talk.hear(turn_detection={"type": "server_vad", "threshold": 0.7})
    talk.hear(turn_detection={"type": "server_vad", "silence_duration_ms": 700})
    heard = talk.hear(noise_reduction={"type": "near_field"})["audio"]["input"]
    assert heard["turn_detection"]["threshold"] == 0.7
    assert heard["turn_detection"]["silence_duration_ms"] == 700
    assert heard["turn_detection"]["prefix_padding_ms"] == 300
    assert heard["noise_reduction"] == {"type": "near_field"}


def test_another_kind_of_detection_begins_with_its_defaults(talk: Talk) -> None:
    talk.hear(turn_detection={"type": "server_vad", "create_response": False})
    heard = talk.hear(turn_detection={"type": "semantic_vad"})["audio"]["input"]
    assert heard["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }


def test_null_asks_for_the_default_again(talk: Talk) -> None:
    talk.update(instructions="", max_output_tokens=10)
    session = talk.update(instructions=None, max_output_tokens=None)
    assert session["instructions"]
    assert session["max_output_tokens"] == "inf"
    assert talk.hear(turn_detection=None)["audio"]["input"]["turn_detection"] is None


def test_null_for_a_whole_side_asks_for_all_its_defaults(talk: Talk) -> None:
    talk.update(audio={"output": {"speed": 1.2, "voice": "cedar"}})
    assert talk.update(audio={"output": None})["audio"]["output"]["speed"] == 1.0
    talk.hear(turn_detection=None)
    assert talk.update(audio=None)["audio"]["input"]["turn_detection"]["type"] == "server_vad"


def test_saying_the_same_model_again_is_allowed(talk: Talk) -> None:
    assert talk.update(model="gpt-realtime-2.1")["model"] == "gpt-realtime-2.1"


def test_tracing_once_on_stays_as_it_is(talk: Talk) -> None:
    talk.update(tracing="auto")
    assert refused(talk, {"type": "realtime", "tracing": {"group_id": "g"}})[1] == "session.tracing"


def test_a_live_transcription_model_does_without_turn_detection() -> None:
    talk = Talk(kind="transcription")
    heard = {"transcription": {"model": "gpt-realtime-whisper"}}
    session = {"type": "transcription", "audio": {"input": heard}}
    updated = only(talk.send("session.update", session=session), "session.updated")
    assert updated["session"]["audio"]["input"]["turn_detection"] is None
    asked = {"turn_detection": {"type": "server_vad"}}
    session = {"type": "transcription", "audio": {"input": asked}}
    assert error(talk.send("session.update", session=session))["param"] == (
        "session.audio.input.turn_detection"
    )


def test_in_a_conversation_a_live_transcription_model_leaves_turn_detection_alone(talk: Talk) -> None:
    heard = {"transcription": {"model": "gpt-realtime-whisper"}, "turn_detection": {"type": "server_vad"}}
    assert talk.update(audio={"input": heard})["audio"]["input"]["turn_detection"]["type"] == "server_vad"


def test_a_speech_session_cannot_become_a_transcription() -> None:
    talk = Talk(kind="transcription")
    assert refused(talk, {"type": "realtime"}) == ("invalid_value", "session.type")
