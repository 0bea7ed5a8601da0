"""The errors of xAI's Grok Voice, in GA terms.

Its events are those of GA but for what stands here: an `error.type` of its own for a session that reached its
age, and an `error.event_id` that names its own event where GA names the client's.

Rule: errors are all that is translated; every other event is returned as it came.
"""

from typing import Final

from relay.core.dialects.upstream_errors import KINDS, error_event, text
from relay.core.refusals import INVALID, SERVER
from relay.core.strict import Event

_KINDS: Final = {kind: kind for kind in KINDS} | {"max_duration": INVALID, "internal_error": SERVER}
"""xAI's `error.type` -> GA's. What is not here is nobody's known fault, and so the server's."""
_CODES: Final = {"max_duration": "session_expired"}
"""xAI's `error.type` -> GA's `error.code`, where the type says what GA says by code."""


class Xai:
    """What `dialect = "xai"` speaks: an `UpstreamDialect`."""

    hears_raw = False
    acknowledges = True

    def read(self, event: Event) -> Event:
        """See `UpstreamDialect`. Never raises, whatever *event* holds."""
        if event.get("type") != "error":
            return event
        error = event.get("error")
        said: Event = error if isinstance(error, dict) else {"message": error}
        kind = text(said.get("type")) or ""
        told = {**said, "code": _CODES.get(kind, said.get("code")), "event_id": None}
        return error_event(event, told, _KINDS.get(kind, SERVER))

    def write(self, event: Event) -> Event:
        """See `UpstreamDialect`."""
        return event


XAI: Final = Xai()
