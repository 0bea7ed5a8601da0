"""xAI's errors reach a client as GA's, and everything else as it came."""

from typing import Any

import pytest
from openai.types.realtime import RealtimeErrorEvent

from relay.core.dialects.upstream_errors import WORDLESS
from relay.core.dialects.xai import XAI


def told(error: Any) -> dict[str, Any]:
    """Read an error event with *error* inside, and return what became of that."""
    event = XAI.read({"type": "error", "event_id": "event_1", "error": error})
    RealtimeErrorEvent.model_validate(event, strict=True)
    assert event["event_id"] == "event_1"
    inner: dict[str, Any] = event["error"]
    return inner


@pytest.mark.parametrize(
    ("kind", "code", "ga_kind", "ga_code"),
    [
        ("max_duration", None, "invalid_request_error", "session_expired"),
        ("max_duration", "max_duration", "invalid_request_error", "session_expired"),
        ("invalid_request_error", "invalid_value", "invalid_request_error", "invalid_value"),
        ("internal_error", "server_error", "server_error", "server_error"),
        ("rate_limit_error", None, "rate_limit_error", None),
        ("a_type_of_tomorrow", "odd", "server_error", "odd"),
        (None, None, "server_error", None),
        (["max_duration"], 7, "server_error", None),
    ],
)
def test_type_and_code_are_those_of_ga(kind: Any, code: Any, ga_kind: str, ga_code: str | None) -> None:
    inner = told({"type": kind, "code": code, "message": "Words.", "param": "session.voice"})
    assert inner == {
        "type": ga_kind,
        "code": ga_code,
        "message": "Words.",
        "param": "session.voice",
        "event_id": None,
    }


def test_the_event_that_xai_names_is_its_own_and_is_not_told() -> None:
    assert told({"type": "server_error", "message": "Words.", "event_id": "event_9"})["event_id"] is None


def test_an_error_in_ga_terms_is_the_very_object() -> None:
    error = {"type": "server_error", "code": None, "message": "Words.", "param": None, "event_id": None}
    event = {"type": "error", "event_id": "event_1", "error": error}
    assert XAI.read(event) is event


@pytest.mark.parametrize(
    ("error", "message"), [("Words.", "Words."), (None, WORDLESS), (7, WORDLESS), (["x"], WORDLESS)]
)
def test_an_error_that_is_no_object_is_made_one(error: Any, message: str) -> None:
    inner = told(error)
    assert (inner["type"], inner["message"]) == ("server_error", message)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "conversation.created", "conversation": {"id": "conv_1"}},
        {"type": "response.done", "response": {"status": "failed", "error": {"type": "max_duration"}}},
        {"type": ["error"], "error": {}},
        {},
    ],
)
def test_every_other_event_is_the_very_object(event: dict[str, Any]) -> None:
    assert XAI.read(event) is event
    assert XAI.write(event) is event
