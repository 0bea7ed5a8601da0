"""A rate with a burst, kept in one number: the generic cell rate algorithm (ITU-T I.371).

Rule: a limit has one number and reads no clock. Spending may run into debt, and the answer is how long
to wait; taking may not, and the answer is whether it was given.
"""

from math import inf
from typing import Final

from relay.core.words import Seconds


class Pacer:
    """Hold a flow to *rate* a second, with *burst* to spare. An infinite rate never waits."""

    __slots__ = ("_cost", "_paid_until", "_slack")

    def __init__(self, rate: float, burst: float) -> None:
        self._cost = 1.0 / rate if rate > 1.0 / _AGES else _AGES
        self._slack = burst * self._cost if rate < inf else 0.0
        self._paid_until: Seconds = -inf

    def spend(self, amount: float, now: Seconds) -> Seconds:
        """Charge *amount*, which has passed already. Return how long to wait before the next."""
        # Compared by hand: max() takes thrice as long, and this runs twice per frame.
        paid_until = self._paid_until
        if paid_until < now:  # noqa: PLR1730 - see above
            paid_until = now
        paid_until += amount * self._cost
        self._paid_until = paid_until
        wait = paid_until - self._slack - now
        return wait if wait > 0.0 else 0.0  # noqa: FURB136 - see above

    def take(self, amount: float, now: Seconds) -> Seconds:
        """Charge *amount* if the burst covers it. Return 0.0 if so, else how long until it would."""
        due = max(self._paid_until, now) + amount * self._cost
        wait = due - self._slack - now
        if wait > _ROUNDING:
            return wait
        self._paid_until = due
        return 0.0

    def give_back(self, amount: float) -> None:
        """Undo a charge of *amount* that came to nothing."""
        self._paid_until -= amount * self._cost

    def wait(self, now: Seconds) -> Seconds:
        """Return how long until the debt is paid; 0.0 while there is a balance above zero."""
        wait = self._paid_until - self._slack - now
        return max(0.0, wait)


_AGES: Final[Seconds] = 1e12
"""What one costs where the rate is zero, or as good as: 30,000 years, which add up where `inf` does not."""
_ROUNDING: Final[Seconds] = 1e-9
"""A nanosecond: what float arithmetic may be off by, and no clock of ours resolves."""
