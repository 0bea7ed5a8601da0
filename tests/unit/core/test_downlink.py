"""The gate from upstream to client: counted, timed, billed, and nearly always forwarded untouched."""

import base64
import json
from typing import Any

import pytest

from relay.core.actions import FORWARD, Actions, Forward, Moment, Observe, Send, Spend
from relay.core.allowance import Allowance
from relay.core.audio import AudioFormat
from relay.core.downlink import Downlink
from relay.core.events import Kind, Outcome
from relay.core.refusals import Reason, Refusal
from relay.core.turns import Turns
from relay.core.usage import Usage
from relay.core.words import Side
from tests.unit.core.gates import EPOCH, count, downlink, plan, told, wire

SECOND = base64.b64encode(bytes(48_000)).decode()


def audio_delta(delta: str = SECOND, **more: object) -> memoryview:
    event = {"type": "response.output_audio.delta", "response_id": "r", "delta": delta, **more}
    return memoryview(json.dumps(event, separators=(",", ":")).encode())


def done(tokens: int = 0, response_id: object = "r", status: str = "completed") -> memoryview:
    usage = {"input_tokens": tokens} if tokens else None
    return wire({"type": "response.done", "response": {"id": response_id, "status": status, "usage": usage}})


def only_sent(actions: Actions, side: Side = Side.CLIENT) -> dict[str, Any]:
    (sent,) = [action for action in actions if isinstance(action, Send) and action.side is side]
    return told(sent.data)


# --- deltas ---------------------------------------------------------------------------------------


def test_an_audio_delta_passes_by_the_constant() -> None:
    gate = downlink()
    assert gate.judge(audio_delta(), True, 0) is FORWARD
    assert count(gate, Kind.AUDIO, Outcome.FORWARDED) == sum(gate.counts) == 1
    assert gate.audio_seconds == 1
    assert gate.bytes == len(audio_delta())


@pytest.mark.parametrize(
    "size", [0, 1, 2, 3, 200, 300, 380, 381, 382, 383, 384, 385, 386, 387, 388, 500, 1000, 5000]
)
@pytest.mark.parametrize("more", [{}, {"item_id": "item_1", "content_index": 0}])
def test_audio_is_measured_without_being_read(size: int, more: dict[str, object]) -> None:
    gate = downlink()
    gate.judge(audio_delta(base64.b64encode(bytes(size)).decode(), **more), True, 0)
    assert gate.audio_seconds * 48_000 == pytest.approx(size, abs=2.01)  # the padding counts


def test_audio_is_measured_where_the_upstream_writes_its_json_otherwise() -> None:
    for filler in ({}, {"filler": "x" * 600}):
        gate = downlink()
        gate.judge(wire({"type": "response.output_audio.delta", **filler, "delta": SECOND}), True, 0)
        assert gate.audio_seconds == 1


@pytest.mark.parametrize("tail", [b"", b'"delta":"QUJD', b'"delta":7}', b'"x":"\xff"}'])
def test_an_audio_delta_that_cannot_be_measured_counts_as_none(tail: bytes) -> None:
    gate = downlink()
    assert gate.judge(memoryview(b'{"type":"response.output_audio.delta",' + tail), True, 0) is FORWARD
    assert gate.audio_seconds == 0


def test_text_passes_by_the_constant() -> None:
    gate = downlink()
    assert gate.judge(wire({"type": "response.output_text.delta", "delta": "hi"}), True, 0) is FORWARD
    assert count(gate, Kind.TEXT, Outcome.FORWARDED) == 1


def test_the_first_token_and_the_first_audio_are_timed_from_the_asking() -> None:
    turns = Turns()
    gate = downlink(turns=turns)
    turns.asked(1)
    gate.judge(wire({"type": "response.created", "response": {"id": "r"}}), True, 2)
    text = wire({"type": "response.output_audio_transcript.delta", "delta": "hi"})
    assert gate.judge(text, True, 3) == (*FORWARD, Observe(Moment.FIRST_TOKEN, 2))
    assert gate.judge(text, True, 4) is FORWARD
    assert gate.judge(audio_delta(), True, 5) == (*FORWARD, Observe(Moment.FIRST_AUDIO, 4))
    assert gate.judge(audio_delta(), True, 6) is FORWARD


def test_what_the_user_said_is_not_taken_for_the_first_token() -> None:
    turns = Turns()
    gate = downlink(turns=turns)
    gate.judge(wire({"type": "response.created", "response": {"id": "r"}}), True, 0)
    heard = wire({"type": "conversation.item.input_audio_transcription.delta", "delta": "hi"})
    assert gate.judge(heard, True, 1) is FORWARD
    assert count(gate, Kind.TEXT, Outcome.FORWARDED) == 1


