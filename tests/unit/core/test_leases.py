"""Slices of a shared rate: given here without asking, charged there once."""

from math import inf

import pytest

from relay.core.leases import FRESH, IDLE_AFTER, NOTHING_ASKED, OUTAGE, REJOIN, REST, RETRY, Asked, Slices


def slices(limit: float = 600, workers: int = 2) -> Slices:
    """Return slices of *limit* a minute, of which the store has said that all is left."""
    made = Slices(limit / 60, limit, workers)
    made.asks(0)
    made.told(0, limit, 0, workers)
    return made


def taken(of: Slices, now: float, most: int = 10_000) -> int:
    for number in range(most):
        if of.take(1, now) > 0:
            return number
    return most


def test_an_unlimited_rate_gives_and_asks_nothing() -> None:
    free = Slices(inf, inf, 2)
    assert taken(free, 0, 100) == 100
    assert not free.limited
    assert not free.urgent(0)
    assert not free.due(0)
    assert free.asks(0) == NOTHING_ASKED
    free.told(0, inf, 0, 2)
    free.lost(0, 2)
    assert free.apart
    assert taken(free, 0, 100) == 100


def test_what_is_held_is_given_without_charging_it_again() -> None:
    some = slices()
    some.expect(1, 0)
    assert some.asks(0) == Asked(0, 0, 1)
    some.told(1, 599, 0, 2)
    assert some.take(1, 0) == 0
    assert (some.held, some.owes) == (0, False)


def test_what_is_given_on_credit_is_charged_from_when_it_was_given() -> None:
    some = slices()
    some.take(1, 0.5)
    some.take(1, 0.7)
    assert some.owes
    assert some.asks(0.8) == Asked(2, 0.5, 1)
    assert not some.owes


def test_credit_ends_with_this_workers_part_of_the_room() -> None:
    assert taken(slices(600, workers=4), 0) == 150


def test_what_was_sent_and_not_answered_counts_against_the_credit() -> None:
    some = slices(600, workers=4)
    assert taken(some, 0, 100) == 100
    some.asks(0)
    assert taken(some, 0) == 50
    assert some.take(1, 0) == RETRY


def test_credit_on_an_old_word_is_a_slice() -> None:
    assert taken(slices(600, workers=4), FRESH + 0.1) == 30


def test_there_is_no_credit_without_room_and_the_wait_is_until_there_is() -> None:
    some = slices()
    some.asks(0)
    some.told(0, -1.0, 0, 2)
    assert some.take(1, 0) == pytest.approx(0.2)
    assert some.take(1, 0.1) == pytest.approx(0.1)
    assert some.take(1, 0.2) == 0


def test_slices_follow_demand_up_to_a_share_of_the_burst() -> None:
    some = slices(6000, workers=2)
    some.expect(40, 0)
    assert some.asks(0).ask == 10  # a quarter of a second's worth
    some.told(10, 5990, 0, 2)
    some.expect(10_000, 0)
    assert some.asks(0).ask == 150 - 10  # 5 %, shared by two


def test_demand_is_forgotten_with_time() -> None:
    some = slices(6000)
    some.expect(400, 0)
    assert some.asks(3).ask < 10


def test_without_a_taker_slices_go_back() -> None:
    some = slices()
    some.expect(1, 0)
    some.asks(0)
    some.told(1, 599, 0, 2)
    assert not some.due(IDLE_AFTER)
    assert some.due(IDLE_AFTER + 0.1)
    assert not some.urgent(IDLE_AFTER + 0.1)
    assert some.asks(IDLE_AFTER + 0.1).ask == -1
    assert some.held == 0


def test_slices_go_back_when_the_last_session_leaves() -> None:
    some = slices()
    some.expect(1, 0)
    some.asks(0)
    some.told(1, 599, 0, 2)
    some.gives_back()
    assert some.asks(0.1).ask == -1


def test_asking_is_urgent_when_slices_run_low_or_credit_was_given() -> None:
    some = slices()
    some.expect(1, 0)
    assert some.urgent(0)
    some.asks(0)
    some.told(1, 599, 0, 2)
    assert not some.urgent(0)
    some.take(1, 0)
    assert some.urgent(0)
    some.take(1, 0)
    some.gives_back()
    assert some.urgent(0)  # to tell of the credit


def test_asking_again_and_again_of_a_rate_that_is_used_up_is_not_urgent() -> None:
    some = slices()
    some.expect(1, 0)
    some.asks(0)
    some.told(0, 0.5, 0, 2)
    some.expect(1, 0.06)
    assert not some.urgent(0.06)
    assert some.urgent(REST)


def test_before_the_store_is_heard_the_rate_is_divided() -> None:
    fresh = Slices(10, 600, 4)
    assert fresh.apart
    assert fresh.room(0) == 600
    assert taken(fresh, 0) == 150
    assert fresh.take(1, 0) == pytest.approx(0.4)


def test_when_the_store_is_lost_what_it_had_left_is_divided() -> None:
    some = slices(600, workers=4)
    some.asks(0)
    some.told(0, 400, 0, 4)
    some.take(1, 0)  # on credit: it is this worker's own affair
    some.lost(0, 4)
    assert taken(some, 0) == 99


def test_losing_it_again_divides_nothing_twice() -> None:
    some = slices(600, workers=4)
    some.lost(0, 4)
    some.lost(0, 4)
    assert taken(some, 0) == 150


def test_one_answer_missed_changes_nothing_when_the_next_comes() -> None:
    some = slices(600, workers=4)
    some.lost(1, 4)
    some.told(0, 600, 1 + OUTAGE, 4)
    assert not some.apart


def test_after_an_outage_the_rate_stays_divided_until_all_workers_can_have_told() -> None:
    some = slices(600, workers=4)
    some.lost(1, 4)
    taken(some, 1)
    back = 10.0
    some.asks(back)
    some.told(0, 600, back, 4)
    assert some.apart
    assert some.asks(back).ask == 0
    assert taken(some, back) == 22  # nine seconds of a quarter of the rate
    some.told(0, 600, back + REJOIN - 0.5, 4)
    assert some.apart
    assert taken(some, back + REJOIN) == 150 - 22  # what was given and not told yet is not given again
    assert not some.apart


def test_a_store_lost_again_while_rejoining_is_waited_for_anew() -> None:
    some = slices()
    some.lost(0, 2)
    some.told(0, 600, 5, 2)
    some.lost(6, 2)
    some.take(1, 5 + REJOIN)
    assert some.apart


def test_a_rate_of_nothing_gives_its_one_and_no_more() -> None:
    none = Slices(0, 1, 1)
    assert taken(none, 0) == 1
    none.asks(0)
    none.told(0, 0, 0, 1)
    assert none.take(1, 1e6) > 1e9


def test_another_rate_begins_divided_and_its_old_slices_are_not_given() -> None:
    some = slices()
    some.take(1, 0)
    some.asks(0)
    some.told(1, 598, 0, 2)
    some.rerate(1, 60)
    assert (some.held, some.apart) == (0, True)
    assert taken(some, 0) == 30


def test_an_answer_to_an_asking_under_another_rate_is_not_used() -> None:
    some = slices()
    some.take(1, 0)
    some.asks(0)
    some.rerate(1, 60)
    some.unheard()
    assert some.apart
    assert some.asks(0) == Asked(0, 0, 1)


def test_debt_is_kept_up_to_a_quarter_of_the_burst_and_two_for_each_worker() -> None:
    assert slices(600, workers=4).most_ahead == 600 + 150 + 8
