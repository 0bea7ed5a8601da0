"""What the relay wants of a dialect, of a client's leg and of an upstream's.

Rule: both are asked for whole events only; audio and text deltas are renamed in the head of the frame, by
`renames`, and are never parsed.
"""

from collections.abc import Mapping
from typing import Final, Literal, Protocol

from relay.core.refusals import Refused
from relay.core.strict import Event

ClientSpeech = Literal["ga", "beta"]
"""What a client may speak."""
UpstreamSpeech = Literal["openai", "azure", "xai", "vllm"]
"""What an upstream may speak, as `dialect` in the configuration names it."""


class ClientDialect(Protocol):
    """What a client speaks. One object a session, so that it may remember what GA has no place for."""

    renames: Mapping[bytes, bytes]
    """Server event type in GA -> the client's name for it, where nothing but the name differs."""

    def read(self, event: Event) -> Event | Refused:
        """Return the client's event in GA terms. Its `type` is a string; all else in it may be anything."""

    def write(self, event: Event) -> Event | None:
        """Return a GA server event in the client's terms; None where its language has no such event."""

    def param(self, path: str) -> str:
        """Return what the client calls the field at *path* (`session.audio.input.format`) of a GA event."""


class UpstreamDialect(Protocol):
    """What an upstream speaks. It holds nothing, so all of its sessions share one."""

    hears_raw: bool
    """Whether it takes what OpenAI's endpoints take and no other audio: raw PCM at 24 kHz, or G.711."""

    acknowledges: bool
    """Whether it answers a `session.update` with `session.updated`, so that settings can be relied on."""

    def read(self, event: Event) -> Event:
        """Return a server event of the upstream's in GA terms."""

    def write(self, event: Event) -> Event:
        """Return a GA client event in the upstream's terms."""


class Ga:
    """The GA protocol itself: nothing to translate, on either leg."""

    renames: Mapping[bytes, bytes] = {}
    hears_raw = True
    acknowledges = True

    def read(self, event: Event) -> Event:
        """See `ClientDialect` and `UpstreamDialect`."""
        return event

    def write(self, event: Event) -> Event:
        """See `ClientDialect` and `UpstreamDialect`."""
        return event

    def param(self, path: str) -> str:
        """See `ClientDialect`."""
        return path


GA: Final = Ga()
