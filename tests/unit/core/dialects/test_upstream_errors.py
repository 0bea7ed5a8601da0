"""Whatever stood in an error, it leaves with five fields of the right types and an id."""

from typing import Any

import pytest
from openai.types.realtime import RealtimeErrorEvent

from relay.core.dialects.upstream_errors import KINDS, WORDLESS, error_event, text
from relay.core.refusals import Refusal

WHOLE = {"type": "server_error", "code": None, "message": "Words.", "param": None, "event_id": None}


def test_an_error_that_is_whole_is_returned_itself() -> None:
    event = {"type": "error", "event_id": "event_1", "error": {**WHOLE}}
    assert error_event(event, event["error"], "server_error") is event  # type: ignore[arg-type]


def test_what_is_missing_is_filled_in() -> None:
    told = error_event({"type": "error"}, {}, "server_error")
    assert told["error"] == {**WHOLE, "message": WORDLESS}
    assert isinstance(told["event_id"], str)
    RealtimeErrorEvent.model_validate(told, strict=True)


@pytest.mark.parametrize("wrong", [7, True, 0.5, [], {}, ["x"], {"x": 1}, None])
def test_what_is_of_another_type_is_not_told(wrong: Any) -> None:
    error = dict.fromkeys(WHOLE, wrong)
    told = error_event({"type": "error", "event_id": wrong, "error": error}, error, "server_error")
    assert told["error"] == {**WHOLE, "message": WORDLESS}
    RealtimeErrorEvent.model_validate(told, strict=True)


def test_the_argument_is_not_changed_and_what_else_stood_there_stays() -> None:
    event: dict[str, Any] = {"type": "error", "at": 1, "error": {"message": "Words.", "retry": 2}}
    told = error_event(event, event["error"], "server_error")
    assert event == {"type": "error", "at": 1, "error": {"message": "Words.", "retry": 2}}
    assert (told["at"], told["error"]["retry"]) == (1, 2)


def test_equal_words_have_equal_ids_and_others_have_others() -> None:
    first, again, other = (
        error_event({"type": "error"}, {"message": words}, "server_error")["event_id"]
        for words in ("One.", "One.", "Two.")
    )
    assert first == again != other


def test_words_that_no_text_may_hold_still_have_an_id() -> None:
    assert error_event({"type": "error"}, {"message": "\ud800"}, "server_error")["event_id"]


def test_the_kinds_are_those_that_the_relay_itself_tells() -> None:
    assert {refusal.kind for refusal in Refusal} == KINDS


def test_text_is_a_string_or_nothing() -> None:
    assert text("") == ""
    assert text(b"x") is None
