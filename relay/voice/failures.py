"""Every way in which a call comes to nothing: one closed set, each with a sentence and what to do.

Rule: a failure is a value; `CallFailedError` carries it from where it is met to `relay.voice.call`, no further.
"""

from enum import Enum
from http import HTTPStatus
from typing import Final

import msgspec

from relay.core.refusals import Refusal
from relay.core.words import Seconds


class Kind(Enum):
    """What went wrong, as `--json` names it."""

    UNREACHABLE = "unreachable"
    """No connection: no such host, nothing listens, TLS or a proxy is in the way."""
    REFUSED = "refused"
    """The server answered the upgrade with an HTTP status."""
    ERROR = "error"
    """The server sent an `error` event."""
    CLOSED = "closed"
    """The server hung up, or the connection was lost, before the call was over."""
    LATE = "late"
    """Something that the server owed did not come in time."""
    UNHEARD = "unheard"
    """All was spoken, and the server's voice detection noticed no speech."""
    FAILED = "failed"
    """A response ended as failed, or as cancelled by someone."""
    INCOMPLETE = "incomplete"
    """A response was cut short: by its token limit, or by a content filter."""
    MICROPHONE = "microphone"
    """The microphone gave out, or there is none."""
    NONSENSE = "nonsense"
    """What came is no event of the Realtime API."""


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a call came to nothing."""

    kind: Kind
    message: str
    advice: str | None = None
    http_status: int | None = None
    error_type: str | None = None
    code: str | None = None
    param: str | None = None
    close_code: int | None = None
    close_reason: str | None = None
    retry_after: Seconds | None = None


class CallFailedError(Exception):
    """Ends a call from within; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


_KEY: Final = (
    "Give a key that this URL accepts: --key, or in the environment RELAY_KEY (for openai.com: OPENAI_API_KEY)."
)
_MODEL: Final = "Name a model that this URL serves: --model."
_WAIT: Final = "Wait, then try again."

_BY_CODE: Final = {
    **{refusal.code: refusal.advice for refusal in Refusal},
    "invalid_api_key": _KEY,
    "insufficient_permissions": "Use a key that may open Realtime sessions.",
    "missing_model": _MODEL,
    "invalid_model": _MODEL,
    "model_not_found": _MODEL,
    "insufficient_quota": "The budget behind this key is spent; a relay's starts anew at 00:00 UTC.",
    "rate_limit_exceeded": _WAIT,
    "unsupported_country_region_territory": "Call from, or through, a region that the API serves.",
    "input_audio_buffer_commit_empty": "Speak for at least a tenth of a second.",
    "not_allowed": "Ask for what the key's tenant may use; the message names what is not.",
}
"""What to do about an error code: the relay's own rows, then what is clearer here or is not the relay's."""

_NOT_ALLOWED: Final = (
    ("relay_region", "Name a region of this tenant's in the URL (relay_region=...), or leave it out."),
    ("call_id", "Name a call of this key's own in the URL (call_id=...)."),
    ("transcription.model", "Name a model for transcription that the key may use: --transcription."),
    ("model", "Name a model that this key may use: --model."),
    ("voice", "Name a voice that this key may use: --voice."),
    ("instructions", "Leave --instructions out: this tenant's are locked."),
)
"""What to do where something is not allowed, by how the error's `param` ends. The first that fits counts."""

_BY_STATUS: Final = {
    400: "Correct the URL or the model as the message says.",
    401: _KEY,
    403: "Ask for something this key may use, or use another key.",
    404: "Check the path: a Realtime URL ends in /v1/realtime.",
    405: "Check the path: a Realtime URL ends in /v1/realtime.",
    409: "A session of that name is live: end it, or choose another name.",
    426: "This address speaks HTTP and not WebSocket: check the path.",
    429: _WAIT,
}
_SERVER_ERROR: Final = 500

