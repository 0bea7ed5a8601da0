"""Is each side still there, and does it take what it is sent?

*Silent*: pinged after 20 s without input, dead 10 s later; the clock stands still while the relay itself does
not read that side. *Stalled*: a full write buffer that took no byte for 10 s; any progress starts anew, so that
a slow but living reader lives.

Rule: an answer is either what to do now or the `Reason` to end for; ending is the session's.
"""

from typing import Final

from relay.core.actions import NOTHING, PONG, Actions, Ping
from relay.core.deadlines import (
    PING_AFTER,
    PONG_WITHIN,
    STALL_AFTER,
    STALL_LOOK,
    Alarm,
    Deadlines,
)
from relay.core.flow import Flow, Hold
from relay.core.refusals import Reason
from relay.core.words import OTHER, Seconds, Side

_SILENT: Final = (Alarm.SILENT_CLIENT, Alarm.SILENT_UPSTREAM)
_STALL: Final = (Alarm.STALL_CLIENT, Alarm.STALL_UPSTREAM)
_SILENT_REASON: Final = (Reason.CLIENT_SILENT, Reason.UPSTREAM_SILENT)
_STALLED_REASON: Final = (Reason.SLOW_CONSUMER, Reason.UPSTREAM_STALLED)
_FLOODED_REASON: Final = (Reason.PING_FLOOD, Reason.UPSTREAM_BROKEN)


class Liveness:
    """The life signs of a session's two sides."""

    __slots__ = ("_deadlines", "_flows")

    def __init__(self, flows: tuple[Flow, Flow], deadlines: Deadlines, now: Seconds) -> None:
        self._flows = flows
        self._deadlines = deadlines
        for alarm in _SILENT:
            deadlines.set(alarm, now + PING_AFTER)

    def pinged(self, side: Side, now: Seconds) -> Actions | Reason:
        """*side* asks whether anyone is there."""
        flow = self._flows[side]
        flow.heard = now
        if flow.pings.take(1, now) > 0.0:
            return _FLOODED_REASON[side]
        # A full write buffer takes no pong: a peer that only pings could fill memory with them.
        return NOTHING if self._deadlines.is_set(_STALL[side]) else PONG

    def ponged(self, side: Side, now: Seconds) -> Actions | Reason:
        """*side* sent a pong: the answer to a ping of ours, or one that nobody asked for."""
        flow = self._flows[side]
        flow.heard = now
        return _FLOODED_REASON[side] if flow.pings.take(1, now) > 0.0 else NOTHING

    def congested(self, side: Side, buffered: float, now: Seconds) -> Actions:
        """*side*'s write buffer holds *buffered* bytes and is full: do not read the other side."""
        flow = self._flows[side]
        flow.buffered, flow.progress_at = buffered, now
        self._deadlines.set(_STALL[side], now + STALL_LOOK)
        return self._flows[OTHER[side]].hold(Hold.CONGESTION, now)

    def relieved(self, side: Side, now: Seconds) -> Actions:
        """*side*'s write buffer has drained."""
        self._deadlines.clear(_STALL[side])
        own = self._flows[side].release(Hold.BACKLOG, now)
        return (*own, *self._flows[OTHER[side]].release(Hold.CONGESTION, now))

    def answered(self, now: Seconds) -> Actions:
        """The client was sent an event of the relay's own; if it reads none, it is not asked for more."""
        if self._flows[Side.UPSTREAM].holds & Hold.CONGESTION:
            return self._flows[Side.CLIENT].hold(Hold.BACKLOG, now)
        return NOTHING

    def looked(self, side: Side, buffered: float, now: Seconds) -> Actions | Reason:
        """*side*'s full write buffer holds *buffered* bytes by now."""
        flow = self._flows[side]
        if not self._flows[OTHER[side]].holds & Hold.CONGESTION:
            return NOTHING  # it has drained since
        if buffered < flow.buffered:
            flow.progress_at = now
        flow.buffered = buffered  # what was queued since does not hide what was taken since
        if now - flow.progress_at >= STALL_AFTER:
            return _STALLED_REASON[side]
        self._deadlines.set(_STALL[side], now + STALL_LOOK)
        return NOTHING

    def listen(self, side: Side, now: Seconds) -> Actions | Reason:
        """Ping a side that has been silent, and give it up if it stays so."""
        flow, alarm = self._flows[side], _SILENT[side]
        if flow.holds:
            flow.pinged_at = None
            self._deadlines.set(alarm, now + PING_AFTER)
            return NOTHING
        if flow.pinged_at is not None and flow.heard < flow.pinged_at:
            return _SILENT_REASON[side]
        flow.pinged_at = None
        due = flow.heard + PING_AFTER
        if due > now:
            self._deadlines.set(alarm, due)
            return NOTHING
        flow.pinged_at = now
        self._deadlines.set(alarm, now + PONG_WITHIN)
        return (Ping(side),)
