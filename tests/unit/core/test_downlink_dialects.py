"""What the upstream says is put into the client's words; the audio inside is not looked at."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from relay.core.actions import Moment, Observe, Rehead, Send, Spend
from relay.core.dialects.dialect import GA
from relay.core.events import Kind, Outcome
from relay.core.turns import Turns
from relay.core.words import Side
from tests.unit.core.gates import count, downlink, told, wire

AUDIO = b'{"type":"response.output_audio.delta","response_id":"r","delta":"AAAA"}'


class Old:
    """A client's dialect made up for these tests."""

    renames: Mapping[bytes, bytes] = {
        b"response.output_audio.delta": b"response.audio.delta",
        b"response.output_text.delta": b"response.text.delta",
    }

    def read(self, event: dict[str, Any]) -> dict[str, Any]:
        return event

    def write(self, event: dict[str, Any]) -> dict[str, Any] | None:
        kind = event["type"]
        if kind in {"conversation.item.done", "response.mcp_call_arguments.delta"}:
            return None
        if kind.encode() in self.renames:
            return {**event, "type": self.renames[kind.encode()].decode()}
        return {**event, "old": True} if kind.startswith("response.") else event

    def param(self, path: str) -> str:
        return f"old.{path}"


class Foreign:
    """An upstream's dialect made up for these tests."""

    hears_raw = False
    acknowledges = True

    def read(self, event: dict[str, Any]) -> dict[str, Any]:
        names = {"fault": "error", "finished": "response.done"}
        name = event.get("type")
        return {**event, "type": names[name]} if name in names else event

    def write(self, event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "foreign": True}


def timed() -> Turns:
    turns = Turns()
    turns.asked(0)
    turns.created("r", 0)
    return turns


def test_a_delta_is_renamed_and_not_a_byte_more_of_it_changed() -> None:
    gate = downlink(client=Old())
    for number in range(3):
        message = AUDIO.replace(b"AAAA", b"%04d" % number)
        (renamed,) = gate.judge(memoryview(message), True, 0)
        assert isinstance(renamed, Rehead)
        assert renamed.head + message[renamed.cut :] == message.replace(b"output_audio", b"audio")
    assert count(gate, Kind.AUDIO, Outcome.REPLACED) == sum(gate.counts) == 3
    assert gate.audio_seconds > 0


def test_deltas_that_begin_otherwise_are_renamed_as_they_come() -> None:
    gate = downlink(client=Old())
    for name, written in (
        (b"output_text", b'{"type":"response.output_text.delta","delta":"a"}'),
        (b"output_text", b' { "type" : "response.output_text.delta","delta":"b"}'),
        (b"output_text", b'{"type":"response.output_text.delta","delta":"c"}'),
    ):
        (renamed,) = gate.judge(memoryview(written), True, 0)
        assert isinstance(renamed, Rehead)
        assert renamed.head + written[renamed.cut :] == written.replace(name, b"text")


@pytest.mark.parametrize(
    ("message", "moments"),
    [
        (AUDIO, [Moment.FIRST_TOKEN, Moment.FIRST_AUDIO]),
        (b'{"type":"response.output_text.delta","delta":"x"}', [Moment.FIRST_TOKEN]),
        (b'{"delta":"x","type":"response.output_text.delta"}', [Moment.FIRST_TOKEN]),
        (b'{"type":"response.function_call_arguments.delta","delta":"x"}', [Moment.FIRST_TOKEN]),
    ],
)
def test_a_renamed_delta_is_timed_as_any(message: bytes, moments: list[Moment]) -> None:
    gate = downlink(client=Old(), turns=timed())
    actions = gate.judge(memoryview(message), True, 2)
    assert [action.moment for action in actions if isinstance(action, Observe)] == moments
    assert len(actions) == 1 + len(moments)


def test_a_delta_whose_type_does_not_come_first_is_renamed_too() -> None:
    gate = downlink(client=Old())
    (sent,) = gate.judge(memoryview(b'{"delta":"x","type":"response.output_text.delta"}'), True, 0)
    assert isinstance(sent, Send)
    assert told(sent.data) == {"delta": "x", "type": "response.text.delta"}
    assert count(gate, Kind.TEXT, Outcome.REPLACED) == 1


def test_a_delta_without_another_name_passes() -> None:
    gate = downlink(client=Old())
    message = b'{"type":"response.function_call_arguments.delta","delta":"x"}'
    assert gate.judge(memoryview(message), True, 0) == downlink().judge(memoryview(message), True, 0)
    assert count(gate, Kind.TEXT, Outcome.FORWARDED) == 1


def test_a_delta_that_only_seemed_to_be_one_passes() -> None:
    broken = b'{"delta":' + b"9" * 5000 + b',"type":"response.output_text.delta"}'
    gate = downlink(client=Old())
    assert gate.judge(memoryview(broken), True, 0) == downlink().judge(memoryview(broken), True, 0)


