"""The relay's own update is answered before the client comes in, and the client sees its effect alone."""

import json
from typing import Any

import pytest

from relay.core.answers import ACCEPTED, Verdict
from relay.core.dialects.dialect import GA
from relay.core.presetting import EVENT_ID, Presetting

SESSION = {"type": "realtime", "instructions": "Hum."}


def wire(event: object) -> bytes:
    return json.dumps(event).encode()


def asked() -> Presetting:
    return Presetting(SESSION, GA, lambda words: words.replace("sk-secret", "***"))


def error(event_id: str | None, **more: Any) -> bytes:
    return wire({"type": "error", "error": {"type": "invalid_request_error", "event_id": event_id, **more}})


def test_the_question_is_a_session_update_with_a_name() -> None:
    assert json.loads(asked().question) == {
        "type": "session.update",
        "event_id": EVENT_ID,
        "session": SESSION,
    }


def test_an_acknowledgement_is_the_answer_and_the_client_sees_the_session_in_session_created() -> None:
    setting = asked()
    effective = {"id": "sess_1", "instructions": "Hum.", "voice": "a"}
    assert setting.hear(wire({"type": "session.updated", "session": effective}))
    assert setting.answer is ACCEPTED
    created = wire({"type": "session.created", "event_id": "e1", "session": {"id": "sess_1"}})
    assert json.loads(setting.shown(created)) == {
        "type": "session.created",
        "event_id": "e1",
        "session": effective,
    }


@pytest.mark.parametrize("event_id", [EVENT_ID, None, "", "evt_other"])
def test_any_error_is_the_answer_since_nobody_else_has_spoken(event_id: str | None) -> None:
    setting = asked()
    assert setting.hear(error(event_id, message="Bad voice of sk-secret", code="invalid_value", param="v"))
    assert setting.answer is not None
    assert setting.answer.verdict is Verdict.TELL_CLIENT
    refused = setting.answer.refused
    assert refused is not None
    assert (refused.message, refused.code, refused.param) == ("Bad voice of ***", "invalid_value", "v")


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("insufficient_quota", Verdict.NEXT_KEY),
        ("invalid_api_key", Verdict.NEXT_KEY),
        ("rate_limit_exceeded", Verdict.NEXT_KEY),
    ],
)
def test_trouble_of_the_relay_s_own_key_is_never_the_client_s(code: str, verdict: Verdict) -> None:
    setting = asked()
    assert setting.hear(error(EVENT_ID, code=code, message="You ran out."))
    assert setting.answer is not None
    assert setting.answer.verdict is verdict


def test_whatever_else_is_said_meanwhile_is_the_client_s() -> None:
    setting = asked()
    for other in (wire({"type": "conversation.created"}), b"no json", b"[]"):
        assert not setting.hear(other)
    assert setting.answer is None


def test_what_is_no_session_created_is_shown_as_it_came() -> None:
    setting = asked()
    created = wire({"type": "session.created", "session": {"id": "s"}})
    assert setting.shown(created) is created  # nothing was acknowledged
    setting.hear(wire({"type": "session.updated", "session": {"id": "s"}}))
    for other in (wire({"type": "conversation.created"}), b"no json"):
        assert setting.shown(other) is other
