"""How long a slot waits: longer with each death in a row, up to a bound, and afresh after a steady life."""

import pytest

from relay.supervisor.backoff import FIRST, MOST, STEADY, Backoff


def test_the_limit_doubles_with_each_death_in_a_row_up_to_a_bound() -> None:
    backoff = Backoff()
    assert [backoff.died(1.0, dice=1.0) for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


@pytest.mark.parametrize("dice", [0.0, 0.25, 1.0])
def test_the_wait_is_drawn_from_the_whole_range(dice: float) -> None:
    backoff = Backoff()
    assert backoff.died(1.0, dice) == dice * FIRST
    assert backoff.died(1.0, dice) == dice * FIRST * 2


def test_a_steady_life_forgives_the_deaths_before_it() -> None:
    backoff = Backoff()
    for _ in range(9):
        backoff.died(STEADY - 0.1, dice=1.0)
    assert backoff.died(STEADY - 0.1, dice=1.0) == MOST
    assert backoff.died(STEADY, dice=1.0) == FIRST


def test_a_crash_loop_may_last_for_weeks() -> None:
    backoff = Backoff()
    assert {backoff.died(0.1, dice=1.0) for _ in range(100_000)} == {0.5, 1.0, 2.0, 4.0, 8.0}
