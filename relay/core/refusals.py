"""Every way of saying no, and every way a session ends: two closed sets, a row each.

Rule: a status, an error code, a close code or a label of ours stands here and nowhere else;
the wire, the log, the metrics and `docs/refusals.md` all read these rows.
"""

from enum import Enum
from typing import Any, Final

import msgspec

from relay.core.words import Seconds

INVALID: Final = "invalid_request_error"
RATE: Final = "rate_limit_error"
QUOTA: Final = "insufficient_quota"
SERVER: Final = "server_error"


class Refusal(Enum):
    """One way of saying no.

    A row: label (metrics, logs) · HTTP status, at the door and as `error.status` · `error.type` ·
    `error.code` · the close code that follows, None where the session lives · what the client should do.
    """

    INVALID_KEY = (
        "invalid_key", 401, INVALID, "invalid_api_key", 3000,
        "Use a key of this relay that is still active. Do not retry with the same one.",
    )  # fmt: skip
    NOT_ALLOWED = (
        "not_allowed", 403, INVALID, "not_allowed", 4003,
        "Ask for something the plan allows; the message names what is not.",
    )  # fmt: skip
    BAD_REQUEST = (
        "bad_request", 400, INVALID, "invalid_request", 4000,
        "Correct the request as the message says.",
    )  # fmt: skip
    NOT_FOUND = (
        "not_found", 404, INVALID, "not_found", 4004,
        "Connect to /v1/realtime; the path or the call is not known here.",
    )  # fmt: skip
    METHOD_NOT_ALLOWED = (
        "method_not_allowed", 405, INVALID, "method_not_supported", None,
        "Use the method that the answer's Allow header names.",
    )  # fmt: skip
    BODY_TOO_LARGE = (
        "body_too_large", 413, INVALID, "request_too_large", None,
        "Shorten the request's body.",
    )  # fmt: skip
    UPGRADE_REQUIRED = (
        "upgrade_required", 426, INVALID, "upgrade_required", None,
        "Open a WebSocket: this address answers no plain request.",
    )  # fmt: skip
    HEAD_TOO_SLOW = (
        "head_too_slow", 408, INVALID, "request_timeout", None,
        "Send the whole request head within ten seconds, and a body within ten more.",
    )  # fmt: skip
    URL_TOO_LONG = (
        "url_too_long", 414, INVALID, "uri_too_long", None,
        "Shorten the query.",
    )  # fmt: skip
    HEAD_TOO_LARGE = (
        "head_too_large", 431, INVALID, "headers_too_large", None,
        "Send fewer or shorter headers.",
    )  # fmt: skip
    SESSION_CONFLICT = (
        "session_conflict", 409, INVALID, "session_conflict", 4009,
        "End the session that bears this name, or choose another name.",
    )  # fmt: skip
    CHUNK_TOO_LARGE = (
        "audio_chunk_too_large", 413, INVALID, "audio_chunk_too_large", None,
        "Send the audio in smaller appends; this one was not forwarded, nothing else is lost.",
    )  # fmt: skip
    AUDIO_FORMAT = (
        "audio_format", 400, INVALID, "unsupported_audio_format", None,
        "Send raw 16-bit PCM at 24 kHz, or G.711 at 8 kHz, without a header; the message names what came.",
    )  # fmt: skip
    INVALID_JSON = (
        "invalid_json", 400, INVALID, "invalid_json", None,
        "Send one strict JSON object, as each message or as a request's body.",
    )  # fmt: skip
    INVALID_EVENT = (
        "invalid_event", 400, INVALID, "invalid_event", None,
        "Send an event of the Realtime API, as a text message.",
    )  # fmt: skip
    IMPATIENT = (
        "too_many_refused", 429, RATE, "too_many_refused_events", 1008,
        "Mend the client: it went on sending events that were refused.",
    )  # fmt: skip
    TOO_MANY_SESSIONS = (
        "too_many_sessions", 429, RATE, "too_many_sessions", 1013,
        "Wait as Retry-After says, or end another session first; for a client secret, ask for less in it.",
    )  # fmt: skip
    TOO_MANY_REQUESTS = (
        "too_many_requests", 429, RATE, "rate_limit_exceeded", None,
        "Wait as Retry-After says and ask again; nothing came of this request.",
    )  # fmt: skip
    TOO_MANY_EVENTS = (
        "too_many_events", 429, RATE, "rate_limit_exceeded", None,
        "Slow down; this event was not forwarded.",
    )  # fmt: skip
    TOO_MANY_RESPONSES = (
        "too_many_responses", 429, RATE, "rate_limit_exceeded", None,
        "Wait before the next response.create; the response ended as failed.",
    )  # fmt: skip
    TOKENS_SPENT = (
        "tokens_per_minute", 429, RATE, "rate_limit_exceeded", None,
        "Wait until the minute's tokens are back; the response ended as failed.",
    )  # fmt: skip
    BUDGET_SPENT = (
        "budget_spent", 429, QUOTA, "insufficient_quota", 1008,
        "The day's budget is spent; it starts anew at 00:00 UTC. Do not retry before.",
    )  # fmt: skip
    SESSION_EXPIRED = (
        "session_expired", 408, INVALID, "session_expired", 1001,
        "Open a new session.",
    )  # fmt: skip
    UPSTREAM_REJECTED = (
        "upstream_rejected", 400, INVALID, "invalid_request", 4000,
        "Correct the model or the parameter that the message names.",
    )  # fmt: skip
    UPSTREAM_FAILED = (
        "upstream_failed", 502, SERVER, "upstream_unavailable", 1011,
        "Try again in a moment; the upstream could not take the session.",
    )  # fmt: skip
    UPSTREAM_BUSY = (
        "upstream_busy", 503, SERVER, "upstream_unavailable", 1011,
        "Wait as Retry-After says and try again.",
    )  # fmt: skip
    UPSTREAM_LATE = (
        "upstream_late", 504, SERVER, "upstream_unavailable", 1011,
        "Try again in a moment; the upstream did not answer in time.",
    )  # fmt: skip
    UPSTREAM_LOST = (
        "upstream_lost", 502, SERVER, "upstream_unavailable", 1011,
        "Open a new session; the upstream's connection was lost.",
    )  # fmt: skip
    RELAY_FULL = (
        "relay_full", 503, SERVER, "relay_unavailable", 1013,
        "Wait as Retry-After says and try again.",
    )  # fmt: skip
    DRAINING = (
        "draining", 503, SERVER, "relay_draining", 1012,
        "Reconnect, or ask again, now: a sibling takes it.",
    )  # fmt: skip
    INTERNAL = (
        "internal", 500, SERVER, "internal_error", 1011,
        "Try again; the relay's operator has been told.",
    )  # fmt: skip

    def __init__(self, label: str, status: int, kind: str, code: str, close: int | None, advice: str) -> None:
        self.label = label
        self.status = status
        self.kind = kind
        self.code = code
        self.close = close
        self.advice = advice


