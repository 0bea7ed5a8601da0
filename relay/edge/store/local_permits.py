"""What this process holds for a tenant, and what it may give out by itself while the store is away.

    the store answered     fleet: sessions of all processes · base: ours among them
    it is away             base may grow by (limit - fleet) / processes, and starts by a like part of the rate

Rule: nothing here awaits. Together the processes give out what is left of the limit, and no more than one each
beyond it where less is left than there are processes.
"""

from math import inf

from relay.core.pacing import Pacer
from relay.core.tenants import Plan
from relay.core.words import Seconds, SessionId, SessionName


class Here:
    """One tenant's sessions in this process."""

    __slots__ = ("_base", "_fleet", "_known_at", "_starts", "_unpaid", "sessions")

    def __init__(self) -> None:
        self.sessions: dict[SessionId, SessionName | None] = {}
        self._base = 0
        self._fleet = 0
        self._unpaid: Seconds = 0.0
        self._known_at: Seconds = 0.0
        self._starts: tuple[float, Pacer] | None = None

    @property
    def idle(self) -> bool:
        """Whether there is nothing here to remember."""
        return not self.sessions and self._starts is None

    def learn(self, fleet: int, now: Seconds, unpaid: Seconds | None = None) -> None:
        """The store answered: *fleet* sessions live, and starts run *unpaid* seconds ahead of their rate."""
        self._base, self._fleet = len(self.sessions), fleet
        self._starts = None
        if unpaid is not None:
            self._unpaid, self._known_at = unpaid, now

    def holder(self, name: SessionName) -> SessionId | None:
        """Return which session of this process bears *name*."""
        return next((session for session, own in self.sessions.items() if own == name), None)

    def full(self, plan: Plan, workers: int) -> bool:
        """Tell whether this process may give out no more of the tenant's sessions by itself."""
        left = plan.concurrent_sessions - self._fleet
        part = left if left == inf else left // workers  # infinity, floored, is no number
        return left <= 0 or len(self.sessions) - self._base >= max(1.0, part)

    def start(self, plan: Plan, workers: int, now: Seconds) -> Seconds:
        """Charge one start to this process' part of the rate. Return 0.0, or how long to wait for it."""
        rate = plan.session_starts_per_minute / workers
        if self._starts is None or self._starts[0] != rate:
            pacer = Pacer(rate / 60, max(1.0, rate))
            unpaid = max(0.0, self._unpaid - (now - self._known_at))
            if unpaid:
                pacer.spend(unpaid * rate / 60, now)
            self._starts = rate, pacer
        return self._starts[1].take(1, now)