# --- what passes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [b"", b"hello", b"\xff\x00", b'{"x":' + b"[" * 99_999])
@pytest.mark.parametrize("text", [True, False])
def test_what_is_no_event_is_the_client_s_to_judge(message: bytes, text: bool) -> None:
    gate = downlink()
    assert gate.judge(memoryview(message), text, 0) is FORWARD
    assert count(gate, Kind.OTHER, Outcome.FORWARDED) == 1


@pytest.mark.parametrize(
    "name",
    ["session.created", "response.created", "response.done", "error", "response.output_item.done", "new.event"],
)
@pytest.mark.parametrize("rest", [b"}", b', "session": 7, "response": [], "error": null}', b", broken"])
def test_an_event_of_odd_shape_passes_by_the_constant_s_value(name: str, rest: bytes) -> None:
    gate = downlink()
    assert gate.judge(memoryview(b'{"type": "%s"' % name.encode() + rest), True, 0) == FORWARD
    assert sum(gate.counts) == 1


# --- the session ----------------------------------------------------------------------------------


def session(**fields: object) -> memoryview:
    return wire({"type": "session.updated", "session": {"id": "sess_1", **fields}})


def test_the_session_s_id_is_kept_for_the_support_desk() -> None:
    gate = downlink()
    assert gate.judge(session(), True, 0) is FORWARD
    assert gate.session_id == "sess_1"


def test_the_session_s_formats_are_measured_by() -> None:
    heard: list[AudioFormat] = []
    gate = downlink(set_input_format=heard.append)
    audio = {"input": {"format": {"type": "audio/pcmu"}}, "output": {"format": {"type": "audio/pcma"}}}
    gate.judge(session(audio=audio), True, 0)
    gate.judge(session(), True, 0)
    gate.judge(audio_delta(), True, 0)
    assert heard == [AudioFormat.PCMU]
    assert gate.audio_seconds == 6


def test_an_aliased_model_is_shown_as_the_client_named_it() -> None:
    gate = downlink(asked="alias", served="real")
    shown = only_sent(gate.judge(session(model="real", voice="x"), True, 0))
    assert shown["session"] == {"id": "sess_1", "model": "alias", "voice": "x"}
    assert count(gate, Kind.SESSION, Outcome.REPLACED) == sum(gate.counts) == 1


def test_a_snapshot_s_name_is_shown_as_the_alias_too() -> None:
    shown = only_sent(downlink(asked="alias", served="real").judge(session(model="real-2026-01-01"), True, 0))
    assert shown["session"]["model"] == "alias"


def test_a_session_that_names_no_model_is_left_alone() -> None:
    nameless = wire({"type": "session.updated", "session": {"id": "sess_1"}})
    assert downlink(asked="alias", served="real").judge(nameless, True, 0) is FORWARD


# --- responses and what they cost -----------------------------------------------------------------


def test_a_response_is_billed_once_it_is_done() -> None:
    allowance = Allowance(plan())
    gate = downlink(allowance=allowance)
    assert gate.judge(done(7), True, 0) == (*FORWARD, Spend("gpt-x", Usage(text_in=7), 7, "r"))
    assert gate.judge(done(3), True, 0) == (*FORWARD, Spend("gpt-x", Usage(text_in=3), 3, "r"))
    assert (gate.usage, gate.micro_usd) == (Usage(text_in=10), 10)
    assert allowance.spent_today(EPOCH) == (10, 10)


def test_a_response_without_usage_is_not_billed() -> None:
    assert downlink().judge(done(), True, 0) == FORWARD


def test_the_response_that_spends_the_day_s_budget_is_forwarded_and_ends_the_session() -> None:
    gate = downlink(plan(tokens_per_day=5))
    gate.judge(done(4), True, 0)
    assert gate.over is None
    assert gate.judge(done(4), True, 0)[0] == Forward()
    assert gate.over is Reason.BUDGET_SPENT


def test_a_budget_that_another_session_spent_ends_this_one_at_its_next_response() -> None:
    limits = plan(tokens_per_day=5)
    allowance = Allowance(limits)
    gate = downlink(limits, allowance=allowance)
    allowance.debit(5, 0, 0, EPOCH)
    gate.judge(done(), True, 0)
    assert gate.over is Reason.BUDGET_SPENT


def test_a_session_of_no_model_costs_the_dearest() -> None:
    gate = downlink(asked=None, served=None)
    assert gate.judge(done(7), True, 0) == (*FORWARD, Spend("unknown", Usage(text_in=7), 7, "r"))