_BY_CLOSE: Final = {
    1001: "The session was over: call again.",
    1008: "The server lost patience with this client; its reason says why.",
    1011: "The server had an error: try again in a moment.",
    1012: "The server restarts: call again.",
    1013: _WAIT,
    3000: _KEY,
    4003: "Ask for something this key may use, or use another key.",
    4009: "A session of that name was opened elsewhere.",
}


def refused(status: int, reason: str, body: bytes, retry_after: str | None) -> Failure:
    """Return the failure of an upgrade answered with *status*; *body* may be shaped as OpenAI's."""
    told = _told(body)
    message = f"The server refused with HTTP {status}"
    message += f": {told.message}" if told.message else f" {reason}."
    wait = float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
    advice: str | None
    if wait is not None and (status == HTTPStatus.TOO_MANY_REQUESTS or status >= _SERVER_ERROR):
        advice = f"Wait {wait:.0f} s, then try again."
    elif status >= _SERVER_ERROR:
        advice = _advice(told) or "The trouble is on the server's side: try again in a moment."
    else:
        advice = _advice(told) or _BY_STATUS.get(status)
    return Failure(
        kind=Kind.REFUSED,
        message=message,
        advice=advice,
        http_status=status,
        error_type=told.type,
        code=told.code,
        param=told.param,
        retry_after=wait,
    )


def error(told: "ErrorBody") -> Failure:
    """Return the failure that an `error` event is."""
    why = told.message or told.code or "it says no more"
    return _as_told(Failure(kind=Kind.ERROR, message=f"The server sent an error: {why}"), told)


def unanswered(status: str, reason: str | None, told: "ErrorBody | None") -> Failure:
    """Return the failure of a response that ended as *status*; what is told of it is the server's."""
    why = (told.message or told.code) if told is not None else None
    failure = Failure(
        kind=Kind.FAILED, message=f"The answer ended as {status}: {why or reason or 'it says no more'}"
    )
    return failure if told is None else _as_told(failure, told)


def closed(code: int | None, reason: str) -> Failure:
    """Return the failure of a connection that ended early; *code* is None where no close frame came."""
    if code is None:
        return Failure(
            kind=Kind.CLOSED, message="The connection was lost.", advice="Check the network, then call again."
        )
    return Failure(
        kind=Kind.CLOSED,
        message=f"The server hung up with code {code}" + (f" ({reason})." if reason else "."),
        advice=_BY_CLOSE.get(code),
        close_code=code,
        close_reason=reason or None,
    )


def with_close(failure: Failure, code: int | None, reason: str) -> Failure:
    """Return *failure* as it is told after the close that followed it."""
    advice = failure.advice or closed(code, reason).advice
    return msgspec.structs.replace(failure, close_code=code, close_reason=reason or None, advice=advice)


def late(owed: str, patience: Seconds) -> Failure:
    """Return the failure of a server that kept silent for *patience*; *owed* is what it should have sent."""
    return Failure(
        kind=Kind.LATE,
        message=f"Nothing came for {patience:g} s: {owed}.",
        advice="See whether the server and its upstream are well, or wait longer: --timeout.",
    )


class ErrorBody(msgspec.Struct, frozen=True):
    """The error object that HTTP bodies, `error` events and failed responses share."""

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None


def _as_told(failure: Failure, told: ErrorBody) -> Failure:
    advice = _advice(told)
    return msgspec.structs.replace(
        failure, error_type=told.type, code=told.code, param=told.param, advice=advice
    )


def _advice(told: ErrorBody) -> str | None:
    if told.code == Refusal.NOT_ALLOWED.code and told.param:
        for ending, advice in _NOT_ALLOWED:
            if told.param == ending or told.param.endswith(f".{ending}"):
                return advice
    return _BY_CODE.get(told.code or "")


class _Body(msgspec.Struct):
    error: ErrorBody | str


def _told(body: bytes) -> ErrorBody:
    """Read what a refusal says of itself; what is not shaped as OpenAI's says nothing."""
    try:
        told = msgspec.json.decode(body, type=_Body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ErrorBody()
    return told if isinstance(told, ErrorBody) else ErrorBody(message=told)
