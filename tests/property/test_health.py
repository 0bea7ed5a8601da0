"""An upstream is never given up for good, nor dialed while it rests; and a resting key is not used."""

from hypothesis import given
from hypothesis import strategies as st

from relay.core.health import EJECTED_AT_MOST, FAILURES, Health, KeyPool
from relay.core.words import Secret

outcomes = st.lists(st.tuples(st.booleans(), st.floats(0, 100), st.floats(0, 1, exclude_max=True)), max_size=60)
"""Whether it worked, how long after the last, and the dice."""


@given(outcomes)
def test_health_is_lost_by_failures_in_a_row_and_always_comes_back(
    told: list[tuple[bool, float, float]],
) -> None:
    health, now, in_a_row = Health(), 0.0, 0
    for worked, later, draw in told:
        now += later
        was = health.healthy(now)
        if worked:
            health.succeeded()
            in_a_row = 0
            assert health.healthy(now)
        else:
            health.failed(now, draw)
            in_a_row += 1
            assert health.healthy(now) or not was or in_a_row >= FAILURES
        assert health.healthy(now + EJECTED_AT_MOST * 1.2)
    for _ in range(FAILURES):
        health.failed(now, 0.0)
    assert not health.healthy(now)


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.booleans(), st.floats(0, 100), st.none() | st.floats(0, 50)), max_size=40),
)
def test_a_resting_key_is_never_picked_and_a_rested_one_always_is(
    keys: int, told: list[tuple[bool, float, float | None]]
) -> None:
    secrets = [Secret(f"key {number}") for number in range(keys)]
    pool, now = KeyPool(secrets), 0.0
    until = [0.0] * keys
    for refused, later, rest in told:
        now += later
        picked = pool.pick(now)
        rested = [number for number in range(keys) if until[number] <= now]
        assert (picked is not None) == bool(rested) == (pool.resting(now) == 0)
        if picked is None:
            assert pool.pick(now + pool.resting(now) + 1e-6) is not None
            continue
        number, key = picked
        assert number in rested
        assert key is secrets[number]
        if refused:
            pool.refused(number, now, rest)
            until[number] = now + (60 if rest is None else rest)
