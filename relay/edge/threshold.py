"""The ear of a leg that is being dialed: hears the first event, sees to it that the session is set as it has
to be, and holds the rest until there is a client.

Rule: what an upstream says before its client is there is bounded, and none of it is lost.
"""

import asyncio
from typing import Final

from relay.core.presetting import Presetting
from relay.core.refusals import Reason
from relay.core.words import Side
from relay.edge.leg import Leg

EARLY_BYTES: Final = 1024 * 1024
"""What an upstream may say before its client is there."""


class Threshold:
    """Keeps what is said until someone takes over the ear."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.close: tuple[int, str] | None = None
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the first event is there, or will never be; after `ask`, when that is answered."""
        self.leg: Leg | None = None
        self._held = 0
        self._presetting: Presetting | None = None

    async def ask(self, presetting: Presetting) -> None:
        """Have the session set, and wait for what the upstream says to that."""
        if self.leg is None or self.close is not None or self.leg.gone:
            return
        self._presetting = presetting
        self.answered = asyncio.get_running_loop().create_future()
        self.leg.send(presetting.question, text=True)
        self.leg.resume()
        await self.answered

    def message(self, side: Side, message: memoryview, text: bool) -> None:
        """Keep the message. After the first, or the answer, the leg is not read until there is a client."""
        del side, text
        asking = self._presetting
        answered = asking is not None and asking.answer is None and asking.hear(bytes(message))
        if not answered:
            self._held += len(message)
            if self._held > EARLY_BYTES and self.messages and self.leg is not None:
                self.leg.disconnect(graceful=False)
                return
            self.messages.append(bytes(message))
            if asking is not None and asking.answer is None:
                return
        if self.leg is not None:
            self.leg.pause()
        self._answer()

    def heard(self, side: Side) -> None:
        """Nothing to do: a piece of a message."""

    def ponged(self, side: Side) -> None:
        """Nothing was asked."""

    def pinged(self, side: Side, payload: bytes) -> None:
        """Answer it, so that a slow dial lives."""
        del side
        if self.leg is not None:
            self.leg.send_pong(payload)

    def closed(self, side: Side, code: int, reason: str) -> None:
        """It closed: after its first event, or in place of one."""
        del side
        if self.close is None:
            self.close = (code, reason)
        self._answer()

    def broken(self, side: Side, reason: Reason) -> None:
        """What is not WebSocket counts as a close without a word."""
        del side, reason
        self._answer()

    def left(self, side: Side) -> None:
        """The connection is gone."""
        del side
        self._answer()

    def congested(self, side: Side) -> None:
        """Only the relay's own settings are sent to it yet, and pongs."""

    def relieved(self, side: Side) -> None:
        """Only the relay's own settings are sent to it yet, and pongs."""

    def _answer(self) -> None:
        if not self.answered.done():
            self.answered.set_result(None)
