"""The life of one relayed session.

    OPEN --ended--> CLOSING --both gone--> CLOSED

A session exists once its upstream has accepted it; all before that is the door's. Everything that moves it
along this line is in this file. Each method is one thing that can happen; it returns what must now be done,
in order. Nothing here waits, reads a clock or keeps a payload.

Rules: the first cause of an end wins; both sides are told; `Finish` comes once and last; left alone, every
session ends. A method has finished changing state before its actions are carried out, so that an effect
which re-enters finds a consistent session.
"""

from collections.abc import Callable
from enum import Enum, auto
from math import inf
from typing import Final, assert_never

from relay.core.actions import FORWARD, NOTHING, Abort, Actions, Close, Finish, Hangup, Look, Send
from relay.core.deadlines import CLOSE_AT_MOST, CLOSE_CLIENT, CLOSE_UPSTREAM, Alarm, Deadlines
from relay.core.flow import Flow, Hold
from relay.core.liveness import Liveness
from relay.core.parting import answer_code, parting_words, wire_code, wire_reason
from relay.core.refusals import Reason, Refused
from relay.core.tenants import Plan
from relay.core.uplink import Gate
from relay.core.words import Seconds, Side


class Phase(Enum):
    """Where on its line a session is."""

    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()


_OPEN: Final = Phase.OPEN
_TO_UPSTREAM: Final = 1001
"""What an upstream is told when the relay ends a session: its client is going away."""
_ABNORMAL: Final = 1006


