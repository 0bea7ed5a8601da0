"""What an upstream said to a dial, classified once: a status, a first event, a close, a failure, or silence.

OpenAI refuses in-band: it answers 101 to anyone, and says no in its first event. Only a first event that is no
error proves that it accepted (protocol: an `error`, then close 3000 for keys and 4000 for parameters).

Rule: the trouble of our own keys is never the client's 401, and an upstream's words reach a client only where
they are about what the client asked for.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

import msgspec

from relay.core.dialects.dialect import GA, UpstreamDialect
from relay.core.events import read_trusted, table
from relay.core.refusals import Refusal, Refused
from relay.core.strict import Event
from relay.core.words import Seconds


class Verdict(Enum):
    """What to do about an answer."""

    ACCEPTED = auto()
    NEXT_KEY = auto()
    """Our key was refused or has no quota: the next of the pool, and this one rests."""
    NEXT_UPSTREAM = auto()
    """It cannot or would not take a session now."""
    TELL_CLIENT = auto()
    """What the client asked for is wrong; another upstream would say the same."""


class Answer(msgspec.Struct, frozen=True):
    """An upstream's answer: what to do, what to tell the client if nothing better comes, how long to rest."""

    verdict: Verdict
    refused: Refused | None = None
    rest: Seconds | None = None


ACCEPTED: Final = Answer(Verdict.ACCEPTED)
RETRY_AFTER: Final[Seconds] = 5.0
"""Told to a client where the upstream named no time of its own."""

_OUR_KEY: Final = frozenset({
    "invalid_api_key", "insufficient_permissions", "account_deactivated", "billing_hard_limit_reached",
    "billing_not_active", "insufficient_quota", "credit_balance_exhausted", "organization_not_found",
    "unsupported_country_region_territory", "mismatched_organization", "mismatched_project",
})  # fmt: skip
_MAX_WORDS: Final = 500


def _failed(message: str) -> Answer:
    return Answer(Verdict.NEXT_UPSTREAM, Refused(Refusal.UPSTREAM_FAILED, message, retry_after=1.0))


def _our_key(rest: Seconds | None = None) -> Answer:
    message = "The upstream did not take the relay's own credentials. The relay's operator has to act."
    refused = Refused(Refusal.UPSTREAM_FAILED, message, retry_after=RETRY_AFTER)
    return Answer(Verdict.NEXT_KEY, refused, rest)


def _busy(after: Seconds | None) -> Answer:
    wait = RETRY_AFTER if after is None else after
    message = "The upstream is too busy to take another session."
    return Answer(Verdict.NEXT_UPSTREAM, Refused(Refusal.UPSTREAM_BUSY, message, retry_after=wait), after)


def to_failure(what: str) -> Answer:
    """It could not be reached: *what* names the failure in a word or two (connect, TLS, handshake)."""
    return _failed(f"The upstream could not be reached ({what}).")


def to_silence() -> Answer:
    """It did not answer in time."""
    return Answer(
        Verdict.NEXT_UPSTREAM,
        Refused(Refusal.UPSTREAM_LATE, "The upstream did not answer in time.", retry_after=1.0),
    )


def to_status(status: int, retry_after: Seconds | None, body: bytes, redact: Callable[[str], str]) -> Answer:
    """It answered the upgrade with *status* in place of 101."""
    if status in {401, 403}:
        return _our_key()
    if status == 429:  # noqa: PLR2004 - RFC 6585
        return Answer(Verdict.NEXT_KEY, _busy(retry_after).refused, retry_after)
    if status in {413, 414, 431}:
        return _told({"message": "The request is larger than the upstream takes."}, redact)
    error = table(read_trusted(memoryview(body)) or {}, "error")
    if status in {400, 404, 422} and error:
        return _told(error, redact)
    if status >= 500:  # noqa: PLR2004 - RFC 9110, 15.6
        return _busy(retry_after)
    return _failed(f"The upstream answered the upgrade with status {status}.")


def to_first_event(message: memoryview, redact: Callable[[str], str], dialect: UpstreamDialect = GA) -> Answer:
    """It said this first, after its 101, in its own *dialect*."""
    given = read_trusted(message)
    event = dialect.read(given) if given is not None else None
    if event is None or not isinstance(event.get("type"), str):
        return _failed("The upstream's first message was no event.")
    return to_error(event, redact) if event["type"] == "error" else ACCEPTED


def to_error(event: Event, redact: Callable[[str], str]) -> Answer:
    """It answered with an error, to the dial itself or to the relay's own settings; *event* is in GA terms."""
    error = table(event, "error")
    code, kind = str(error.get("code")), error.get("type")
    if code in _OUR_KEY:
        return _our_key()
    if code == "rate_limit_exceeded" or kind == "rate_limit_error":
        return Answer(Verdict.NEXT_KEY, _busy(None).refused)
    if kind == "server_error" or kind != "invalid_request_error":
        return _busy(None)
    return _told(error, redact)


def to_close(code: int | None) -> Answer:
    """It closed before it said anything."""
    if code == 3000:  # noqa: PLR2004 - how OpenAI closes on a bad key
        return _our_key()
    return _failed("The upstream closed the connection at once.")


def _told(error: dict[str, object], redact: Callable[[str], str]) -> Answer:
    """Pass on what is about the client's own request: code, parameter, and words without secrets."""
    message, code, param = (error.get(field) for field in ("message", "code", "param"))
    words = redact(message) if isinstance(message, str) else "The upstream rejected the request."
    refused = Refused(
        Refusal.UPSTREAM_REJECTED,
        words[:_MAX_WORDS],
        param=param if isinstance(param, str) else None,
        code=code if isinstance(code, str) else None,
    )
    return Answer(Verdict.TELL_CLIENT, refused)