def test_an_event_that_the_client_has_no_word_for_is_dropped_and_counted() -> None:
    gate = downlink(client=Old())
    assert gate.judge(wire({"type": "conversation.item.done", "item": {}}), True, 0) == ()
    assert count(gate, Kind.ITEM, Outcome.DROPPED) == sum(gate.counts) == 1


def test_an_event_that_is_the_same_in_both_passes_as_it_came() -> None:
    gate = downlink(client=Old())
    message = wire({"type": "input_audio_buffer.committed", "item_id": "i"})
    assert gate.judge(message, True, 0) == downlink().judge(message, True, 0)
    assert count(gate, Kind.BUFFER, Outcome.FORWARDED) == 1


def test_what_is_translated_is_billed_first() -> None:
    gate = downlink(client=Old())
    response = {"id": "r", "status": "completed", "usage": {"input_tokens": 3}}
    sent, spent = gate.judge(wire({"type": "response.done", "response": response}), True, 0)
    assert isinstance(sent, Send)
    assert told(sent.data)["old"] is True
    assert isinstance(spent, Spend)


def test_an_upstream_of_another_maker_is_put_into_ga_before_anything_else() -> None:
    gate = downlink(upstream=Foreign())
    sent, spent = gate.judge(
        wire({"type": "finished", "response": {"id": "r", "usage": {"input_tokens": 3}}}), True, 0
    )
    assert isinstance(sent, Send)
    assert told(sent.data)["type"] == "response.done"
    assert isinstance(spent, Spend)
    assert count(gate, Kind.RESPONSE, Outcome.REPLACED) == 1


def test_a_cancel_of_the_relay_s_is_put_into_the_upstream_s_words() -> None:
    from relay.core.allowance import Allowance
    from tests.unit.core.gates import plan

    limits = plan(responses_per_minute=1)
    allowance = Allowance(limits)
    assert allowance.take_response(0, 0) is None
    gate = downlink(limits, allowance=allowance, upstream=Foreign())
    actions = gate.judge(wire({"type": "response.created", "response": {"id": "r"}}), True, 0)
    (cancel,) = [action for action in actions if isinstance(action, Send) and action.side is Side.UPSTREAM]
    assert json.loads(cancel.data) == {"type": "response.cancel", "response_id": "r", "foreign": True}


def test_deployments_are_shown_under_the_names_that_clients_know() -> None:
    gate = downlink(asked="alias", served="deployed", names={"my-stt": "gpt-transcribe"}, model="gpt-x")
    session = {
        "model": "deployed",
        "audio": {"input": {"transcription": {"model": "my-stt", "language": "en"}}},
    }
    (sent,) = gate.judge(wire({"type": "session.updated", "session": session}), True, 0)
    assert isinstance(sent, Send)
    assert told(sent.data)["session"] == {
        "model": "alias",
        "audio": {"input": {"transcription": {"model": "gpt-transcribe", "language": "en"}}},
    }


def test_what_a_deployment_costs_is_looked_up_under_the_model_s_own_name() -> None:
    gate = downlink(asked="alias", served="deployed", model="gpt-x")
    gate.judge(
        wire({"type": "response.done", "response": {"id": "r", "usage": {"input_tokens": 1_000_000}}}), True, 0
    )
    assert gate.micro_usd > 0


def test_two_legs_of_today_are_not_even_read() -> None:
    gate = downlink(client=GA, upstream=GA)
    assert gate.judge(memoryview(b'{"type":"conversation.item.done" no json'), True, 0)
    assert count(gate, Kind.ITEM, Outcome.FORWARDED) == 1


def test_locked_instructions_of_a_secret_are_not_shown_to_its_bearer() -> None:
    gate = downlink(hides_instructions=True)
    session = {"id": "s", "instructions": "You sell shoes."}
    (sent,) = gate.judge(wire({"type": "session.created", "session": session}), True, 0)
    assert isinstance(sent, Send)
    assert told(sent.data)["session"] == {"id": "s", "instructions": ""}
    shown = wire({"type": "session.updated", "session": {"id": "s", "instructions": ""}})
    assert gate.judge(shown, True, 0) == downlink().judge(shown, True, 0)


def test_a_delta_that_the_client_has_no_word_for_is_dropped_wherever_its_type_stands() -> None:
    gate = downlink(client=Old(), turns=timed())
    first = b'{"type":"response.mcp_call_arguments.delta","delta":"x"}'
    (observed,) = gate.judge(memoryview(first), True, 1)
    assert isinstance(observed, Observe)
    assert gate.judge(memoryview(first), True, 1) == ()
    assert gate.judge(memoryview(b'{"delta":"x","type":"response.mcp_call_arguments.delta"}'), True, 1) == ()
    assert count(gate, Kind.TEXT, Outcome.DROPPED) == sum(gate.counts) == 3