def test_a_transcription_is_billed_to_the_model_that_made_it() -> None:
    gate = downlink()
    completed = wire(
        {
            "type": "conversation.item.input_audio_transcription.completed",
            "usage": {"type": "duration", "seconds": 60},
        }
    )
    assert gate.judge(completed, True, 0) == (*FORWARD, Spend("gpt-x", Usage(seconds=60), 600_000))
    gate.judge(session(audio={"input": {"transcription": {"model": "gpt-x-transcribe"}}}), True, 0)
    assert gate.judge(completed, True, 0) == (*FORWARD, Spend("gpt-x-transcribe", Usage(seconds=60), 600_000))
    assert count(gate, Kind.ITEM, Outcome.FORWARDED) == 2


# --- a response that voice activity began and the plan does not allow -----------------------------


def began(response_id: object = "r") -> memoryview:
    return wire({"type": "response.created", "response": {"id": response_id}})


@pytest.fixture
def forbidding() -> Downlink:
    """A gate whose plan has had its one response of the minute."""
    gate = downlink(plan(responses_per_minute=1))
    assert gate.judge(began("first"), True, 0) == FORWARD
    return gate


def test_a_response_that_voice_activity_began_is_charged() -> None:
    allowance = Allowance(plan(responses_per_minute=1))
    downlink(allowance=allowance).judge(began(), True, 0)
    assert allowance.take_response(0, EPOCH) is not None


def test_a_response_that_the_client_asked_for_was_charged_already() -> None:
    turns, allowance = Turns(), Allowance(plan(responses_per_minute=1))
    turns.asked(0)
    downlink(allowance=allowance, turns=turns).judge(began(), True, 0)
    assert allowance.take_response(0, EPOCH) is None


def test_one_too_many_is_cancelled_upstream_and_still_shown(forbidding: Downlink) -> None:
    actions = forbidding.judge(began(), True, 0)
    assert actions[0] == Forward()
    assert only_sent(actions, Side.UPSTREAM) == {"type": "response.cancel", "response_id": "r"}
    assert forbidding.refusals == {Refusal.TOO_MANY_RESPONSES: 1}
    forbidding.judge(began("another"), True, 0)
    assert forbidding.refusals == {Refusal.TOO_MANY_RESPONSES: 2}
    assert count(forbidding, Kind.RESPONSE, Outcome.FORWARDED) == sum(forbidding.counts) == 3


def test_its_end_is_shown_as_a_failure_with_the_reason_and_billed_all_the_same(forbidding: Downlink) -> None:
    forbidding.judge(began(), True, 0)
    actions = forbidding.judge(done(7, status="cancelled"), True, 0)
    ended = only_sent(actions)["response"]
    assert ended["status"] == "failed"
    assert ended["status_details"]["error"]["code"] == "rate_limit_exceeded"
    assert actions[1] == Spend("gpt-x", Usage(text_in=7), 7, "r")
    assert count(forbidding, Kind.RESPONSE, Outcome.REPLACED) == 1


def test_one_that_was_done_before_the_cancel_came_is_shown_as_it_is(forbidding: Downlink) -> None:
    forbidding.judge(began(), True, 0)
    assert forbidding.judge(done(), True, 0) == FORWARD


def test_a_response_without_a_name_is_nobody_s() -> None:
    gate = downlink(plan(responses_per_minute=1))
    assert [gate.judge(began(7), True, 0) for _ in range(3)] == [FORWARD] * 3
    assert gate.judge(done(response_id=None), True, 0) == FORWARD


# --- errors ---------------------------------------------------------------------------------------


def error(**fields: object) -> memoryview:
    return wire({"type": "error", "error": fields})


def test_an_error_without_secrets_passes_by_the_constant() -> None:
    gate = downlink()
    assert gate.judge(error(message="No.", details=[1, None, {"a": True}]), True, 0) is FORWARD
    assert count(gate, Kind.ERROR, Outcome.FORWARDED) == 1


def test_an_error_with_a_secret_is_shown_without_it() -> None:
    gate = downlink()
    shown = only_sent(gate.judge(error(message="key hush-hush", list=["sk-abcdefghi", 7]), True, 0))
    assert shown == {"type": "error", "error": {"message": "key ***", "list": ["***", 7]}}
    assert count(gate, Kind.ERROR, Outcome.REPLACED) == sum(gate.counts) == 1


def test_a_secret_in_quotes_takes_no_quote_of_the_event_s_with_it() -> None:
    shown = only_sent(downlink().judge(error(message='said "Bearer abc", and "api-key=x"'), True, 0))
    assert shown["error"]["message"] == 'said "***", and "***"'


@pytest.mark.parametrize(
    ("code", "waits"), [("conversation_already_has_active_response", False), ("other", True)]
)
def test_a_response_that_came_to_nothing_is_not_waited_for(code: str, waits: bool) -> None:
    turns = Turns()
    turns.asked(0)
    downlink(turns=turns).judge(error(code=code), True, 0)
    assert turns.created("r", 0) is waits