class Session:
    """A client and an upstream, and what passes between them."""

    __slots__ = (
        "_close_looked", "_closing_until", "_deadlines", "_event_id", "_finish", "_liveness", "_phase",
        "_plan", "_redact", "downlink", "flows", "generation", "started_at", "uplink",
    )  # fmt: skip

    def __init__(
        self,
        *,
        plan: Plan,
        uplink: Gate,
        downlink: Gate,
        event_id: Callable[[], str],
        now: Seconds,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._plan = plan
        self.uplink = uplink
        self.downlink = downlink
        self._event_id = event_id
        self._redact = redact
        self.started_at = now
        self.generation = 0
        """Of the upstream leg: which of those this session has had."""
        self.flows = (Flow(Side.CLIENT, now), Flow(Side.UPSTREAM, now))
        self._phase = Phase.OPEN
        self._finish: Finish | None = None
        self._close_looked = inf
        self._closing_until = inf
        self._deadlines = Deadlines()
        self._deadlines.set(Alarm.AGE, now + plan.session_seconds)
        self._deadlines.set(Alarm.IDLE, now + plan.idle_seconds)
        self._liveness = Liveness(self.flows, self._deadlines, now)

    @property
    def deadline(self) -> Seconds:
        """When to call `tick`, unless something else happens first."""
        return self._deadlines.next()

    @property
    def reason(self) -> Reason | None:
        """Why the session ended; None while it has not."""
        return self._finish.reason if self._finish is not None else None

    # --- messages: the hot path -------------------------------------------------------------------

    def client_message(self, message: memoryview, text: bool, now: Seconds) -> Actions:
        """A whole message came from the client."""
        if self._phase is not _OPEN:
            return NOTHING
        flow = self.flows[0]
        flow.heard = flow.message_at = now
        uplink = self.uplink
        actions = uplink.judge(message, text, now)
        if actions is FORWARD and uplink.wait == 0.0:
            return FORWARD
        if uplink.wait > 0.0:
            self._deadlines.put_off(Alarm.PACE, now + uplink.wait)
            actions = (*actions, *flow.hold(Hold.PACE, now))
        if actions is not FORWARD and any(isinstance(it, Send) and it.side is Side.CLIENT for it in actions):
            actions = (*actions, *self._liveness.answered(now))
        if uplink.over is not None:
            actions = (*actions, *self.end(uplink.over, now))
        return actions

    def upstream_message(self, message: memoryview, text: bool, now: Seconds) -> Actions:
        """A whole message came from the upstream."""
        if self._phase is not _OPEN:
            return NOTHING
        flow = self.flows[1]
        flow.heard = flow.message_at = now
        downlink = self.downlink
        actions = downlink.judge(message, text, now)
        if actions is FORWARD:
            return FORWARD
        if downlink.over is not None:
            actions = (*actions, *self.end(downlink.over, now))
        return actions

    # --- what else can happen ---------------------------------------------------------------------

    def heard(self, side: Side, now: Seconds) -> Actions:
        """*side* sent a piece of a message."""
        self.flows[side].heard = now
        return NOTHING

    def ponged(self, side: Side, now: Seconds) -> Actions:
        """*side* sent a pong."""
        return self._told(self._liveness.ponged(side, now), now) if self._is_open() else NOTHING

    def pinged(self, side: Side, now: Seconds) -> Actions:
        """*side* asks whether anyone is there."""
        return self._told(self._liveness.pinged(side, now), now) if self._is_open() else NOTHING

    def congested(self, side: Side, buffered: float, now: Seconds) -> Actions:
        """*side* takes less than it is sent: its write buffer holds *buffered* bytes and is full."""
        return self._liveness.congested(side, buffered, now) if self._is_open() else NOTHING

    def relieved(self, side: Side, now: Seconds) -> Actions:
        """*side*'s write buffer has drained."""
        return self._liveness.relieved(side, now) if self._is_open() else NOTHING

    def looked(self, side: Side, buffered: float, now: Seconds) -> Actions:
        """*side*'s write buffer, asked for by `Look`, holds *buffered* bytes."""
        match self._phase:
            case Phase.OPEN:
                return self._told(self._liveness.looked(side, buffered, now), now)
            case Phase.CLOSING:
                return self._looked_while_closing(side, buffered, now)
            case Phase.CLOSED:
                return NOTHING
            case _:
                assert_never(self._phase)

    def broken(self, side: Side, reason: Reason, now: Seconds) -> Actions:
        """*side* broke the protocol, as *reason* says if it is the client."""
        return self.end(reason if side is Side.CLIENT else Reason.UPSTREAM_BROKEN, now)

    def closed(self, side: Side, code: int, reason: str, now: Seconds) -> Actions:
        """*side* sent a close frame: the first of the session's, or the answer to one."""
        if self._phase is Phase.CLOSED:
            return NOTHING
        actions = NOTHING
        if self._phase is Phase.OPEN:
            why = Reason.CLIENT_LEFT if side is Side.CLIENT else Reason.UPSTREAM_LEFT
            actions = self._end(why, side, code, self._redact(reason), now)
        return actions if self.flows[side].gone else (*actions, Hangup(side))

    def left(self, side: Side, now: Seconds) -> Actions:
        """*side*'s connection is gone, with or without a word."""
        flow = self.flows[side]
        if self._phase is Phase.CLOSED or flow.gone:
            return NOTHING
        flow.gone = True
        actions = NOTHING
        if self._phase is Phase.OPEN:
            if side is Side.CLIENT:
                actions = self._end(Reason.CLIENT_LEFT, side, _ABNORMAL, "", now)
            else:
                actions = self._upstream_gone(now)
        if all(flow.gone for flow in self.flows):
            actions = (*actions, *self._finished())
        return actions

    def tick(self, now: Seconds) -> Actions:
        """The deadline has come."""
        wakes = (action for alarm in self._deadlines.take_due(now) for action in self._wake(alarm, now))
        # A look may end the session, so whatever else there is to do comes before it.
        return tuple(sorted(wakes, key=lambda action: isinstance(action, Look)))

    def end(
        self, reason: Reason, now: Seconds, message: str | None = None, first: Side | None = None
    ) -> Actions:
        """End the session for *reason*, telling whoever is still there; *message* in place of the usual."""
        if self._phase is not Phase.OPEN:
            return NOTHING
        parting: Actions = NOTHING
        if reason.says is not None and not self.flows[Side.CLIENT].gone:
            refused = Refused(reason.says, message or parting_words(reason, self._plan))
            parting = (Send(Side.CLIENT, refused.event(self._event_id())),)
        return (*parting, *self._end(reason, first, reason.code, reason.label, now))

    # --- how it ends ------------------------------------------------------------------------------

    def _upstream_gone(self, now: Seconds) -> Actions:
        """Decide between ending the session and putting another upstream in the lost one's place.

        Today it always ends, in words of ours, since the upstream had none.
        """
        return self.end(Reason.UPSTREAM_LOST, now, first=Side.UPSTREAM)

    def _end(self, reason: Reason, first: Side | None, code: int, words: str, now: Seconds) -> Actions:
        self._phase = Phase.CLOSING
        self._finish = Finish(reason, first, wire_code(code))
        self._deadlines.clear()
        self._deadlines.set(Alarm.CLOSE, now + CLOSE_UPSTREAM)
        self._closing_until = now + CLOSE_AT_MOST
        codes = (code, _TO_UPSTREAM if first is None else code)
        # Whoever is held is read again, and what it says is dropped: its close frame stands behind it,
        # and a socket that is closed over unread input resets the connection under our own last words.
        told: Actions = NOTHING
        for flow in self.flows:
            steps = tuple(step for cause in Hold for step in flow.release(cause, now))
            if not flow.gone:
                fit = answer_code if flow.side is first else wire_code
                close = Close(flow.side, fit(codes[flow.side]), wire_reason(words))
                told = (*told, *steps, close)
        return told

    def _looked_while_closing(self, side: Side, buffered: float, now: Seconds) -> Actions:
        if side is Side.UPSTREAM or self._deadlines.is_set(Alarm.CLOSE):
            return NOTHING  # asked for before the end, by the same tick that ended it
        # What was accepted for the client goes on to it while it takes any; its close may take a moment more.
        if buffered >= self._close_looked or now >= self._closing_until:
            return (Abort(Side.CLIENT), *self._finished())
        self._close_looked = buffered
        self._deadlines.set(Alarm.CLOSE, now + CLOSE_CLIENT - CLOSE_UPSTREAM)
        return NOTHING

    def _wake_while_closing(self) -> Actions:
        client, upstream = self.flows
        actions: Actions = NOTHING
        if not upstream.gone:
            upstream.gone = True
            actions = (Abort(Side.UPSTREAM),)
        if client.gone:
            return (*actions, *self._finished())
        return (*actions, Look(Side.CLIENT))

    def _finished(self) -> Actions:
        assert self._phase is Phase.CLOSING
        assert self._finish is not None
        self._phase = Phase.CLOSED
        self._deadlines.clear()
        return (self._finish,)

    # --- alarms -----------------------------------------------------------------------------------

    def _wake(self, alarm: Alarm, now: Seconds) -> Actions:  # noqa: C901 - one match over a closed set
        if alarm is Alarm.CLOSE:
            return self._wake_while_closing()
        if not self._is_open():
            return NOTHING  # an earlier alarm of the same instant has ended the session
        match alarm:
            case Alarm.AGE:
                return self.end(Reason.TOO_OLD, now)
            case Alarm.IDLE:
                # The hot path notes the time and leaves the alarm alone.
                due = max(flow.message_at for flow in self.flows) + self._plan.idle_seconds
                if due <= now:
                    return self.end(Reason.IDLE, now)
                self._deadlines.set(Alarm.IDLE, due)
                return NOTHING
            case Alarm.PACE:
                return self.flows[Side.CLIENT].release(Hold.PACE, now)
            case Alarm.SILENT_CLIENT:
                return self._told(self._liveness.listen(Side.CLIENT, now), now)
            case Alarm.SILENT_UPSTREAM:
                return self._told(self._liveness.listen(Side.UPSTREAM, now), now)
            case Alarm.STALL_CLIENT:
                return (Look(Side.CLIENT),)
            case Alarm.STALL_UPSTREAM:
                return (Look(Side.UPSTREAM),)
            case _:
                assert_never(alarm)

    def _told(self, answer: Actions | Reason, now: Seconds) -> Actions:
        return self.end(answer, now) if isinstance(answer, Reason) else answer

    def _is_open(self) -> bool:
        return self._phase is Phase.OPEN
