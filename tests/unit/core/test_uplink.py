"""The gate from client to upstream: the flood passes by a constant, the rest is checked and charged."""

import base64
import json
from typing import Any

import pytest

from relay.core.actions import FORWARD, Actions, Send
from relay.core.audio import AudioFormat
from relay.core.events import Kind, Outcome
from relay.core.refusals import Reason, Refusal
from relay.core.tenants import AUDIO_BURST, BYTES_BURST, Policy
from relay.core.uplink import SLACK, Uplink
from relay.core.words import Side
from tests.unit.core.gates import append, count, plan, told, uplink, wire

SECOND = base64.b64encode(bytes(48_000)).decode()


def errors(actions: Actions) -> list[dict[str, Any]]:
    """Return the `error` objects of the error events that *actions* send to the client."""
    sent = []
    for action in actions:
        assert isinstance(action, Send)
        assert action.side is Side.CLIENT
        event = told(action.data)
        assert event["type"] == "error"
        sent.append(event["error"])
    return sent


def refusal_of(gate: Uplink, message: memoryview, now: float = 0, *, text: bool = True) -> dict[str, Any]:
    (error,) = errors(gate.judge(message, text, now))
    return error


# --- audio ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["input_audio_buffer.append", "session.input_audio_buffer.append"])
def test_an_append_passes_by_the_constant(name: str) -> None:
    gate = uplink()
    assert gate.judge(wire({"type": name, "audio": SECOND, "event_id": "e"}), True, 0) is FORWARD
    assert count(gate, Kind.AUDIO, Outcome.FORWARDED) == 1
    assert gate.audio_seconds == 1
    assert gate.wait == 0


def test_an_append_that_needs_the_slow_way_is_the_same_to_the_client() -> None:
    gate = uplink()
    padded = b" " * (SLACK + 1) + bytes(append(SECOND))
    assert gate.judge(memoryview(padded), True, 0) is FORWARD
    escaped = bytes(append(SECOND)).replace(b"AAAA", b"\\u0041AAA", 1)
    assert gate.judge(memoryview(escaped), True, 0) is FORWARD
    assert gate.judge(append(SECOND, note="é"), True, 0) is FORWARD
    assert gate.audio_seconds == 3
    assert count(gate, Kind.AUDIO, Outcome.FORWARDED) == 3


def test_seconds_are_those_of_the_session_s_format() -> None:
    gate = uplink()
    gate.set_format(AudioFormat.PCMU)
    gate.judge(append(SECOND), True, 0)
    assert gate.audio_seconds == 6


def test_audio_beyond_the_pace_is_waited_for() -> None:
    gate = uplink(plan(audio_seconds_per_second=2))
    for _ in range(int(AUDIO_BURST)):
        assert gate.judge(append(SECOND), True, 0) is FORWARD
        assert gate.wait == 0
    assert gate.judge(append(SECOND), True, 0) is FORWARD
    assert gate.wait == pytest.approx(0.5)


def test_bytes_beyond_the_pace_are_waited_for_whatever_they_say() -> None:
    gate = uplink(plan(bytes_per_second=1024, message_bytes=2 * BYTES_BURST))
    gate.judge(memoryview(b"x" * (BYTES_BURST + 1024)), True, 0)
    assert gate.wait == pytest.approx(1)
    assert gate.bytes == BYTES_BURST + 1024


@pytest.mark.parametrize("slow", ["", " " * (SLACK + 1)])
def test_an_append_over_the_plan_s_size_is_refused_and_the_session_lives(slow: str) -> None:
    gate = uplink(plan(chunk_bytes=3000))
    fits = base64.b64encode(bytes(3000)).decode()
    over = base64.b64encode(bytes(3001)).decode()
    assert gate.judge(memoryview(slow.encode() + bytes(append(fits))), True, 0) is FORWARD
    error = refusal_of(gate, memoryview(slow.encode() + bytes(append(over, event_id="mine"))))
    assert (error["code"], error["param"], error["event_id"]) == ("audio_chunk_too_large", "audio", "mine")
    assert "3001 bytes" in error["message"]
    assert gate.over is None
    assert gate.refusals == {Refusal.CHUNK_TOO_LARGE: 1}
    assert count(gate, Kind.AUDIO, Outcome.REFUSED) == 1
    assert gate.audio_seconds == 3000 / 48_000


