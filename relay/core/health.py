"""Is an upstream worth dialing, and which of its keys?

Rule: told of outcomes, given the time and a draw; it decides, the dialer dials.
"""

from collections.abc import Sequence
from math import inf
from typing import Final

from relay.core.words import Seconds, Secret

FAILURES: Final = 5
"""In a row, before an upstream is left alone (Envoy's outlier detection: the same)."""
EJECTED_FOR: Final[Seconds] = 30.0
"""Times the number of ejections so far, with a jitter of a fifth."""
EJECTED_AT_MOST: Final[Seconds] = 300.0
KEY_COOLS: Final[Seconds] = 60.0
"""A key that was refused, or has no quota left, rests this long where the upstream did not say how long."""


class Health:
    """Of one upstream."""

    __slots__ = ("_ejected_until", "_ejections", "_failures")

    def __init__(self) -> None:
        self._failures = 0
        self._ejections = 0
        self._ejected_until: Seconds = -inf

    def healthy(self, now: Seconds) -> bool:
        """Tell whether it should be dialed while there are others."""
        return now >= self._ejected_until

    def succeeded(self) -> None:
        """It accepted a session."""
        self._failures = self._ejections = 0
        self._ejected_until = -inf

    def failed(self, now: Seconds, draw: float) -> None:
        """It failed through no fault of the client. *draw* is uniform in [0, 1)."""
        self._failures += 1
        # After an ejection one failure is enough: the next session was the probe.
        if self._failures >= FAILURES or (self._ejections and self.healthy(now)):
            self._failures = 0
            self._ejections += 1
            rest = min(EJECTED_FOR * self._ejections, EJECTED_AT_MOST)
            self._ejected_until = now + rest * (1 + 0.2 * draw)


class KeyPool:
    """The keys of one upstream, the next of which is used as soon as one is refused."""

    __slots__ = ("_cool_until", "_keys", "_next")

    def __init__(self, keys: Sequence[Secret]) -> None:
        self._keys = tuple(keys)
        self._cool_until = [-inf] * len(keys)
        self._next = 0

    def pick(self, now: Seconds) -> tuple[int, Secret] | None:
        """Return the next usable key and its number; None while all of them rest."""
        for step in range(len(self._keys)):
            number = (self._next + step) % len(self._keys)
            if now >= self._cool_until[number]:
                self._next = number
                return number, self._keys[number]
        return None

    def refused(self, number: int, now: Seconds, rest: Seconds | None = None) -> None:
        """Key *number* was refused: let it rest, for as long as the upstream said if it did."""
        self._cool_until[number] = now + (KEY_COOLS if rest is None else rest)
        self._next = (number + 1) % len(self._keys)

    def resting(self, now: Seconds) -> Seconds:
        """Return how long until the first key is usable; 0.0 if one is."""
        return max(0.0, min(self._cool_until, default=inf) - now)
