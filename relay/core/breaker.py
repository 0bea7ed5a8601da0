"""Whether something that answers for many is worth asking: a circuit breaker.

    closed --FAILURES in a row--> open, a probe after each rest --a probe succeeds--> closed

Rule: while it is open only a probe's outcome counts. What was under way when it opened says nothing of how
things are now.
"""

from math import inf
from typing import Final

from relay.core.words import Seconds

FAILURES: Final = 3
"""In a row, before nobody is sent there any more: one may be a packet lost, two a coincidence."""
FIRST_REST: Final[Seconds] = 0.1
"""Before the first probe; each rest is twice as long as the one before."""
LONGEST_REST: Final[Seconds] = 1.6
"""With its jitter and a probe's own time it leaves two of the five seconds after which all is exact again."""
JITTER: Final = 0.25
"""The part of a rest that is drawn, so that many processes do not ask in step."""


class Breaker:
    """Of one thing that is asked. Told of outcomes and the time; *draw* is uniform in [0, 1)."""

    __slots__ = ("_failures", "_rest", "probe_at")

    def __init__(self) -> None:
        self._failures = 0
        self._rest: Seconds = 0.0
        self.probe_at: Seconds = inf
        """When to probe next; never, while it is closed."""

    @property
    def closed(self) -> bool:
        """Whether to ask at all."""
        return self._rest == 0.0

    def succeeded(self) -> None:
        """It answered."""
        self._failures = 0

    def failed(self, now: Seconds, draw: float) -> bool:
        """It did not answer, or with trouble of its own. Return whether that opened the breaker."""
        self._failures += 1
        return self._failures >= FAILURES and self.trip(now, draw)

    def trip(self, now: Seconds, draw: float) -> bool:
        """Open it, whatever was before. Return whether it was closed."""
        if not self.closed:
            return False
        self._rest_for(FIRST_REST, now, draw)
        return True

    def probed(self, answered: bool, now: Seconds, draw: float) -> bool:
        """A probe came back. Return whether that closed the breaker."""
        if self.closed:
            return False
        if not answered:
            self._rest_for(min(self._rest * 2, LONGEST_REST), now, draw)
            return False
        self._failures, self._rest, self.probe_at = 0, 0.0, inf
        return True

    def _rest_for(self, rest: Seconds, now: Seconds, draw: float) -> None:
        self._rest = rest
        self.probe_at = now + rest * (1 + JITTER * draw)
