"""What the simulator saw of each session: the far end's view, for tests that look through a relay.

The rule: a record is bounded whatever the session does, and nothing in it is hidden: it is there to
show which key, headers and bytes arrived.
"""

from collections import Counter, deque
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from relay.simulator.errors import Json
from relay.simulator.settings import SimulatorSettings
from relay.simulator.state import AudioTally

MESSAGE_CHARACTERS: Final = 64 * 1024
"""A longer message is kept up to here."""
UNREAD: Final = "(not an event)"
"""Stands in the order of events for a message without a readable type."""
APPEND: Final = "input_audio_buffer.append"
APPENDS: Final = frozenset({APPEND, "session.input_audio_buffer.append"})
APPEND_HEAD: Final = b'{"type":"input_audio_buffer.append"'
HEAD_BYTES: Final = 200


class Kind(msgspec.Struct):
    """The type of an event, and no more of it."""

    type: str


_kind = msgspec.json.Decoder(Kind)


class Watched(Protocol):
    """What a session shows of itself."""

    @property
    def session(self) -> Json:
        """Return the session object."""

    @property
    def heard(self) -> AudioTally:
        """Return the tally of audio appended."""

    @property
    def spoken(self) -> AudioTally:
        """Return the tally of audio sent."""


class Last(NamedTuple):
    """What a session showed when it ended."""

    session: Json
    heard: AudioTally
    spoken: AudioTally


NOTHING: Final = AudioTally()
"""The tally of a session that never began."""


class SessionRecord:
    """One session as the simulator saw it. Live: it changes while the session lasts."""

    def __init__(self, settings: SimulatorSettings, number: int, started: float) -> None:
        self.id = f"session-{number}"
        self.number = number
        self.started = started
        """Unix time."""
        self.ended: float | None = None
        self.path = ""
        self.query: dict[str, list[str]] = {}
        self.headers: dict[str, list[str]] = {}
        """By lower-case name."""
        self.subprotocols: list[str] = []
        self.key = ""
        self.model = ""
        self.status = 0
        """The HTTP status of the answer to the upgrade; 0 until there is one."""
        self.open = False
        self.received: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.received_bytes = 0
        self.sent_bytes = 0
        self.order: deque[str] = deque(maxlen=settings.kept_events)
        """Types of the events received, in order; the last of them, if there were more."""
        self.messages: deque[str] = deque(maxlen=settings.kept_messages)
        """Messages received, word for word, but for audio appends."""
        self.pings_sent = 0
        self.pings_received = 0
        self.pongs_received = 0
        self.close_code: int | None = None
        """Of the close frame received; 1005 if it had none, None if there was no frame."""
        self.close_reason = ""
        self._watched: Watched | None = None

    def began(self, session: Watched) -> None:
        """Look at *session* from now on: its object and its audio are shown as they are."""
        self._watched = session

    def over(self, now: float) -> None:
        """Keep what the session showed last, and let go of it and of all its audio."""
        self.open = False
        self.ended = now
        if self._watched is not None:
            watched = self._watched
            self._watched = Last(watched.session, watched.heard, watched.spoken)

    @property
    def session(self) -> Json | None:
        """Return the session object as it is now; None if no session began."""
        return self._watched.session if self._watched is not None else None

    @property
    def heard(self) -> AudioTally:
        """Return the tally of the audio appended."""
        return self._watched.heard if self._watched is not None else NOTHING

    @property
    def spoken(self) -> AudioTally:
        """Return the tally of the audio sent in responses."""
        return self._watched.spoken if self._watched is not None else NOTHING

    def message_received(self, data: bytes) -> None:
        """Take note of one message."""
        self.received_bytes += len(data)
        if data.startswith(APPEND_HEAD):
            kind = APPEND
        else:
            try:
                kind = _kind.decode(data).type
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                kind = UNREAD
        self.received[kind] += 1
        self.order.append(kind)
        if kind not in APPENDS:
            self.messages.append(data[:MESSAGE_CHARACTERS].decode(errors="replace"))

    def shown(self) -> Json:
        """Return the record as JSON holds it."""
        plain: dict[str, Any] = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return plain | {
            "session": self.session,
            "order": list(self.order),
            "messages": list(self.messages),
            "audio_received": {"bytes": self.heard.size, "sha256": self.heard.sha256()},
            "audio_sent": {"bytes": self.spoken.size, "sha256": self.spoken.sha256()},
        }
