"""Two WebSockets and the session between them.

A message goes socket -> `Leg` -> `Session.…_message` -> the other socket in one call chain: no task, no
queue, no await, no log. What the session asks for is carried out here, and nothing else is.

Rule: no decision is taken in this file. It turns callbacks into the session's events and its actions into
calls on a socket.
"""

import asyncio
from math import inf
from typing import Final, Protocol, assert_never

import msgspec

from relay.core.actions import (
    FORWARD,
    PONG,
    Abort,
    Actions,
    Close,
    Finish,
    Forward,
    Hangup,
    Look,
    Observe,
    Pause,
    Ping,
    Pong,
    Rehead,
    Resume,
    Send,
    Spend,
)
from relay.core.refusals import Reason
from relay.core.session import Session
from relay.core.words import OTHER, Seconds, Side
from relay.edge.clock import monotonic
from relay.edge.leg import Leg

_CLIENT: Final = Side.CLIENT
SAMPLE: Final = 64
"""One message in so many is timed through the relay."""


class Early(msgspec.Struct, frozen=True):
    """What an upstream said before there was a client to hear it: events, and perhaps a close frame."""

    messages: tuple[bytes, ...]
    close: tuple[int, str] | None = None


class Witness(Protocol):
    """Whoever keeps account of a session."""

    def relayed(self, origin: Side, seconds: Seconds) -> None:
        """A message from *origin* was *seconds* in the relay; one in `SAMPLE` is told."""

    def pinged(self, side: Side, answered: bool) -> None:
        """*side* sent a ping, which was answered or not."""

    def stalled(self, side: Side) -> None:
        """*side*'s write buffer is full."""

    def observed(self, observe: Observe) -> None:
        """A response came to a moment that is timed."""

    def spent(self, spend: Spend) -> None:
        """The upstream reported usage."""

    def finished(self, finish: Finish) -> None:
        """The session is over, and both sockets are gone."""


