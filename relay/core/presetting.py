"""The relay's own `session.update`, sent before the client has its 101, and what the upstream says to it.

Where a tenant's policy or a client secret sets the session, the client must never see it otherwise: the relay
sends the settings itself, waits until the upstream acknowledges them, keeps the acknowledgement to itself, and
shows the client a `session.created` with the session as it then is.

Rule: nothing that the upstream says meanwhile is lost or reordered, but for its answer.
"""

from collections.abc import Callable
from typing import Final

from relay.core import answers, events
from relay.core.answers import Answer
from relay.core.dialects.dialect import UpstreamDialect
from relay.core.events import read_trusted, table
from relay.core.strict import Event

EVENT_ID: Final = "relay_preset"
"""Of the relay's update, for the upstream's own records."""


class Presetting:
    """One exchange with one upstream: `question` is sent, `hear` is told what comes until `answer` is there."""

    def __init__(self, session: Event, dialect: UpstreamDialect, redact: Callable[[str], str]) -> None:
        self.answer: Answer | None = None
        self._dialect = dialect
        self._redact = redact
        self._effective: Event = {}
        update = {"type": "session.update", "event_id": EVENT_ID, "session": session}
        self.question = events.encode(dialect.write(update))

    def hear(self, message: bytes) -> bool:
        """Take note of what the upstream said. Tell whether it was the answer, which no client is shown."""
        given = read_trusted(memoryview(message))
        event = self._dialect.read(given) if given is not None else {}
        match event.get("type"):
            case "session.updated":
                self._effective = table(event, "session")
                self.answer = answers.ACCEPTED
            case "error":  # nobody else has spoken yet, so whatever it names is the update
                self.answer = answers.to_error(event, self._redact)
            case _:
                return False
        return True

    def shown(self, message: bytes) -> bytes:
        """Return *message*, with the session as it was set if it is the `session.created`."""
        event = read_trusted(memoryview(message))
        if event is None or event.get("type") != "session.created" or not self._effective:
            return message
        return events.encode({**event, "session": self._effective})
