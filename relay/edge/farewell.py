"""A refusal told in-band: 101, the `error` event, the close code; for clients that cannot read a status.

A browser is not told the status of a failed upgrade (WHATWG WebSockets, 3.1).

Rule: nothing that the client says after its 101 is listened to, but for its close.
"""

import asyncio
import secrets
from typing import Final

from relay.core.deadlines import CLOSE_CLIENT
from relay.core.parting import wire_reason
from relay.core.refusals import Reason, Refused
from relay.core.words import Side
from relay.edge.leg import Leg

LARGEST: Final = 1 << 16
"""The largest frame of a client that is being refused: its first event, said before it heard."""


class Deaf:
    """The ear of a client's leg in the instant between its 101 and its pipe."""

    def message(self, side: Side, message: memoryview, text: bool) -> None:
        """Nothing can come: the socket has not been read since the head."""

    def heard(self, side: Side) -> None:
        """See `message`."""

    def ponged(self, side: Side) -> None:
        """See `message`."""

    def pinged(self, side: Side, payload: bytes) -> None:
        """See `message`."""

    def closed(self, side: Side, code: int, reason: str) -> None:
        """See `message`."""

    def broken(self, side: Side, reason: Reason) -> None:
        """See `message`."""

    def left(self, side: Side) -> None:
        """`Pipe.start` looks whether the leg is still there."""

    def congested(self, side: Side) -> None:
        """See `message`."""

    def relieved(self, side: Side) -> None:
        """See `message`."""


class Farewell(Deaf):
    """A refusal told in-band: the event, the close code, and not a second more than the handshake takes."""

    def __init__(self, refused: Refused) -> None:
        self._refused = refused
        self.leg = Leg(Side.CLIENT, LARGEST, self)

    def say(self) -> None:
        """Say it, and see to it that the connection ends."""
        refusal = self._refused.refusal
        self.leg.send(self._refused.event("event_" + secrets.token_hex(8)), text=True)
        self.leg.send_close(
            refusal.close or Reason.INTERNAL.code,
            wire_reason(f"{refusal.kind}.{self._refused.code or refusal.code}"),
        )
        asyncio.get_running_loop().call_later(CLOSE_CLIENT, self.leg.disconnect, False)  # noqa: FBT003 - disconnect's only argument

    def closed(self, side: Side, code: int, reason: str) -> None:
        """The client has heard."""
        del side, code, reason
        self.leg.disconnect(graceful=True)
