"""What to do when memory runs short: refuse new sessions, then end those that hold the most unsent.

    accept -- 92 % --> refuse -- 95 % --> shed        back: shed -- 93 % --> refuse -- 90 % --> accept

Rule: memory is the machine's, so nobody is at fault: who is refused is told when to come back, and a session
that holds next to nothing is never ended, since ending it would free nothing.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from relay.core.refusals import Refusal, Refused
from relay.core.words import LATENCIES, Latency, Seconds, SessionId

REFUSE_AT: Final = 0.92
SHED_AT: Final = 0.95
"""Of the limit. Envoy's overload manager takes like steps; what is left is for the sessions that are open."""
ACCEPT_BELOW: Final = 0.90
CALM_BELOW: Final = 0.93
"""Where each step ends: two points lower, so that a level does not come and go with every buffer."""
SMALL: Final = 64 * 1024
"""Bytes unsent, up to which a session is left alone: what a healthy one holds between two reads of its peer."""
RETRY_AFTER: Final[Seconds] = 5.0
"""Told to those who are refused: buffers drain in seconds once their readers were ended."""


class Level(StrEnum):
    """How short memory is, in the words of logs and of the admin API."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    SHED = "shed"


class Load(msgspec.Struct, frozen=True):
    """What one open session holds."""

    session: SessionId
    latency: Latency
    unsent: int
    """Bytes in its write buffers."""


class Overload:
    """The level of one process."""

    __slots__ = ("level",)

    def __init__(self) -> None:
        self.level = Level.ACCEPT

    def look(self, used: float, limit: float) -> Level:
        """Take note that *used* of *limit* bytes are in use. Return the level from now on."""
        share = used / limit
        shedding, refusing = self.level is Level.SHED, self.level is not Level.ACCEPT
        if share >= (CALM_BELOW if shedding else SHED_AT):
            self.level = Level.SHED
        elif share >= (ACCEPT_BELOW if refusing else REFUSE_AT):
            self.level = Level.REFUSE
        else:
            self.level = Level.ACCEPT
        return self.level

    def refusal(self, latency: Latency) -> Refused | None:
        """Say why no session may start now. The room between the two steps is for those in a hurry."""
        if self.level is Level.ACCEPT or (self.level is Level.REFUSE and latency == "low"):
            return None
        return Refused(
            Refusal.RELAY_FULL, "The relay has no memory to spare for a new session.", retry_after=RETRY_AFTER
        )


def excess(used: float, limit: float) -> float:
    """Return how many bytes have to go: down to where new sessions are refused, and no further."""
    return used - REFUSE_AT * limit


def victims(loads: Iterable[Load], surplus: float) -> tuple[SessionId, ...]:
    """Return which sessions to end so that *surplus* bytes go: the patient first, the fullest of them first."""
    large = [load for load in loads if load.unsent > SMALL]
    large.sort(key=lambda load: (-LATENCIES.index(load.latency), -load.unsent))
    doomed: list[SessionId] = []
    for load in large:
        if surplus <= 0:
            break
        doomed.append(load.session)
        surplus -= load.unsent
    return tuple(doomed)
