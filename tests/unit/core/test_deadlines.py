"""One table of timers: it says when to wake up, and for what."""

from math import inf

import pytest

from relay.core.deadlines import Alarm, Deadlines


@pytest.fixture
def deadlines() -> Deadlines:
    return Deadlines()


def test_without_alarms_there_is_nothing_to_wake_up_for(deadlines: Deadlines) -> None:
    assert deadlines.next() == inf
    assert not deadlines.is_set(Alarm.AGE)


def test_the_soonest_alarm_is_the_one_to_wake_up_for(deadlines: Deadlines) -> None:
    deadlines.set(Alarm.AGE, 90)
    deadlines.set(Alarm.IDLE, 10)
    assert deadlines.next() == 10


def test_setting_an_alarm_again_takes_the_earlier_setting_s_place(deadlines: Deadlines) -> None:
    deadlines.set(Alarm.IDLE, 10)
    deadlines.set(Alarm.IDLE, 20)
    assert deadlines.next() == 20


def test_an_alarm_that_is_put_off_never_comes_sooner(deadlines: Deadlines) -> None:
    deadlines.put_off(Alarm.PACE, 10)
    assert deadlines.next() == 10
    deadlines.put_off(Alarm.PACE, 5)
    assert deadlines.next() == 10
    deadlines.put_off(Alarm.PACE, 15)
    assert deadlines.next() == 15


def test_a_cleared_alarm_is_silent(deadlines: Deadlines) -> None:
    deadlines.set(Alarm.AGE, 90)
    deadlines.set(Alarm.IDLE, 10)
    deadlines.clear(Alarm.IDLE)
    assert not deadlines.is_set(Alarm.IDLE)
    assert deadlines.next() == 90


def test_all_alarms_are_cleared_at_once_where_none_is_named(deadlines: Deadlines) -> None:
    for alarm in Alarm:
        deadlines.set(alarm, 1)
    deadlines.clear()
    assert deadlines.next() == inf


def test_alarms_that_are_due_are_taken_soonest_first_and_only_once(deadlines: Deadlines) -> None:
    deadlines.set(Alarm.AGE, 3)
    deadlines.set(Alarm.STALL_CLIENT, 1)
    deadlines.set(Alarm.IDLE, 4)
    assert deadlines.take_due(3) == [Alarm.STALL_CLIENT, Alarm.AGE]
    assert deadlines.take_due(3) == []
    assert deadlines.next() == 4


def test_alarms_of_one_instant_go_off_in_the_order_of_their_rows(deadlines: Deadlines) -> None:
    for alarm in reversed(Alarm):
        deadlines.set(alarm, 1)
    assert deadlines.take_due(1) == list(Alarm)