@pytest.mark.parametrize(
    ("event", "param"),
    [
        (
            {"type": "conversation.item.create", "item": {"content": [{}, {"audio": SECOND}]}},
            "item.content[1].audio",
        ),
        (
            {
                "type": "response.create",
                "response": {"input": [{"content": 1}, 7, {"content": [{"audio": SECOND}]}]},
            },
            "response.input[2].content[0].audio",
        ),
    ],
)
def test_audio_inside_items_counts_as_audio(event: dict[str, object], param: str) -> None:
    gate = uplink()
    assert gate.judge(wire(event), True, 0) is FORWARD
    assert gate.audio_seconds == 1
    assert refusal_of(uplink(plan(chunk_bytes=47_999)), wire(event))["param"] == param


@pytest.mark.parametrize("audio", [None, 7, ["QUJD"], {"a": 1}])
def test_audio_that_is_no_text_is_left_to_the_upstream(audio: object) -> None:
    gate = uplink()
    assert gate.judge(wire({"type": "input_audio_buffer.append", "audio": audio}), True, 0) is FORWARD
    assert gate.audio_seconds == 0


@pytest.mark.parametrize("content", [None, {}, "x", [None, "x", 7]])
def test_items_of_odd_shape_are_left_to_the_upstream(content: object) -> None:
    event = {"type": "conversation.item.create", "item": {"content": content}}
    assert uplink().judge(wire(event), True, 0) is FORWARD
    assert uplink().judge(wire({"type": "response.create", "response": {"input": content}}), True, 0) is FORWARD


# --- what is no event -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message", [b"", b"hello", b"[]", b'{"type":"a","type":"b"}', b'{"a":' + b"[" * 99_999]
)
def test_what_is_not_strict_json_is_refused(message: bytes) -> None:
    gate = uplink()
    assert refusal_of(gate, memoryview(message))["code"] == "invalid_json"
    assert count(gate, Kind.OTHER, Outcome.REFUSED) == 1


def test_an_append_nested_beyond_any_stack_is_refused_like_any_other() -> None:
    nest = b"[" * 200_000 + b"]" * 200_000
    message = b'{"type":"input_audio_buffer.append","audio":' + nest + b"}"
    assert refusal_of(uplink(), memoryview(message))["code"] == "invalid_json"


@pytest.mark.parametrize("event", [{}, {"type": 7}, {"type": None}])
def test_an_object_without_a_type_is_no_event(event: dict[str, object]) -> None:
    error = refusal_of(uplink(), wire(event))
    assert (error["code"], error["param"]) == ("invalid_event", "type")


def test_a_binary_message_is_no_event_whatever_it_holds() -> None:
    error = refusal_of(uplink(), append(SECOND), text=False)
    assert error["code"] == "invalid_event"
    assert "binary" in error["message"]


def test_bad_utf_8_ends_the_session() -> None:
    gate = uplink()
    assert gate.judge(memoryview(b'{"type":"\xff"}'), True, 0) == ()
    assert gate.over is Reason.INVALID_TEXT
    assert count(gate, Kind.OTHER, Outcome.REFUSED) == 1


def test_patience_ends() -> None:
    gate = uplink(plan(patience=2))
    refusal_of(gate, memoryview(b"x"))
    refusal_of(gate, memoryview(b"x"))
    assert gate.over is None
    refusal_of(gate, memoryview(b"x"))
    assert gate.over is Reason.IMPATIENT
    assert gate.refusals == {Refusal.INVALID_JSON: 3, Refusal.IMPATIENT: 1}


