"""What the client says is put into GA before it is judged; hints and habits are dealt with on the way."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from relay.core.actions import FORWARD, Send
from relay.core.allowance import Allowance
from relay.core.events import Kind, Outcome
from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Policy
from relay.core.words import Side
from tests.unit.core.gates import append, count, plan, told, uplink, wire

AUDIO = base64.b64encode(bytes(300)).decode()
WAV = base64.b64encode(b"RIFF\0\0\0\0WAVEfmt " + bytes(40)).decode()


class Old:
    """A client's dialect made up for these tests: it says `ask` for `response.create`."""

    renames: Mapping[bytes, bytes] = {}

    def read(self, event: dict[str, Any]) -> dict[str, Any] | Refused:
        if event["type"] == "nonsense":
            return Refused(Refusal.INVALID_EVENT, "That is nonsense.", param="type")
        return {**event, "type": "response.create"} if event["type"] == "ask" else event

    def write(self, event: dict[str, Any]) -> dict[str, Any] | None:
        return {**event, "old": True}

    def param(self, path: str) -> str:
        return f"old.{path}"


class Foreign:
    """An upstream's dialect made up for these tests."""

    hears_raw = False
    acknowledges = True

    def read(self, event: dict[str, Any]) -> dict[str, Any]:
        return event

    def write(self, event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "foreign": True}


def only(actions: object, side: Side) -> dict[str, Any]:
    assert isinstance(actions, tuple)
    (sent,) = [action for action in actions if isinstance(action, Send)]
    assert sent.side is side
    return told(sent.data)


def test_an_event_goes_upstream_in_ga() -> None:
    gate = uplink(client=Old())
    assert only(gate.judge(wire({"type": "ask", "response": {}}), True, 0), Side.UPSTREAM) == {
        "type": "response.create",
        "response": {},
    }
    assert count(gate, Kind.RESPONSE, Outcome.REPLACED) == sum(gate.counts) == 1


def test_an_event_that_is_the_same_in_both_goes_as_it_came() -> None:
    gate = uplink(client=Old())
    assert gate.judge(wire({"type": "response.cancel"}), True, 0) is FORWARD


def test_what_the_dialect_cannot_read_is_refused_and_names_the_event() -> None:
    gate = uplink(client=Old())
    error = only(gate.judge(wire({"type": "nonsense", "event_id": "e7"}), True, 0), Side.CLIENT)["error"]
    assert (error["message"], error["param"], error["event_id"]) == ("That is nonsense.", "type", "e7")
    assert count(gate, Kind.OTHER, Outcome.REFUSED) == 1


def test_policy_judges_the_translated_event_and_the_refusal_names_the_field_as_the_client_does() -> None:
    gate = uplink(policy=Policy(instructions="locked"), client=Old())
    refused = only(gate.judge(wire({"type": "ask", "response": {"instructions": "x"}}), True, 0), Side.CLIENT)
    assert refused["error"]["param"] == "old.response.instructions"


def test_a_failed_response_is_told_in_the_client_s_words() -> None:
    limits = plan(responses_per_minute=1)
    gate = uplink(limits, client=Old(), allowance=Allowance(limits))
    gate.judge(wire({"type": "ask"}), True, 0)
    told_of = [
        told(action.data) for action in gate.judge(wire({"type": "ask"}), True, 0) if isinstance(action, Send)
    ]
    assert [event["type"] for event in told_of] == ["response.created", "response.done"]
    assert all(event["old"] for event in told_of)


def test_an_upstream_of_another_maker_is_told_in_its_words() -> None:
    gate = uplink(upstream=Foreign())
    assert only(gate.judge(wire({"type": "response.cancel"}), True, 0), Side.UPSTREAM)["foreign"] is True


def test_a_latency_hint_is_taken_and_taken_out() -> None:
    gate = uplink()
    assert gate.latency is None
    update = {"type": "session.update", "session": {"type": "realtime", "latency_hints": "low"}}
    assert only(gate.judge(wire(update), True, 0), Side.UPSTREAM) == {
        "type": "session.update",
        "session": {"type": "realtime"},
    }
    assert gate.latency == "low"
    assert gate.judge(wire({"type": "session.update", "session": {"type": "realtime"}}), True, 0) is FORWARD
    assert gate.latency == "low"


