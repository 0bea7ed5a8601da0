"""Every failure is a sentence, and says what to do where there is something to do."""

import pytest

from relay.core.refusals import Refusal
from relay.voice import failures
from relay.voice.failures import ErrorBody, Kind

BODY = (
    b'{"error":{"type":"invalid_request_error","code":"invalid_api_key","message":"Who are you?","param":null}}'
)


def test_a_refusal_is_told_in_the_servers_words_with_what_to_do() -> None:
    failure = failures.refused(401, "Unauthorized", BODY, None)
    assert failure.kind is Kind.REFUSED
    assert failure.message == "The server refused with HTTP 401: Who are you?"
    assert failure.advice is not None
    assert "--key" in failure.advice
    assert (failure.http_status, failure.code) == (401, "invalid_api_key")


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[]", b'{"error":[]}', b'{"error":{"code":[]}}'])
def test_a_body_of_another_shape_says_nothing_and_breaks_nothing(body: bytes) -> None:
    assert (
        failures.refused(404, "Not Found", body, None).message == "The server refused with HTTP 404 Not Found."
    )


def test_a_bare_sentence_for_an_error_is_shown() -> None:
    assert failures.refused(400, "Bad Request", b'{"error":"no"}', None).message.endswith(": no")


def test_how_long_to_wait_is_told() -> None:
    failure = failures.refused(429, "Too Many Requests", b"", "7")
    assert (failure.retry_after, failure.advice) == (7.0, "Wait 7 s, then try again.")
    assert failures.refused(429, "Too Many Requests", b"", "Wed, 21 Oct 2026 07:28:00 GMT").retry_after is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 426, 429, 500, 502, 503, 504])
def test_every_usual_status_has_its_advice(status: int) -> None:
    assert failures.refused(status, "", b"", None).advice


@pytest.mark.parametrize(
    ("param", "names"),
    [
        ("relay_region", "relay_region="),
        ("model", "--model"),
        ("session.model", "--model"),
        ("session.audio.input.transcription.model", "--transcription"),
        ("session.audio.output.voice", "--voice"),
        ("response.instructions", "--instructions"),
    ],
)
def test_what_is_not_allowed_is_told_by_the_option_that_asked_for_it(param: str, names: str) -> None:
    body = f'{{"error":{{"code":"not_allowed","message":"No.","param":"{param}"}}}}'.encode()
    at_the_door = failures.refused(403, "Forbidden", body, None).advice
    assert at_the_door is not None
    assert names in at_the_door
    assert failures.error(ErrorBody(code="not_allowed", param=param)).advice == at_the_door


@pytest.mark.parametrize("param", [None, "", "session.tools[0].name", "remodel", 'a"b'])
def test_what_is_not_allowed_and_has_no_option_is_left_to_the_message(param: str | None) -> None:
    told = failures.error(ErrorBody(code="not_allowed", param=param))
    assert told.advice == "Ask for what the key's tenant may use; the message names what is not."


def test_a_param_says_nothing_where_something_else_is_wrong() -> None:
    told = failures.error(ErrorBody(code="session_conflict", param="model"))
    assert told.advice == Refusal.SESSION_CONFLICT.advice


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_of_the_relay_has_its_advice(refusal: Refusal) -> None:
    assert failures.error(ErrorBody(code=refusal.code)).advice


def test_a_lost_connection_is_not_a_close_with_a_code() -> None:
    assert failures.closed(None, "").message == "The connection was lost."
    assert failures.closed(1012, "bye").message == "The server hung up with code 1012 (bye)."


def test_an_error_keeps_its_words_when_the_close_follows() -> None:
    failure = failures.with_close(failures.error(ErrorBody(message="no")), 1013, "later")
    assert failure.message == "The server sent an error: no"
    assert (failure.close_code, failure.close_reason, failure.advice) == (
        1013,
        "later",
        "Wait, then try again.",
    )


def test_a_failed_answer_tells_why_it_failed() -> None:
    told = failures.unanswered("failed", "error", ErrorBody(code="insufficient_quota", message="Spent."))
    assert (told.kind, told.message, told.code) == (
        Kind.FAILED,
        "The answer ended as failed: Spent.",
        "insufficient_quota",
    )
    assert told.advice is not None
    assert (
        failures.unanswered("cancelled", "client_cancelled", None).message
        == "The answer ended as cancelled: client_cancelled"
    )