class Pipe:
    """Tell the session what happens on its sockets, and do as it says."""

    __slots__ = (
        "_asking",
        "_legs",
        "_loop",
        "_relayed",
        "_session",
        "_timer",
        "_wake_at",
        "_witness",
    )

    def __init__(self, session: Session, client: Leg, upstream: Leg, witness: Witness) -> None:
        self._session = session
        self._legs = (client, upstream)
        self._witness = witness
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._wake_at: Seconds = inf
        self._relayed = 0
        self._asking: set[asyncio.Event] = set()
        """Set when a ping or pong of the client's comes, while someone waits for that."""

    def start(self, early: Early) -> None:
        """Link the legs. What the upstream said before that goes to the client first."""
        client, upstream = self._legs
        client.ear = upstream.ear = self
        for message in early.messages:
            self.message(Side.UPSTREAM, memoryview(message), text=True)
        if early.close is not None:
            self.closed(Side.UPSTREAM, *early.close)
        for leg in self._legs:
            if leg.gone:
                leg.left()
        if self._session.reason is None:
            upstream.resume()
        self._arm()

    # --- what happens -----------------------------------------------------------------------------

    def message(self, side: Side, message: memoryview, text: bool) -> None:
        """A whole message came from *side*: the hot path."""
        now = monotonic()
        client, upstream = self._legs
        if side is _CLIENT:
            actions = self._session.client_message(message, text, now)
            other = upstream
        else:
            actions = self._session.upstream_message(message, text, now)
            other = client
        if actions is FORWARD:
            other.send(message, text)
        elif len(actions) == 1 and type(actions[0]) is Rehead:
            other.send_reheaded(actions[0].head, message[actions[0].cut :])
        else:
            self._do(actions, side, message, text)
        self._relayed += 1
        if not self._relayed % SAMPLE:
            self._witness.relayed(side, monotonic() - now)

    def pinged(self, side: Side, payload: bytes) -> None:
        """*side* sent a ping."""
        actions = self._session.pinged(side, monotonic())
        self._witness.pinged(side, actions is PONG)
        self._heard(side)
        if actions is PONG:
            self._legs[side].send_pong(payload)
        else:
            self._do(actions)

    def heard(self, side: Side) -> None:
        """*side* sent a piece of a message."""
        self._heard(side)
        self._do(self._session.heard(side, monotonic()))

    def ponged(self, side: Side) -> None:
        """*side* sent a pong."""
        self._heard(side)
        self._do(self._session.ponged(side, monotonic()))

    def closed(self, side: Side, code: int, reason: str) -> None:
        """*side* sent a close frame."""
        self._do(self._session.closed(side, code, reason, monotonic()))

    def broken(self, side: Side, reason: Reason) -> None:
        """*side* broke the protocol."""
        self._do(self._session.broken(side, reason, monotonic()))

    def left(self, side: Side) -> None:
        """*side*'s connection is gone."""
        self._do(self._session.left(side, monotonic()))

    def congested(self, side: Side) -> None:
        """*side*'s write buffer is full."""
        self._witness.stalled(side)
        self._do(self._session.congested(side, self._legs[side].unsent(), monotonic()))

    def relieved(self, side: Side) -> None:
        """*side*'s write buffer has drained."""
        self._do(self._session.relieved(side, monotonic()))

    def end(self, reason: Reason, message: str | None = None) -> None:
        """End the session from outside: draining, revoked, replaced."""
        self._do(self._session.end(reason, monotonic(), message))

    def cut(self) -> None:
        """Drop both connections: what was accepted for the peers and is not sent yet is lost."""
        for leg in self._legs:
            leg.disconnect(graceful=False)

    def buffered(self, side: Side) -> int:
        """Return how many bytes wait to be written to *side*."""
        return self._legs[side].buffered()

    async def answers(self, within: Seconds) -> bool:
        """Ask the client whether it is there, and wait for any sign of it.

        A client that is not being read cannot answer, and counts as there: its own deadlines run.
        """
        flow = self._session.flows[Side.CLIENT]
        if flow.holds:
            return True
        asked, pong = monotonic(), asyncio.Event()
        self._asking.add(pong)
        self._legs[Side.CLIENT].send_ping()
        try:
            async with asyncio.timeout(within):
                await pong.wait()
        except TimeoutError:
            return flow.heard > asked
        finally:
            self._asking.discard(pong)
        return True

    # --- what to do -------------------------------------------------------------------------------

    def _do(  # noqa: C901, PLR0912 - one match over a closed set
        self,
        actions: Actions,
        side: Side = Side.CLIENT,
        message: memoryview | None = None,
        text: bool = True,
    ) -> None:
        legs = self._legs
        for action in actions:
            match action:
                case Forward():
                    assert message is not None
                    legs[OTHER[side]].send(message, text)
                case Rehead(head, cut):
                    assert message is not None
                    legs[OTHER[side]].send_reheaded(head, message[cut:])
                case Send(to, data):
                    legs[to].send(data, text=True)
                case Pong():
                    pass  # `pinged` answers: the payload is in hand there
                case Ping(whom):
                    legs[whom].send_ping()
                case Pause(whom):
                    legs[whom].pause()
                case Resume(whom):
                    legs[whom].resume()
                case Look(whom):
                    self._do(self._session.looked(whom, legs[whom].unsent(), monotonic()))
                case Close(whom, code, reason):
                    legs[whom].send_close(code, reason)
                case Hangup(whom):
                    legs[whom].disconnect(graceful=True)
                case Abort(whom):
                    legs[whom].disconnect(graceful=False)
                case Observe():
                    self._witness.observed(action)
                case Spend():
                    self._witness.spent(action)
                case Finish():
                    self._finish(action)
                case _:
                    assert_never(action)
        self._arm()

    def _heard(self, side: Side) -> None:
        if side is Side.CLIENT:
            for asking in self._asking:
                asking.set()

    def _finish(self, finish: Finish) -> None:
        for leg in self._legs:
            leg.ear = None  # a cycle would keep both read buffers until a collection
        self._witness.finished(finish)

    def _tick(self) -> None:
        self._timer, self._wake_at = None, inf
        self._do(self._session.tick(monotonic()))

    def _arm(self) -> None:
        deadline = self._session.deadline
        if deadline == self._wake_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wake_at = deadline
        self._timer = None if deadline == inf else self._loop.call_at(deadline, self._tick)
