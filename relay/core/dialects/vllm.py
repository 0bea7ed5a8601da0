"""The errors of vLLM's realtime transcription, in GA terms.

vLLM says `{"type": "error", "error": "words", "code": "word"}`: a string where GA has an object, which breaks
every client that reads `error.type`.

Rule: errors are all that is translated; every other event is returned as it came.
"""

from typing import Final

from relay.core.dialects.upstream_errors import KINDS, error_event, text
from relay.core.refusals import INVALID, SERVER
from relay.core.strict import Event

_KINDS: Final = {
    "invalid_json": INVALID,
    "invalid_audio": INVALID,
    "model_not_validated": INVALID,
    "unknown_event": INVALID,
    "processing_error": SERVER,
}
"""vLLM's `code` -> GA's `error.type`. What is not here is nobody's known fault, and so the server's."""


class Vllm:
    """What `dialect = "vllm"` speaks: an `UpstreamDialect`."""

    hears_raw = False
    acknowledges = False

    def read(self, event: Event) -> Event:
        """See `UpstreamDialect`. Never raises, whatever *event* holds."""
        if event.get("type") != "error":
            return event
        error = event.get("error")
        # An object is what a server built on vLLM may say, or vLLM of another day: it is made whole as well.
        said: Event = error if isinstance(error, dict) else {"message": error}
        told = {"code": event.get("code"), **said}
        kind = text(said.get("type"))
        if kind not in KINDS:
            kind = _KINDS.get(text(told["code"]) or "", SERVER)
        rest = {name: value for name, value in event.items() if name != "code"}
        whole = error_event(rest, told, kind)
        return event if whole == event else whole

    def write(self, event: Event) -> Event:
        """See `UpstreamDialect`."""
        return event


VLLM: Final = Vllm()
