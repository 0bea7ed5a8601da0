"""What is read of the server's events, and what is sent."""

import base64
import json

import pytest

from relay.voice import events


def test_an_event_that_nobody_acts_on_is_passed_over() -> None:
    assert events.read('{"type":"rate_limits.updated","rate_limits":[]}') is None
    assert events.read('{"type":"of.tomorrow","delta":{"a":1}}') is None


def test_an_event_is_read_as_far_as_it_is_needed() -> None:
    text = '{"type":"session.created","event_id":"e","session":{"id":"s","model":"m","tools":[]}}'
    assert events.read(text) == events.SessionCreated(events.Session("s", "m"))


def test_sound_is_read_out_of_its_base64() -> None:
    text = json.dumps(
        {"type": "response.output_audio.delta", "response_id": "r", "delta": base64.b64encode(b"abc").decode()}
    )
    assert events.read(text) == events.AudioDelta("r", b"abc")


def test_sound_is_sent_as_base64() -> None:
    assert json.loads(events.write(events.append(b"abc"))) == {
        "type": "input_audio_buffer.append",
        "audio": "YWJj",
    }


@pytest.mark.parametrize(
    "message",
    ["", "{", "[]", "{}", '{"type":1}', '{"type":"response.done"}', b"\xff\xfe",
     '{"type":"response.output_audio.delta","response_id":"r","delta":"***"}'],
)  # fmt: skip
def test_nonsense_is_a_value_error(message: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - msgspec words it
        events.read(message)


def test_an_error_may_be_a_bare_sentence() -> None:
    event = events.read('{"type":"error","error":"no"}')
    assert isinstance(event, events.ErrorEvent)
    assert event.body.message == "no"


def test_voice_detection_is_asked_for_unless_the_turn_is_committed_by_hand() -> None:
    def asked(*, by_vad: bool) -> object:
        event = events.session_update(voice=None, instructions=None, transcription=None, by_vad=by_vad)
        return event["session"]["audio"]["input"]["turn_detection"]

    assert asked(by_vad=True) == events.VOICE_DETECTION
    assert asked(by_vad=False) is None


def test_a_session_is_told_only_what_was_wished_for() -> None:
    bare = events.session_update(voice=None, instructions=None, transcription="t", by_vad=True)["session"]
    assert "instructions" not in bare
    assert "voice" not in bare["audio"]["output"]
    full = events.session_update(voice="v", instructions="i", transcription="t", by_vad=True)["session"]
    assert (full["instructions"], full["audio"]["output"]["voice"]) == ("i", "v")