class Refused(msgspec.Struct, frozen=True):
    """A refusal as it is told to one client. A value: returned, never raised.

    `message` is for people and holds no secret; `param` names the field at fault; `retry_after` is
    in seconds; `code` is the upstream's own where it knew better; `event_id` is the client event's.
    """

    refusal: Refusal
    message: str
    param: str | None = None
    retry_after: Seconds | None = None
    code: str | None = None
    event_id: str | None = None

    def error(self) -> dict[str, Any]:
        """Return the four fields that HTTP bodies and events share."""
        return {
            "type": self.refusal.kind,
            "code": self.code or self.refusal.code,
            "message": self.message,
            "param": self.param,
        }

    def body(self) -> bytes:
        """Return the HTTP body, shaped as OpenAI's."""
        return msgspec.json.encode({"error": self.error()})

    def event(self, event_id: str) -> bytes:
        """Return the in-session `error` event; *event_id* is the event's own."""
        error = {
            **self.error(),
            "event_id": self.event_id,
            "status": self.refusal.status,
        }
        if self.retry_after is not None:
            error["retry_after_ms"] = round(self.retry_after * 1000)
        return msgspec.json.encode({"type": "error", "event_id": event_id, "error": error})


class Reason(Enum):
    """Why a session ended. A row: label · the close code for whoever is still there · what is said first.

    The third column is None where the peers' own close is carried across, or where saying more is no use.
    """

    CLIENT_LEFT = ("client_left", 1000, None)
    UPSTREAM_LEFT = ("upstream_left", 1000, None)
    UPSTREAM_LOST = ("upstream_lost", 1011, Refusal.UPSTREAM_LOST)
    UPSTREAM_SILENT = ("upstream_silent", 1011, Refusal.UPSTREAM_LOST)
    UPSTREAM_STALLED = ("upstream_stalled", 1011, Refusal.UPSTREAM_LOST)
    UPSTREAM_BROKEN = ("upstream_broken", 1011, Refusal.UPSTREAM_LOST)
    CLIENT_SILENT = ("client_silent", 1011, None)
    SLOW_CONSUMER = ("slow_consumer", 1008, None)
    TOO_OLD = ("too_old", 1001, Refusal.SESSION_EXPIRED)
    IDLE = ("idle", 1001, Refusal.SESSION_EXPIRED)
    PROTOCOL_ERROR = ("protocol_error", 1002, None)
    INVALID_TEXT = ("invalid_text", 1007, None)
    MESSAGE_TOO_BIG = ("message_too_big", 1009, None)
    IMPATIENT = ("too_many_refused", 1008, None)
    PING_FLOOD = ("ping_flood", 1008, None)
    BUDGET_SPENT = ("budget_spent", 1008, Refusal.BUDGET_SPENT)
    KEY_REVOKED = ("key_revoked", 3000, Refusal.INVALID_KEY)
    REPLACED = ("replaced", 4009, Refusal.SESSION_CONFLICT)
    DRAINING = ("draining", 1012, None)
    OPERATOR = ("operator", 1001, None)
    SHED = ("shed", 1013, None)
    INTERNAL = ("internal", 1011, None)

    def __init__(self, label: str, code: int, says: Refusal | None) -> None:
        self.label = label
        self.code = code
        self.says = says
