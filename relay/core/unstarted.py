"""A response that the plan does not allow, told in the upstream's own form: begun, and failed.

Frameworks take a stray `error` for the end of everything; a failed response they know.

Rule: what is made here is what the API itself sends of a response that failed: `response.created`, then
`response.done` with `status_details.error`.
"""

from typing import Any, Final

from relay.core.events import table
from relay.core.refusals import Refused
from relay.core.strict import Event

_MOST_KEYS: Final = 16
_LONGEST_KEY: Final = 64
_LONGEST_VALUE: Final = 512


def failure(refused: Refused) -> Event:
    """Return the `status_details` of a response that the plan did not allow."""
    error = {"type": refused.refusal.kind, "code": refused.refusal.code, "message": refused.message}
    return {"type": "failed", "error": error}


def failed_response(refused: Refused, event: Event, response_id: str) -> tuple[Event, Event]:
    """Return the two events, without their ids, that answer *event*, a `response.create`."""
    response: dict[str, Any] = {
        "object": "realtime.response",
        "id": response_id,
        "status": "in_progress",
        "status_details": None,
        "output": [],
        "metadata": _metadata(event),
        "usage": None,
    }
    failed = {"status": "failed", "status_details": failure(refused)}
    return (
        {"type": "response.created", "response": response},
        {"type": "response.done", "response": {**response, **failed}},
    )


def _metadata(event: Event) -> Event | None:
    """Return the response's `metadata` to echo, if it is within the API's bounds: 16 keys, 64 and 512 long."""
    metadata = table(event, "response", "metadata")
    sane = len(metadata) <= _MOST_KEYS and all(
        isinstance(value, str) and len(key) <= _LONGEST_KEY and len(value) <= _LONGEST_VALUE
        for key, value in metadata.items()
    )
    return metadata if metadata and sane else None
