"""Leases, budgets and breakers of a whole fleet keep their laws, whatever happens to store and workers."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.simulation.fleet import World, finds, play
from tests.simulation.parts import SOUND, Parts
from tests.simulation.planted import PLANTED

QUICK, MANY = 300, 10_000
PROCESSES = 2
CHUNK = 250


def test_the_laws_hold() -> None:
    for seed in range(QUICK):
        play(seed)


def test_a_seed_plays_the_same_again() -> None:
    def played() -> tuple[object, ...]:
        world = World(7, SOUND)
        world.run()
        return world.admitted, world.used, world.store.charged, world.dice.getstate()

    assert played() == played()


@pytest.mark.parametrize("parts", PLANTED.values(), ids=list(PLANTED))
def test_a_planted_bug_is_found(parts: Parts) -> None:
    assert finds(range(QUICK), parts) is not None


def sound(start: int) -> int | None:
    """Return the first seed from *start* on that breaks a law, of a chunk."""
    return finds(range(start, start + CHUNK), SOUND)


@pytest.mark.slow
@pytest.mark.timeout(300)  # so long may ten thousand seeds take
def test_the_laws_hold_ten_thousand_times() -> None:
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        broken = [seed for seed in pool.map(sound, range(0, MANY, CHUNK)) if seed is not None]
    assert not broken
