import pytest

from relay.core.breaker import FAILURES, FIRST_REST, JITTER, LONGEST_REST, Breaker
from relay.core.words import Seconds


@pytest.fixture
def breaker() -> Breaker:
    return Breaker()


def opened(at: Seconds = 100.0) -> Breaker:
    breaker = Breaker()
    assert [breaker.failed(at, 0.0) for _ in range(FAILURES)][-1]
    return breaker


def test_it_is_closed_to_begin_with_and_has_nothing_to_probe(breaker: Breaker) -> None:
    assert breaker.closed
    assert breaker.probe_at == float("inf")


def test_failures_in_a_row_open_it_and_fewer_do_not(breaker: Breaker) -> None:
    assert [breaker.failed(1.0, 0.0) for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    assert not breaker.closed


def test_a_success_between_begins_the_row_anew(breaker: Breaker) -> None:
    for _ in range(FAILURES * 2):
        assert not breaker.failed(1.0, 0.0)
        breaker.succeeded()
    assert breaker.closed


def test_it_opens_once() -> None:
    breaker = opened()
    assert not breaker.failed(100.0, 0.0)
    assert not breaker.trip(100.0, 0.0)


def test_it_can_be_opened_at_once(breaker: Breaker) -> None:
    assert breaker.trip(100.0, 0.0)
    assert not breaker.closed
    assert breaker.probe_at == pytest.approx(100.0 + FIRST_REST)


def test_rests_double_up_to_the_longest() -> None:
    breaker, now, rests = opened(), 100.0, []
    for _ in range(7):
        rests.append(breaker.probe_at - now)
        now = breaker.probe_at
        assert not breaker.probed(False, now, 0.0)
    assert rests == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6])


def test_a_rest_is_drawn_out_by_its_jitter_at_the_most() -> None:
    breaker = Breaker()
    breaker.trip(100.0, 0.999)
    assert FIRST_REST < breaker.probe_at - 100.0 < FIRST_REST * (1 + JITTER)


def test_left_alone_it_is_probed_in_time_to_be_exact_after_five_seconds() -> None:
    assert LONGEST_REST * (1 + JITTER) <= 2.0


def test_only_a_probe_closes_it() -> None:
    breaker = opened()
    breaker.succeeded()
    assert not breaker.closed
    assert breaker.probed(True, 101.0, 0.0)
    assert breaker.closed
    assert breaker.probe_at == float("inf")


def test_a_late_failure_draws_no_rest_out() -> None:
    breaker = opened()
    due = breaker.probe_at
    breaker.failed(150.0, 0.0)
    assert breaker.probe_at == due


def test_after_it_closed_it_takes_a_whole_row_again_and_rests_begin_short() -> None:
    breaker = opened()
    breaker.probed(False, 101.0, 0.0)
    breaker.probed(True, 102.0, 0.0)
    assert [breaker.failed(103.0, 0.0) for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    assert breaker.probe_at == pytest.approx(103.0 + FIRST_REST)


def test_a_probe_of_one_that_is_closed_says_nothing(breaker: Breaker) -> None:
    assert not breaker.probed(False, 1.0, 0.0)
    assert breaker.closed
