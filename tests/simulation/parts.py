"""Of what a simulated fleet is made: workers, and the classes that a planted bug may replace."""

from typing import Final, NamedTuple

from relay.core.breaker import Breaker
from relay.core.shares import Share, Told
from relay.core.tenants import Plan
from relay.core.words import Seconds
from tests.simulation.model import Model


class Parts(NamedTuple):
    """Of what a fleet is made."""

    share: type[Share] = Share
    breaker: type[Breaker] = Breaker
    store: type[Model] = Model


SOUND: Final = Parts()


class Demand(NamedTuple):
    """What the sessions of a worker want, a second."""

    responses: float
    debits: float
    tokens: int


class Worker:
    """One process: a share, and the breaker before the store."""

    def __init__(self, parts: Parts, plan: Plan, size: int, name: str, demand: Demand) -> None:
        self.name = name
        self.demand = demand
        self.stirred = False
        self.share = parts.share(plan, size, self._stir)
        self.breaker = parts.breaker()
        self.flight: tuple[Seconds, Told | None] | None = None
        self.ready = False
        self.refused_calls = 0

    def _stir(self) -> None:
        self.stirred = True
