"""A hint is taken from wherever old handbooks put it, and nothing else is touched."""

from typing import Any

import pytest

from relay.core.latency import take
from relay.core.refusals import Refusal, Refused


def event(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": session}


@pytest.mark.parametrize(
    ("given", "bare"),
    [
        ({**event(voice="a"), "latency_hints": "low"}, event(voice="a")),
        (event(voice="a", latency_hints="low"), event(voice="a")),
        (
            event(audio={"input": {"latency_hints": "low", "format": None}}),
            event(audio={"input": {"format": None}}),
        ),
        (
            event(turn_detection={"type": "server_vad", "latency_hints": "low"}),
            event(turn_detection={"type": "server_vad"}),
        ),
        ({**event(latency_hints="low"), "latency_hints": "low"}, event()),
    ],
)
def test_it_is_taken_out(given: dict[str, Any], bare: dict[str, Any]) -> None:
    assert take(given) == (bare, "low")


@pytest.mark.parametrize(
    "given",
    [
        event(),
        event(instructions="latency_hints: low"),
        event(tools=[{"type": "function", "parameters": {"properties": {"latency_hints": {}}}}]),
        event(metadata={"latency_hints": "low"}),
        {"type": "session.update", "session": ["latency_hints"]},
    ],
)
def test_a_client_s_own_text_and_schemas_are_left_alone(given: dict[str, Any]) -> None:
    assert take(given) is None


def test_a_hint_that_is_none_is_refused_where_it_stands() -> None:
    refused = take(event(audio={"output": {"latency_hints": {"a": "low"}}}))
    assert isinstance(refused, Refused)
    assert (refused.refusal, refused.param) == (Refusal.INVALID_EVENT, "session.audio.output.latency_hints")
    assert "low, balanced, high" in refused.message


def test_two_hints_that_differ_are_refused() -> None:
    refused = take({**event(latency_hints="low"), "latency_hints": "high"})
    assert isinstance(refused, Refused)
    assert refused.param == "latency_hints"


def test_what_was_given_is_not_changed() -> None:
    given = event(latency_hints="low", audio={"input": {"latency_hints": "low"}})
    take(given)
    assert given == event(latency_hints="low", audio={"input": {"latency_hints": "low"}})
