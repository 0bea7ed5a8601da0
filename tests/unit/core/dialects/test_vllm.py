"""vLLM's errors reach a client as GA's, and everything else as it came."""

from typing import Any

import pytest
from openai.types.realtime import RealtimeErrorEvent

from relay.core.dialects.upstream_errors import WORDLESS
from relay.core.dialects.vllm import VLLM


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_json", "invalid_request_error"),
        ("invalid_audio", "invalid_request_error"),
        ("model_not_validated", "invalid_request_error"),
        ("unknown_event", "invalid_request_error"),
        ("processing_error", "server_error"),
        ("a_code_of_tomorrow", "server_error"),
        (None, "server_error"),
    ],
)
def test_a_string_becomes_an_object(code: str | None, kind: str) -> None:
    event = VLLM.read({"type": "error", "error": "Invalid JSON", "code": code})
    RealtimeErrorEvent.model_validate(event, strict=True)
    assert event.keys() == {"type", "event_id", "error"}
    assert event["error"] == {
        "type": kind,
        "code": code,
        "message": "Invalid JSON",
        "param": None,
        "event_id": None,
    }


def test_an_object_is_made_whole() -> None:
    said = {"message": "No such model.", "type": "NotFoundError", "param": "model", "code": 404}
    event = VLLM.read({"type": "error", "event_id": "event_1", "error": said})
    RealtimeErrorEvent.model_validate(event, strict=True)
    assert event["error"] == {
        "type": "server_error",
        "code": None,
        "message": "No such model.",
        "param": "model",
        "event_id": None,
    }


def test_an_error_in_ga_terms_is_the_very_object() -> None:
    error = {
        "type": "invalid_request_error",
        "code": "processing_error",
        "message": "Words.",
        "param": None,
        "event_id": "event_of_the_client",
    }
    event = {"type": "error", "event_id": "event_1", "error": error}
    assert VLLM.read(event) is event


@pytest.mark.parametrize("error", [None, 7, ["x"], [{"type": "error"}]])
@pytest.mark.parametrize("code", [7, ["x"], {"x": 1}])
def test_an_error_without_words_says_so(error: Any, code: Any) -> None:
    event = VLLM.read({"type": "error", "error": error, "code": code})
    assert (event["error"]["message"], event["error"]["code"]) == (WORDLESS, None)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "session.created", "id": "sess-1", "created": 1},
        {"type": "transcription.delta", "delta": "error"},
        {"type": "transcription.done", "text": "", "usage": None},
        {"type": {"error": "x"}, "error": "x", "code": "x"},
        {"error": "x", "code": "x"},
    ],
)
def test_every_other_event_is_the_very_object(event: dict[str, Any]) -> None:
    assert VLLM.read(event) is event
    assert VLLM.write(event) is event
