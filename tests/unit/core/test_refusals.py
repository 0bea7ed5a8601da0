"""Every row can be told: to HTTP, to a session, and with a close code that a peer accepts."""

import json

import pytest

from relay.core.refusals import Reason, Refusal, Refused

MAY_BE_SENT = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
"""RFC 6455, 7.4, and the registry of close codes."""


@pytest.mark.parametrize("members", [list(Refusal), list(Reason)])
def test_no_two_rows_share_a_label(members: list[Refusal | Reason]) -> None:
    assert len({member.label for member in members}) == len(members)


@pytest.mark.parametrize("refusal", Refusal)
def test_a_refusal_is_an_error_in_http_and_says_what_to_do(refusal: Refusal) -> None:
    assert 400 <= refusal.status < 600
    assert refusal.advice.endswith(".")
    assert refusal.label.replace("_", "").islower()
    assert refusal.kind == "server_error" or refusal.status < 500


@pytest.mark.parametrize("refusal", [refusal for refusal in Refusal if refusal.close is not None])
def test_a_refusal_closes_with_a_code_that_may_be_sent(refusal: Refusal) -> None:
    assert refusal.close in MAY_BE_SENT


@pytest.mark.parametrize("reason", Reason)
def test_a_session_ends_with_a_code_that_may_be_sent(reason: Reason) -> None:
    assert reason.code in MAY_BE_SENT
    assert len(reason.label.encode()) <= 123
    if reason.says is not None:
        assert reason.says.close == reason.code


def test_codes_on_which_clients_stop_retrying_are_as_promised() -> None:
    assert (Refusal.INVALID_KEY.status, Refusal.INVALID_KEY.close) == (401, 3000)
    assert (Refusal.BUDGET_SPENT.code, Refusal.BUDGET_SPENT.kind) == ("insufficient_quota",) * 2
    assert Reason.KEY_REVOKED.code == 3000


@pytest.mark.parametrize("refusal", [Refusal.HEAD_TOO_SLOW, Refusal.INVALID_JSON])
def test_what_a_head_or_an_event_shares_with_a_body_speaks_of_both(refusal: Refusal) -> None:
    assert "body" in refusal.advice
    assert "head" in refusal.advice or "message" in refusal.advice


def test_too_many_sessions_may_be_told_to_whoever_mints() -> None:
    assert "session" in Refusal.TOO_MANY_SESSIONS.advice
    assert "client secret" in Refusal.TOO_MANY_SESSIONS.advice


def test_a_body_is_shaped_as_openai_s() -> None:
    refused = Refused(Refusal.INVALID_KEY, "No such key.", param=None)
    assert json.loads(refused.body()) == {
        "error": {
            "type": "invalid_request_error",
            "code": "invalid_api_key",
            "message": "No such key.",
            "param": None,
        }
    }


def test_an_upstream_that_knew_better_is_quoted() -> None:
    assert Refused(Refusal.UPSTREAM_REJECTED, "m", code="model_not_found").error()["code"] == "model_not_found"


def test_an_event_carries_the_five_fields_and_its_status() -> None:
    refused = Refused(Refusal.CHUNK_TOO_LARGE, "Too large.", param="audio", event_id="mine")
    assert json.loads(refused.event("event_1")) == {
        "type": "error",
        "event_id": "event_1",
        "error": {
            "type": "invalid_request_error",
            "code": "audio_chunk_too_large",
            "message": "Too large.",
            "param": "audio",
            "event_id": "mine",
            "status": 413,
        },
    }


def test_a_wait_is_told_in_milliseconds() -> None:
    told = json.loads(Refused(Refusal.TOO_MANY_SESSIONS, "Wait.", retry_after=1.2345).event("event_1"))
    assert told["error"]["retry_after_ms"] == 1234
    at_once = json.loads(Refused(Refusal.TOO_MANY_SESSIONS, "Go.", retry_after=0).event("event_1"))
    assert at_once["error"]["retry_after_ms"] == 0
