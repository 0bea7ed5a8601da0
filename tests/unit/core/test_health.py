"""Is an upstream worth dialing, and with which key? Told of outcomes, it decides."""

from math import inf

import pytest

from relay.core.health import EJECTED_AT_MOST, EJECTED_FOR, FAILURES, KEY_COOLS, Health, KeyPool
from relay.core.words import Secret

A, B = Secret("a"), Secret("b")


@pytest.fixture
def health() -> Health:
    return Health()


def fail(health: Health, times: int, now: float, draw: float = 0) -> None:
    for _ in range(times):
        health.failed(now, draw)


def test_an_upstream_is_healthy_until_it_fails_too_often_in_a_row(health: Health) -> None:
    fail(health, FAILURES - 1, 0)
    assert health.healthy(0)
    health.failed(0, 0)
    assert not health.healthy(0)


def test_a_success_starts_the_count_anew(health: Health) -> None:
    fail(health, FAILURES - 1, 0)
    health.succeeded()
    fail(health, FAILURES - 1, 0)
    assert health.healthy(0)


def test_an_ejected_upstream_comes_back_in_time(health: Health) -> None:
    fail(health, FAILURES, 0)
    assert not health.healthy(EJECTED_FOR - 0.1)
    assert health.healthy(EJECTED_FOR)


def test_the_dice_put_the_return_off_by_a_fifth_at_most(health: Health) -> None:
    fail(health, FAILURES, 0, draw=0.999)
    assert not health.healthy(EJECTED_FOR * 1.19)
    assert health.healthy(EJECTED_FOR * 1.2)


def test_after_an_ejection_one_failure_is_enough_and_the_rest_is_longer(health: Health) -> None:
    fail(health, FAILURES, 0)
    health.failed(EJECTED_FOR, 0)
    assert not health.healthy(EJECTED_FOR + 2 * EJECTED_FOR - 0.1)
    assert health.healthy(EJECTED_FOR + 2 * EJECTED_FOR)


def test_a_failure_while_ejected_is_not_the_probe_s(health: Health) -> None:
    fail(health, FAILURES + 1, 0)
    assert health.healthy(EJECTED_FOR)


def test_a_success_heals_at_once(health: Health) -> None:
    fail(health, FAILURES, 0)
    health.succeeded()
    assert health.healthy(0)
    fail(health, FAILURES - 1, 0)
    assert health.healthy(0)


def test_no_ejection_lasts_longer_than_the_most(health: Health) -> None:
    now = 0.0
    fail(health, FAILURES, now)
    for _ in range(50):
        now += EJECTED_AT_MOST * 1.2
        assert health.healthy(now)
        health.failed(now, 0.999)
    assert not health.healthy(now + EJECTED_AT_MOST)


def test_a_key_is_used_until_it_is_refused() -> None:
    pool = KeyPool([A, B])
    assert pool.pick(0) == pool.pick(1) == (0, A)
    pool.refused(0, 1)
    assert pool.pick(1) == (1, B)


def test_a_refused_key_rests_and_comes_back() -> None:
    pool = KeyPool([A])
    pool.refused(0, 0)
    assert pool.pick(KEY_COOLS - 1) is None
    assert pool.resting(KEY_COOLS - 1) == 1
    assert pool.pick(KEY_COOLS) == (0, A)
    assert pool.resting(KEY_COOLS) == 0


def test_a_key_rests_as_long_as_the_upstream_said() -> None:
    pool = KeyPool([A, B])
    pool.refused(0, 0, rest=5)
    pool.refused(1, 0, rest=3)
    assert pool.pick(2) is None
    assert pool.resting(2) == 1
    assert pool.pick(3) == (1, B)
    assert pool.pick(5) == (1, B)


def test_an_empty_pool_never_has_a_key() -> None:
    pool = KeyPool([])
    assert pool.pick(0) is None
    assert pool.resting(0) == inf
