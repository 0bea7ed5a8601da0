"""How long to wait before a worker that died is started again.

Rule: pure. Who waits and who throws the dice is told what came of it.
"""

from typing import Final

from relay.core.words import Seconds

FIRST: Final[Seconds] = 0.5
"""The most that is waited after a single death: others cover for it, so this spares the machine alone."""
MOST: Final[Seconds] = 8.0
"""The most that is ever waited: a cause that passes (a full disk, a store that is away) is noticed soon."""
STEADY: Final[Seconds] = 30.0
"""A worker that lived so long has not died of how it starts."""


class Backoff:
    """The deaths of one slot's workers."""

    def __init__(self) -> None:
        self._deaths = 0
        """In a row, each before it was `STEADY`."""

    def died(self, lived: Seconds, dice: float) -> Seconds:
        """Return how long to wait, of a worker that *lived* so long; *dice* is from 0 to 1.

        The wait is drawn from the whole range up to a limit that doubles with each death in a row, so that
        workers that die of one cause do not come back at one instant.
        """
        if lived >= STEADY:
            self._deaths = 0
        # Beyond so many doublings the limit stands; a crash loop may last for weeks.
        limit: Seconds = min(MOST, FIRST * 2.0 ** min(self._deaths, 16))
        self._deaths += 1
        return dice * limit
