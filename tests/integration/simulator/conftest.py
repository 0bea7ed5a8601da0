from collections.abc import AsyncIterator

import pytest

from relay.simulator.server import Simulator
from relay.simulator.settings import SimulatorSettings


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """A simulator without waits."""
    async with Simulator(SimulatorSettings.instant()).running() as running:
        yield running