def test_patience_comes_back_with_time() -> None:
    gate = uplink(plan(patience=2))
    for minute in range(10):
        refusal_of(gate, memoryview(b"x"), 60.0 * minute)
    assert gate.over is None


# --- control events -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("session.update", Kind.SESSION),
        ("input_audio_buffer.commit", Kind.BUFFER),
        ("conversation.item.delete", Kind.ITEM),
        ("response.cancel", Kind.RESPONSE),
        ("something.new", Kind.OTHER),
    ],
)
def test_a_control_event_passes_by_the_constant_and_is_counted_by_kind(name: str, kind: Kind) -> None:
    gate = uplink()
    assert gate.judge(wire({"type": name}), True, 0) is FORWARD
    assert count(gate, kind, Outcome.FORWARDED) == sum(gate.counts) == 1


def test_unknown_events_are_refused_where_the_policy_says_so() -> None:
    gate = uplink(policy=Policy(unknown_events="refuse"))
    assert refusal_of(gate, wire({"type": "something.new"}))["code"] == "not_allowed"
    assert gate.judge(wire({"type": "response.cancel"}), True, 0) is FORWARD
    assert gate.judge(append(SECOND, more=1), True, 0) is FORWARD


def test_control_events_too_fast_are_refused_and_told_when() -> None:
    gate = uplink(plan(events_per_second=0.5))
    for _ in range(2):
        assert gate.judge(wire({"type": "response.cancel"}), True, 0) is FORWARD
    error = refusal_of(gate, wire({"type": "response.cancel", "event_id": "mine"}))
    assert (error["code"], error["event_id"], error["retry_after_ms"]) == ("rate_limit_exceeded", "mine", 2000)
    assert gate.refusals == {Refusal.TOO_MANY_EVENTS: 1}


def test_appends_are_no_control_events() -> None:
    gate = uplink(plan(events_per_second=0.1))
    for _ in range(50):
        assert gate.judge(append("QUJD"), True, 0) is FORWARD


def test_a_refused_event_is_named_by_its_own_id_where_that_may_be_echoed() -> None:
    gate = uplink(policy=Policy(unknown_events="refuse"))
    assert refusal_of(gate, wire({"type": "n", "event_id": "e"}))["event_id"] == "e"
    for odd in ("e" * 513, 7, None):
        assert refusal_of(gate, wire({"type": "n", "event_id": odd}))["event_id"] is None


def test_no_two_events_of_the_relay_s_making_have_one_name() -> None:
    gate = uplink()
    sent = [action for _ in range(3) for action in gate.judge(memoryview(b"x"), True, 0)]
    assert len({told(action.data)["event_id"] for action in sent if isinstance(action, Send)}) == 3


def test_what_the_policy_forbids_is_refused() -> None:
    error = refusal_of(uplink(), wire({"type": "session.update", "session": {"prompt": {"id": "p"}}}))
    assert (error["code"], error["param"]) == ("not_allowed", "session.prompt")


def test_what_the_policy_changes_is_sent_in_its_place() -> None:
    gate = uplink(asked="alias", served="real")
    (send,) = gate.judge(wire({"type": "session.update", "session": {"model": "alias", "x": "é"}}), True, 0)
    assert isinstance(send, Send)
    assert send.side is Side.UPSTREAM
    assert told(send.data) == {"type": "session.update", "session": {"model": "real", "x": "é"}}
    assert count(gate, Kind.SESSION, Outcome.REPLACED) == sum(gate.counts) == 1


def test_a_message_that_is_forwarded_is_never_built_anew() -> None:
    odd = b' {"type" : "session.update", "session": {"temperature": 0.80, "n": -0}}\n'
    assert json.loads(odd)
    assert uplink().judge(memoryview(odd), True, 0) is FORWARD
