"""What an upstream answers to a dial is classified once, and our own troubles are never the client's."""

import json

import pytest

from relay.core import answers
from relay.core.answers import ACCEPTED, RETRY_AFTER, Answer, Verdict
from relay.core.refusals import Refusal
from tests.unit.core.gates import wire


def redact(text: str) -> str:
    return text.replace("sk-secret", "***")


def said(answer: Answer) -> tuple[Verdict, Refusal | None]:
    return answer.verdict, answer.refused.refusal if answer.refused is not None else None


def error(**fields: object) -> memoryview:
    return wire({"type": "error", "error": fields})


NEXT_KEY = (Verdict.NEXT_KEY, Refusal.UPSTREAM_FAILED)
BUSY = (Verdict.NEXT_UPSTREAM, Refusal.UPSTREAM_BUSY)
FAILED = (Verdict.NEXT_UPSTREAM, Refusal.UPSTREAM_FAILED)
TOLD = (Verdict.TELL_CLIENT, Refusal.UPSTREAM_REJECTED)


def test_an_upstream_that_cannot_be_reached_is_a_reason_to_try_the_next() -> None:
    answer = answers.to_failure("TLS")
    assert said(answer) == FAILED
    assert answer.refused is not None
    assert "TLS" in answer.refused.message


def test_silence_is_late() -> None:
    assert said(answers.to_silence()) == (Verdict.NEXT_UPSTREAM, Refusal.UPSTREAM_LATE)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_ours_and_the_next_one_s_turn(status: int) -> None:
    assert said(answers.to_status(status, None, b"", redact)) == NEXT_KEY


def test_a_limit_of_the_key_s_rests_it_as_long_as_the_upstream_said() -> None:
    answer = answers.to_status(429, 7.0, b"", redact)
    assert said(answer) == (Verdict.NEXT_KEY, Refusal.UPSTREAM_BUSY)
    assert answer.rest == 7
    assert answer.refused is not None
    assert answer.refused.retry_after == 7


@pytest.mark.parametrize("status", [500, 502, 503, 599])
def test_an_upstream_in_trouble_is_busy(status: int) -> None:
    answer = answers.to_status(status, None, b"", redact)
    assert said(answer) == BUSY
    assert answer.refused is not None
    assert answer.refused.retry_after == RETRY_AFTER


@pytest.mark.parametrize("status", [200, 302, 418])
def test_a_status_that_makes_no_sense_is_a_failure(status: int) -> None:
    answer = answers.to_status(status, None, b"", redact)
    assert said(answer) == FAILED
    assert answer.refused is not None
    assert str(status) in answer.refused.message


@pytest.mark.parametrize("status", [400, 404, 422])
def test_what_is_wrong_with_the_request_is_told_to_the_client_without_secrets(status: int) -> None:
    body = {"error": {"message": "No model for sk-secret", "code": "model_not_found", "param": "model"}}
    answer = answers.to_status(status, None, json.dumps(body).encode(), redact)
    assert said(answer) == TOLD
    assert answer.refused is not None
    assert (answer.refused.message, answer.refused.code, answer.refused.param) == (
        "No model for ***",
        "model_not_found",
        "model",
    )


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}', b"[" * 99_999])
@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_status_without_the_api_s_error_is_a_wrong_address_and_not_the_client_s(
    status: int, body: bytes
) -> None:
    answer = answers.to_status(status, None, body, redact)
    assert answer.verdict is Verdict.NEXT_UPSTREAM
    assert answer.refused is not None
    assert answer.refused.refusal is Refusal.UPSTREAM_FAILED


def test_an_error_that_says_nothing_is_a_plain_rejection() -> None:
    answer = answers.to_status(400, None, b'{"error": {"code": 7}}', redact)
    assert said(answer) == TOLD
    assert answer.refused is not None
    assert answer.refused.message == "The upstream rejected the request."
    assert answer.refused.code is answer.refused.param is None


@pytest.mark.parametrize("status", [413, 414, 431])
def test_a_request_that_is_too_large_is_the_client_s_to_mend(status: int) -> None:
    assert answers.to_status(status, None, b"", redact).verdict is Verdict.TELL_CLIENT


def test_an_upstream_s_words_are_cut_where_they_run_on() -> None:
    answer = answers.to_first_event(error(type="invalid_request_error", message="x" * 9999), redact)
    assert answer.refused is not None
    assert answer.refused.message == "x" * 500


@pytest.mark.parametrize("event", [{"type": "session.created", "session": {}}, {"type": "anything.else"}])
def test_a_first_event_that_is_no_error_is_an_acceptance(event: object) -> None:
    assert answers.to_first_event(wire(event), redact) is ACCEPTED


@pytest.mark.parametrize("message", [b"", b"hello", b"[1]", b"{}", b'{"type": 7}', b"\xff", b"[" * 99_999])
def test_a_first_message_that_is_no_event_is_a_failure(message: bytes) -> None:
    assert said(answers.to_first_event(memoryview(message), redact)) == FAILED


@pytest.mark.parametrize(
    ("fields", "meant"),
    [
        ({"type": "invalid_request_error", "code": "invalid_api_key"}, NEXT_KEY),
        ({"type": "insufficient_quota", "code": "insufficient_quota"}, NEXT_KEY),
        (
            {"type": "invalid_request_error", "code": "rate_limit_exceeded"},
            (Verdict.NEXT_KEY, Refusal.UPSTREAM_BUSY),
        ),
        ({"type": "rate_limit_error"}, (Verdict.NEXT_KEY, Refusal.UPSTREAM_BUSY)),
        ({"type": "server_error"}, BUSY),
        ({"type": "a_new_kind_of_error"}, BUSY),
        ({}, BUSY),
        ({"type": "invalid_request_error", "code": "model_not_found"}, TOLD),
        ({"type": "invalid_request_error", "code": ["odd"]}, TOLD),
    ],
)
def test_an_error_in_the_first_event_is_sorted_by_whose_fault_it_is(
    fields: dict[str, object], meant: tuple[Verdict, Refusal]
) -> None:
    assert said(answers.to_first_event(error(**fields), redact)) == meant


def test_our_own_key_s_troubles_are_never_the_client_s_401() -> None:
    for answer in (answers.to_status(401, None, b"", redact), answers.to_close(3000)):
        assert answer.refused is not None
        assert answer.refused.refusal.status == 502


def test_the_close_of_a_bad_key_is_told_from_any_other() -> None:
    assert said(answers.to_close(3000)) == NEXT_KEY
    assert said(answers.to_close(1011)) == FAILED
    assert said(answers.to_close(None)) == FAILED


def test_what_an_upstream_says_to_the_relay_s_own_settings_is_told_without_secrets() -> None:
    event = {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "No hush-hush.",
            "code": "invalid_value",
            "param": "session.x",
        },
    }
    answer = answers.to_error(event, lambda words: words.replace("hush-hush", "***"))
    assert answer.verdict is Verdict.TELL_CLIENT
    assert answer.refused is not None
    assert (answer.refused.message, answer.refused.param) == ("No ***.", "session.x")
