"""The `error` event as GA clients read it: five inner fields, each of its type, and an id of the event's own.

SDKs read `error.type`, `error.code` and `error.message` without asking whether they are there, and frameworks
decide by them whether a session is lost; one field that is missing or of another type ends a client.

Rule: whatever an upstream said, what leaves here is of the API's shape and of `KINDS`, and no words are lost.
"""

import zlib
from typing import Any, Final

from relay.core.refusals import INVALID, QUOTA, RATE, SERVER
from relay.core.strict import Event

KINDS: Final = frozenset({INVALID, RATE, QUOTA, SERVER})
"""Every `error.type` that a client is told."""
WORDLESS: Final = "The upstream reported an error and gave no words for it."


def error_event(event: Event, error: Event, kind: str) -> Event:
    """Return *event* with *error* inside, made whole, as an error of *kind*, one of `KINDS`.

    Fields beyond the five stay. The very *event* is returned where nothing was wrong with it.
    """
    message = text(error.get("message"))
    inner = {
        **error,
        "type": kind,
        "code": text(error.get("code")),
        "message": WORDLESS if message is None else message,
        "param": text(error.get("param")),
        "event_id": text(error.get("event_id")),
    }
    own_id = text(event.get("event_id"))
    whole = {**event, "event_id": _derived_id(inner["message"]) if own_id is None else own_id, "error": inner}
    return event if whole == event else whole


def text(value: Any) -> str | None:  # noqa: ANN401 - whatever an upstream sent
    """Return *value* if it is a string."""
    return value if isinstance(value, str) else None


def _derived_id(message: str) -> str:
    """Return an id for an event that came without: dialects hold no counter, so equal words have equal ids."""
    return f"event_{zlib.crc32(message.encode(errors='surrogatepass')):08x}"
