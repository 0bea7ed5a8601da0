"""Who is connected: counted from accept to close, whichever protocol has the socket by then.

Rule: a count that goes up in `enter` comes down once, in `leave`, on every way out.
"""

import asyncio
from collections.abc import Callable

from relay.core.refusals import Refused


class Connections:
    """How many there are, in all and by address."""

    def __init__(self, most: int, per_address: int | None) -> None:
        self.most = most
        self.per_address = per_address
        self.open = 0
        self._by_address: dict[str, int] = {}
        self._emptied = asyncio.Event()
        self._emptied.set()

    def enter(self) -> bool:
        """Count one more connection; False if there are too many."""
        self.open += 1
        self._emptied.clear()
        return self.open <= self.most

    def leave(self) -> None:
        """One less."""
        self.open -= 1
        if not self.open:
            self._emptied.set()

    async def empty(self) -> None:
        """Wait until nobody is connected."""
        await self._emptied.wait()

    def enter_address(self, address: str) -> bool:
        """Count one more of *address*; False, uncounted, if it has too many."""
        if self.per_address is None:
            return True
        held = self._by_address.get(address, 0)
        if held >= self.per_address:
            return False
        self._by_address[address] = held + 1
        return True

    def leave_address(self, address: str) -> None:
        """One less of *address*."""
        if self.per_address is None:
            return
        held = self._by_address.get(address, 0) - 1
        if held > 0:
            self._by_address[address] = held
        else:
            self._by_address.pop(address, None)


class Listening:
    """What every connection of one listener shares, handed to its protocols through `app_state`."""

    def __init__(self, connections: Connections, refused: Callable[[Refused], None]) -> None:
        self.connections = connections
        self.refused = refused
