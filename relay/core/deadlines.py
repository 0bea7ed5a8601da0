"""One table of timers for a session, so that one event-loop timer serves them all.

Rule: whatever a session waits for stands in this table; nothing else arms a timer for a session.
"""

from enum import IntEnum
from math import inf
from typing import Final

from relay.core.words import Seconds


class Alarm(IntEnum):
    """What there is to wake up for."""

    AGE = 0
    """The session has lived as long as its plan allows."""
    IDLE = 1
    """Neither side has said anything."""
    PACE = 2
    """The client's debt is paid: read from it again."""
    CLOSE = 3
    """A peer has not finished the closing handshake."""
    SILENT_CLIENT = 4
    """No input from the client: ping it, then give it up."""
    SILENT_UPSTREAM = 5
    """No input from the upstream: ping it, then give it up."""
    STALL_CLIENT = 6
    """The client's write buffer is full: look whether it takes anything."""
    STALL_UPSTREAM = 7
    """The upstream's write buffer is full: look whether it takes anything."""


PING_AFTER: Final[Seconds] = 20.0
"""Without input for this long, a leg is pinged: under every idle timeout of a load balancer (60 s)."""
PONG_WITHIN: Final[Seconds] = 10.0
"""Without any input this long after the ping, the leg is dead."""
STALL_AFTER: Final[Seconds] = 10.0
"""A full write buffer that took no byte for this long is stalled (NATS: write_deadline 10 s)."""
STALL_LOOK: Final[Seconds] = 1.0
"""How often a full write buffer is looked at; any progress starts the ten seconds anew."""
CLOSE_CLIENT: Final[Seconds] = 2.0
"""How long a client may take over the closing handshake."""
CLOSE_AT_MOST: Final[Seconds] = 60.0
"""However slowly a client takes what was accepted for it, by then its session is over."""
CLOSE_UPSTREAM: Final[Seconds] = 1.0
"""How long an upstream may: OpenAI often does not finish it at all."""

DIAL_WITHIN: Final[Seconds] = 8.0
"""All dialing together: inside the ten seconds that clients wait for their 101."""
FIRST_EVENT_WITHIN: Final[Seconds] = 5.0
"""An upstream that said nothing by then has not accepted the session."""
HEAD_WITHIN: Final[Seconds] = 10.0
"""A whole TLS handshake, and then a whole request head."""
PROBE_WITHIN: Final[Seconds] = 1.0
"""The holder of a session's name answers a ping by then, or is taken for gone."""


class Deadlines:
    """When each alarm is due; never, unless set."""

    __slots__ = ("_at",)

    def __init__(self) -> None:
        self._at: list[Seconds] = [inf] * len(Alarm)

    def set(self, alarm: Alarm, at: Seconds) -> None:
        """Have *alarm* go off at *at*, in place of any earlier setting."""
        self._at[alarm] = at

    def put_off(self, alarm: Alarm, at: Seconds) -> None:
        """Have *alarm* go off no sooner than *at*; where it is not set, at *at*."""
        self._at[alarm] = max(self._at[alarm], at) if self.is_set(alarm) else at

    def clear(self, *alarms: Alarm) -> None:
        """Forget *alarms*; all of them if none is named."""
        for alarm in alarms or Alarm:
            self._at[alarm] = inf

    def is_set(self, alarm: Alarm) -> bool:
        """Tell whether *alarm* will go off."""
        return self._at[alarm] != inf

    def next(self) -> Seconds:
        """Return when to wake up; `inf` if there is nothing to wake up for."""
        return min(self._at)

    def take_due(self, now: Seconds) -> list[Alarm]:
        """Clear and return the alarms due by *now*, soonest first."""
        due = sorted((at, alarm) for alarm, at in zip(Alarm, self._at, strict=True) if at <= now)
        for _, alarm in due:
            self._at[alarm] = inf
        return [alarm for _, alarm in due]
