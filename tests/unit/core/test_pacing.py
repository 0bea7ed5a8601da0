"""A limit in one number: what has passed is charged and waited for, what is asked for is given or not."""

from math import inf

import pytest

from relay.core.pacing import Pacer


def test_the_burst_passes_at_once() -> None:
    assert Pacer(10, 50).spend(50, 0) == 0


def test_beyond_the_burst_one_waits_as_long_as_the_rate_takes_to_pay_it() -> None:
    assert Pacer(10, 50).spend(70, 0) == pytest.approx(2)


def test_waiting_pays_the_debt() -> None:
    pacer = Pacer(10, 50)
    pacer.spend(70, 0)
    assert pacer.wait(1) == pytest.approx(1)
    assert pacer.wait(2) == pytest.approx(0)
    assert pacer.spend(10, 3) == pytest.approx(0)


def test_a_long_lull_earns_the_burst_and_no_more() -> None:
    pacer = Pacer(10, 50)
    pacer.spend(50, 0)
    assert pacer.spend(60, 1000) == pytest.approx(1)


def test_taking_beyond_the_burst_is_not_given_and_costs_nothing() -> None:
    pacer = Pacer(1, 2)
    assert [pacer.take(1, 0) for _ in range(4)] == [0, 0, pytest.approx(1), pytest.approx(1)]
    assert pacer.take(1, 1) == 0


def test_what_came_to_nothing_is_given_back() -> None:
    pacer = Pacer(1, 1)
    assert pacer.take(1, 0) == 0
    pacer.give_back(1)
    assert pacer.take(1, 0) == 0
    assert pacer.take(1, 0) > 0


def test_giving_back_at_once_is_as_if_nothing_was_taken() -> None:
    pacer = Pacer(1, 3)
    pacer.spend(5, 0)
    pacer.give_back(2)
    assert pacer.wait(0) == pytest.approx(0)


def test_nobody_waits_before_anything_was_spent() -> None:
    assert Pacer(1, 1).wait(0) == 0


@pytest.mark.parametrize("burst", [0, 5, inf])
def test_an_unlimited_rate_never_waits(burst: float) -> None:
    pacer = Pacer(inf, burst)
    assert pacer.spend(1e12, 0) == 0
    assert pacer.take(1e12, 0) == 0
    pacer.give_back(1e12)
    assert pacer.wait(0) == 0


@pytest.mark.parametrize("rate", [0, 5e-324, 1e-300])
def test_no_rate_at_all_waits_for_ages_in_numbers_that_still_add_up(rate: float) -> None:
    pacer = Pacer(rate, 1)
    assert pacer.spend(0, 0) == 0
    assert pacer.take(1, 0) == 0
    assert 1e9 < pacer.take(1, 0) < inf
    assert 1e9 < pacer.spend(1, 0) < inf
    pacer.give_back(1)
    assert pacer.take(1, 1) > 1e9
