"""What all sessions of one simulator share: settings, faults laid down, secrets, records.

The rule: everything here is bounded, and what is oldest goes first.
"""

import random
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Protocol

from relay.simulator.admission import Secret
from relay.simulator.faults import FaultBook
from relay.simulator.ids import Ids
from relay.simulator.records import SessionRecord
from relay.simulator.settings import SimulatorSettings

MAX_SECRETS: Final = 10_000
"""Client secrets alive at once; a stand-in needs no more."""


class Live(Protocol):
    """A connection that can be spoken to from outside."""

    record: SessionRecord

    def cut(self, *, reset: bool = True) -> None:
        """End it at once, without a close; *reset*: with RST."""

    def inject(self, payload: bytes) -> None:
        """Send *payload* as a text message, as it is."""


class Lobby:
    """The shared part of one simulator."""

    def __init__(self, settings: SimulatorSettings, wall: Callable[[], float]) -> None:
        """Begin empty. *wall* tells Unix time."""
        self.settings = settings
        self.wall = wall
        self.faults = FaultBook()
        self.records: deque[SessionRecord] = deque(maxlen=settings.kept_sessions)
        self.secrets: OrderedDict[str, Secret] = OrderedDict()
        self.live: set[Live] = set()
        self.ids = Ids(random.Random(f"{settings.seed}"))  # noqa: S311 - repeatable on purpose
        self._sessions = 0

    def register(self) -> tuple[SessionRecord, random.Random]:
        """Begin the record of a new session, and give it dice of its own."""
        self._sessions += 1
        record = SessionRecord(self.settings, self._sessions, self.wall())
        self.records.append(record)
        return record, random.Random(f"{self.settings.seed}:{self._sessions}")  # noqa: S311 - repeatable

    def keep_secret(self, value: str, secret: Secret) -> None:
        """Remember a client secret."""
        self.secrets[value] = secret
        while len(self.secrets) > MAX_SECRETS:
            self.secrets.popitem(last=False)
