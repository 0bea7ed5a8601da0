"""One direction of a session: why it is not being read, since when, and when its peer was last heard.

Rule: reasons to hold are a set; pausing and resuming are its edges. Two causes make one pause.
"""

from enum import IntFlag
from math import inf
from typing import Final

from relay.core.actions import NOTHING, Actions, Pause, Resume
from relay.core.pacing import Pacer
from relay.core.words import Seconds, Side

PINGS_PER_SECOND: Final = 20
PINGS_BURST: Final = 60
"""Three times what the liveliest client library sends after a minute's pause; more is a flood."""


class Hold(IntFlag):
    """Why a side is not being read from."""

    PACE = 1
    """It sends faster than its plan allows."""
    CONGESTION = 2
    """The other side takes less than it is sent."""
    BACKLOG = 4
    """It does not read what the relay itself answers it."""

    @property
    def label(self) -> str:
        """The metric's label."""
        return (self.name or "none").lower()


class Flow:
    """What is read from *side*, and how that side is doing."""

    __slots__ = (
        "_since",
        "buffered",
        "gone",
        "heard",
        "holds",
        "message_at",
        "paused",
        "pinged_at",
        "pings",
        "progress_at",
        "side",
    )

    def __init__(self, side: Side, now: Seconds) -> None:
        self.side = side
        self.gone = False
        self.holds = 0
        self.heard = now
        """When anything came from it."""
        self.message_at = now
        """When a message came from it."""
        self.pinged_at: Seconds | None = None
        """When it was asked whether it is there; None once it was heard again."""
        self.pings = Pacer(PINGS_PER_SECOND, PINGS_BURST)
        self.buffered: float = inf
        """How much its write buffer held when last looked at."""
        self.progress_at = now
        """When its full write buffer last took a byte."""
        self.paused = [0.0] * max(Hold)
        """Seconds held, by cause; at `cause - 1`."""
        self._since = [0.0] * max(Hold)

    def hold(self, cause: Hold, now: Seconds) -> Actions:
        """Do not read from this side for *cause*."""
        already = self.holds
        if already & cause:
            return NOTHING
        self.holds = already | cause
        self._since[cause - 1] = now
        return NOTHING if already else (Pause(self.side),)

    def release(self, cause: Hold, now: Seconds) -> Actions:
        """*cause* is over."""
        if not self.holds & cause:
            return NOTHING
        self.holds &= ~cause
        self.paused[cause - 1] += now - self._since[cause - 1]
        if self.holds:
            return NOTHING
        # The clock of silence stood still while the relay itself did not listen.
        self.heard = now
        self.pinged_at = None
        return (Resume(self.side),)

    def paused_so_far(self, cause: Hold, now: Seconds) -> Seconds:
        """Return the seconds this side has been held for *cause*, up to now."""
        running = now - self._since[cause - 1] if self.holds & cause else 0.0
        return self.paused[cause - 1] + running
