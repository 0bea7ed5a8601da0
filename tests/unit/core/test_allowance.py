"""A tenant's balances: minutes by rate, days by sum, and what was used is debited afterwards."""

import pytest

from relay.core.allowance import Allowance
from relay.core.refusals import Refusal, Refused
from tests.unit.core.gates import EPOCH, plan

DAY = 86_400


def refusal(answer: Refused | None) -> Refusal | None:
    return answer.refusal if answer is not None else None


def test_an_unused_allowance_lets_a_response_start() -> None:
    assert Allowance(plan()).take_response(0, EPOCH) is None


def test_responses_beyond_the_minute_s_are_refused_and_told_when() -> None:
    allowance = Allowance(plan(responses_per_minute=2))
    assert allowance.take_response(0, EPOCH) is None
    assert allowance.take_response(0, EPOCH) is None
    refused = allowance.take_response(0, EPOCH)
    assert refused is not None
    assert refused.refusal is Refusal.TOO_MANY_RESPONSES
    assert refused.retry_after == pytest.approx(30)
    assert "2 responses a minute" in refused.message
    assert "30.0 s" in refused.message


def test_a_minute_s_responses_come_back_with_the_minute() -> None:
    allowance = Allowance(plan(responses_per_minute=1))
    allowance.take_response(0, EPOCH)
    assert refusal(allowance.take_response(59, EPOCH)) is Refusal.TOO_MANY_RESPONSES
    assert allowance.take_response(60, EPOCH) is None


def test_tokens_of_a_minute_are_post_paid() -> None:
    allowance = Allowance(plan(tokens_per_minute=60))
    allowance.debit(90, 0, 0, EPOCH)
    refused = allowance.take_response(10, EPOCH)
    assert refusal(refused) is Refusal.TOKENS_SPENT
    assert refused is not None
    assert refused.retry_after == pytest.approx(20)
    assert "60 tokens a minute" in refused.message
    assert allowance.take_response(30.1, EPOCH) is None


def test_a_response_refused_for_its_tokens_is_not_charged_to_the_minute() -> None:
    allowance = Allowance(plan(tokens_per_minute=60, responses_per_minute=1))
    allowance.debit(120, 0, 0, EPOCH)
    allowance.take_response(0, EPOCH)
    assert allowance.take_response(61, EPOCH) is None


@pytest.mark.parametrize(
    ("limits", "words"), [({"tokens_per_day": 100}, "100 tokens"), ({"usd_per_day": 0.0025}, "0.0025 USD")]
)
def test_a_day_s_budget_spent_is_refused_until_midnight(limits: dict[str, float], words: str) -> None:
    allowance = Allowance(plan(**limits))
    allowance.debit(99, 2499, 0, EPOCH)
    assert allowance.day_refusal(EPOCH) is None
    allowance.debit(1, 1, 0, EPOCH)
    refused = allowance.take_response(3600, EPOCH + 3600)
    assert refusal(refused) is Refusal.BUDGET_SPENT
    assert refused is not None
    assert refused.retry_after == 23 * 3600
    assert words in refused.message


def test_a_balance_goes_below_zero_by_what_was_already_running() -> None:
    allowance = Allowance(plan(tokens_per_day=100))
    allowance.debit(99, 0, 0, EPOCH)
    assert allowance.take_response(0, EPOCH) is None
    allowance.debit(50, 7, 0, EPOCH)
    assert allowance.spent_today(EPOCH) == (149, 7)


def test_midnight_gives_a_new_day() -> None:
    allowance = Allowance(plan(tokens_per_day=100))
    allowance.debit(100, 5, 0, EPOCH)
    assert allowance.day_refusal(EPOCH + DAY - 1) is not None
    assert allowance.day_refusal(EPOCH + DAY) is None
    assert allowance.spent_today(EPOCH + DAY) == (0, 0)


def test_a_clock_that_steps_back_over_midnight_gives_nothing_twice() -> None:
    allowance = Allowance(plan(tokens_per_day=100))
    allowance.debit(100, 0, 0, EPOCH)
    assert allowance.day_refusal(EPOCH - 1) is not None
    assert allowance.day_refusal(EPOCH) is not None


def test_what_was_used_today_stays_used_under_a_new_plan() -> None:
    allowance = Allowance(plan(tokens_per_day=100))
    allowance.debit(60, 0, 0, EPOCH)
    allowance.replan(plan(tokens_per_day=50))
    assert refusal(allowance.day_refusal(EPOCH)) is Refusal.BUDGET_SPENT


def test_a_new_plan_s_rates_hold_from_now_on() -> None:
    allowance = Allowance(plan(responses_per_minute=1))
    allowance.take_response(0, EPOCH)
    allowance.replan(plan(responses_per_minute=2))
    assert allowance.take_response(0, EPOCH) is None


def test_a_new_rate_of_tokens_holds_from_now_on() -> None:
    allowance = Allowance(plan(tokens_per_minute=10))
    allowance.debit(11, 0, 0, EPOCH)
    allowance.replan(plan(tokens_per_minute=20))
    assert allowance.take_response(0, EPOCH) is None


def test_the_same_plan_again_forgives_nothing() -> None:
    allowance = Allowance(plan(responses_per_minute=1))
    allowance.take_response(0, EPOCH)
    allowance.replan(plan(responses_per_minute=1))
    assert allowance.take_response(0, EPOCH) is not None
