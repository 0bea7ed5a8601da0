import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.simulator import requests, shapes
from relay.simulator.audio import Encoding, tone
from relay.simulator.engine import SHAPES
from relay.simulator.settings import INSTANT, SimulatorSettings
from tests.unit.simulator.talk import Event, Talk, audio_of, error, only, types

SPEECH = tone(600, Encoding.PCM)


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_session_begins_with_session_created(talk: Talk) -> None:
    assert types(talk.seen) == ["session.created"]
    assert list(talk.seen[0])[:2] == ["type", "event_id"]


def test_a_text_turn_has_the_order_of_the_real_one(talk: Talk) -> None:
    talk.say("hello")
    assert types(talk.respond(output_modalities=["text"])) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]


def test_an_error_names_the_event_it_is_about(talk: Talk) -> None:
    refused = error(talk.send("response.cancel", event_id="mine"))
    assert refused == {
        "type": "invalid_request_error",
        "code": "response_cancel_not_active",
        "message": "Cancellation failed: no active response found",
        "param": None,
        "event_id": "mine",
    }


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        (b"not json", "invalid_json", None),
        (b"[]", "invalid_event", None),
        (b"{}", "missing_required_parameter", "type"),
        (b'{"type":5}', "invalid_value", "type"),
        (b'{"type":"transcription_session.update"}', "invalid_value", "type"),
        (b'{"type":"input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        (b'{"type":"input_audio_buffer.append","audio":5}', "invalid_type", "audio"),
        (b'{"type":"input_audio_buffer.append","audio":"%%"}', "invalid_value", "audio"),
        (b'{"type":"input_audio_buffer.commit","x":1}', "unknown_parameter", "x"),
        (b'{"type":"input_audio_buffer.commit"}', "input_audio_buffer_commit_empty", None),
        (b'{"type":"output_audio_buffer.clear"}', "invalid_value", "type"),
        (b'{"type":"session.update","session":5}', "invalid_type", "session"),
        (b'{"type":"conversation.item.create","item":{"type":"poem"}}', "invalid_value", "item.type"),
    ],
)
def test_what_cannot_be_understood_is_refused_and_the_session_lives(
    talk: Talk, message: bytes, code: str, param: str | None
) -> None:
    refused = error(talk.raw(message))
    assert (refused["code"], refused["param"]) == (code, param)
    assert talk.update(instructions="still there")["instructions"] == "still there"


def test_a_binary_frame_is_refused_in_the_real_words(talk: Talk) -> None:
    refused = error(talk.raw(b"\x00\x01", text=False))
    assert refused["code"] == "invalid_event"
    assert "binary frames are not supported" in refused["message"]


def test_an_append_may_carry_an_event_id(talk: Talk) -> None:
    audio = base64.b64encode(SPEECH).decode()
    assert types(talk.send("input_audio_buffer.append", audio=audio, event_id="a")) == [
        "input_audio_buffer.speech_started"
    ]


def test_an_old_session_expires_with_the_words_that_close_it() -> None:
    talk = Talk(SimulatorSettings.instant(session_seconds=3600))
    assert talk.wait(3599) == []
    assert talk.engine.closing is None
    assert error(talk.wait(2))["code"] == "session_expired"
    words = "Your session hit the maximum duration of 60 minutes."
    assert talk.engine.closing == (1001, words)


def test_conversation_created_is_sent_only_where_it_is_wanted() -> None:
    talk = Talk(SimulatorSettings.instant(announce_conversation=True))
    assert types(talk.seen) == ["session.created", "conversation.created"]


def test_a_sideband_says_nothing_first_and_sends_no_audio() -> None:
    talk = Talk(sideband=True)
    assert talk.seen == []
    events = talk.respond()
    assert audio_of(events) == b""
    assert types(events).index("output_audio_buffer.started") > types(events).index(
        "response.content_part.added"
    )
    assert types(events)[-2:] == ["rate_limits.updated", "output_audio_buffer.stopped"]


def test_the_same_seed_names_everything_the_same_way() -> None:
    first, second = Talk(), Talk()
    assert first.respond() == second.respond()


def test_obfuscation_can_be_left_out() -> None:
    padded = Talk().respond(output_modalities=["text"])
    bare = Talk(SimulatorSettings.instant(obfuscation=False)).respond(output_modalities=["text"])
    assert any("obfuscation" in event for event in padded)
    assert not any("obfuscation" in event for event in bare)


STRUCTS = [
    shape
    for module in (shapes, requests)
    for shape in vars(module).values()
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct)
]
FIELDS = sorted({"type"}.union(*(shape.__struct_fields__ for shape in STRUCTS)))
TAGS = sorted({tag for shape in STRUCTS if isinstance(tag := shape.__struct_config__.tag, str)})
WORDS = [*TAGS, "realtime", "transcription", "auto", "none", "user", "assistant", "whisper-1", "AAAA"]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)
        | st.builds(
            lambda kind, rest: {**rest, "type": kind},
            st.sampled_from(WORDS),
            st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
        )
    ),
    max_leaves=15,
)
events = st.builds(
    lambda kind, fields: {**fields, "type": kind},
    st.sampled_from(sorted(SHAPES)),
    st.dictionaries(st.sampled_from([*FIELDS, "event_id"]), json_values, max_size=4),
)


@given(st.lists(events, max_size=6))
def test_no_events_whatever_they_hold_break_a_session(sent: list[Event]) -> None:
    talk = Talk(INSTANT)
    for event in sent:
        for answer in talk.raw(msgspec.json.encode(event)):
            assert answer["event_id"].startswith("event_")
            msgspec.json.encode(answer)
    assert talk.update(instructions="it lives")["instructions"] == "it lives"


@given(st.binary(max_size=64), st.booleans())
def test_no_bytes_break_a_session(message: bytes, text: bool) -> None:
    assert error(Talk(INSTANT).raw(message, text=text))["message"]


def test_mcp_servers_are_asked_once_what_they_offer(talk: Talk) -> None:
    server = {"type": "mcp", "server_label": "library", "allowed_tools": ["find", "lend"]}
    talk.update(tools=[server])
    listed = only(talk.seen, "conversation.item.done")["item"]
    assert [tool["name"] for tool in listed["tools"]] == ["find", "lend"]
    talk.update(tools=[server])
    assert types(talk.seen).count("mcp_list_tools.in_progress") == 1