def test_a_latency_hint_that_is_none_is_refused() -> None:
    gate = uplink()
    update = {"type": "session.update", "latency_hints": "lowest", "event_id": "e1"}
    error = only(gate.judge(wire(update), True, 0), Side.CLIENT)["error"]
    assert (error["param"], error["event_id"]) == ("latency_hints", "e1")
    assert count(gate, Kind.SESSION, Outcome.REFUSED) == 1


@pytest.mark.parametrize("update", [{"latency_hints": "low"}, {"session": {"latency_hints": "low"}}])
def test_an_update_that_says_nothing_else_still_gets_its_answer(update: dict[str, Any]) -> None:
    gate = uplink()
    sent = only(gate.judge(wire({"type": "session.update", **update}), True, 0), Side.UPSTREAM)
    assert sent["session"] == {"type": "realtime"}
    other = uplink(asked=None, served=None)  # what its session is, is not known here
    sent = only(other.judge(wire({"type": "session.update", **update}), True, 0), Side.UPSTREAM)
    assert sent.get("session", {}) == {}


def test_a_hint_of_an_update_that_is_refused_is_not_taken() -> None:
    gate = uplink(policy=Policy(instructions="locked"))
    update = {"type": "session.update", "session": {"instructions": "x", "latency_hints": "low"}}
    only(gate.judge(wire(update), True, 0), Side.CLIENT)
    assert gate.latency is None


def test_a_latency_hint_elsewhere_is_none_of_ours() -> None:
    gate = uplink()
    assert gate.judge(wire({"type": "response.create", "latency_hints": "low"}), True, 0) is FORWARD


def test_16_khz_is_refused_with_the_remedy_and_the_session_lives() -> None:
    gate = uplink()
    fmt = {"type": "audio/pcm", "rate": 16000}
    update = {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"format": fmt}}}}
    error = only(gate.judge(wire(update), True, 0), Side.CLIENT)["error"]
    assert error["code"] == "unsupported_audio_format"
    assert "Resample to 24000 Hz" in error["message"]
    assert gate.over is None
    assert uplink(upstream=Foreign()).judge(wire(update), True, 0) is not FORWARD  # it may hear 16 kHz


def test_a_file_s_header_in_the_first_append_is_refused_and_forwarded_nowhere() -> None:
    gate = uplink()
    for _ in range(2):
        error = only(gate.judge(append(WAV), True, 0), Side.CLIENT)["error"]
        assert (error["code"], error["param"]) == ("unsupported_audio_format", "audio")
    assert gate.audio_seconds == 0
    assert gate.judge(append(AUDIO), True, 0) is FORWARD


def test_what_follows_a_compressed_header_is_refused_until_the_buffer_is_cleared() -> None:
    gate = uplink()
    webm = base64.b64encode(b"\x1aE\xdf\xa3" + bytes(60)).decode()
    for piece in (webm, AUDIO, AUDIO):
        error = only(gate.judge(append(piece), True, 0), Side.CLIENT)["error"]
        assert "input_audio_buffer.clear" in error["message"]
    assert gate.judge(wire({"type": "input_audio_buffer.clear"}), True, 0) is FORWARD
    assert gate.judge(append(AUDIO), True, 0) is FORWARD
    assert gate.judge(append(webm), True, 0) is FORWARD  # it was looked at


def test_an_empty_append_is_not_the_first() -> None:
    gate = uplink()
    assert gate.judge(append(""), True, 0) is FORWARD
    assert only(gate.judge(append(WAV), True, 0), Side.CLIENT)["error"]["param"] == "audio"


def test_an_upstream_that_may_hear_files_is_sent_them() -> None:
    gate = uplink(upstream=Foreign())
    assert gate.judge(append(WAV), True, 0) is FORWARD


def test_only_the_first_append_is_looked_at() -> None:
    gate = uplink()
    assert gate.judge(append(AUDIO), True, 0) is FORWARD
    assert gate.judge(append(WAV), True, 0) is FORWARD


@pytest.mark.parametrize("audio", [None, 5, {}])
def test_a_first_append_of_another_shape_is_the_upstream_s_to_name(audio: object) -> None:
    gate = uplink()
    message = memoryview(json.dumps({"type": "input_audio_buffer.append", "audio": audio}).encode())
    assert gate.judge(message, True, 0) is FORWARD
