"""A worker's part of a tenant's allowance: told in batches, settled by the store's word."""

import json
from math import inf
from typing import Any

import msgspec
import pytest

from relay.core.refusals import Refusal
from relay.core.shares import POLL_EVERY, PUSH_EVERY, UNHURRIED, Batch, Share, Told
from relay.core.words import SECONDS_PER_DAY
from tests.unit.core.gates import EPOCH, plan

TODAY = int(EPOCH // SECONDS_PER_DAY)


class Stirred(list[str]):
    def __call__(self) -> None:
        self.append("stirred")


def share(workers: int = 2, stirred: Stirred | None = None, **limits: Any) -> Share:
    return Share(plan(**limits), workers, stirred if stirred is not None else Stirred())


def told(**more: Any) -> Told:
    plain = Told(granted=0, tokens=0, micro_usd=0, responses_room=120.0, tokens_room=inf)
    return msgspec.structs.replace(plain, **more)


def heard(made: Share, now: float = 0.0, **more: Any) -> Batch:
    """Have the store answer what there is to tell; return what that was."""
    batch = made.batch(1, now, EPOCH + now)
    made.settle(told(**more), now, 2)
    return batch


def test_a_batch_tells_all_that_was_used_today_and_what_of_it_is_new() -> None:
    made = share()
    made.debit(10, 100, 1, EPOCH)
    heard(made, 2, tokens=10, micro_usd=100)
    made.debit(5, 50, 3, EPOCH)
    made.debit(1, 10, 4, EPOCH)
    batch = made.batch(7, 5, EPOCH)
    assert (batch.number, batch.day) == (7, TODAY)
    assert (batch.own_tokens, batch.own_micro_usd) == (16, 160)
    assert (batch.tokens, batch.since) == (6, 3)
    assert (batch.known_tokens, batch.known_micro_usd) == (16, 160)


def test_a_batch_that_was_not_answered_is_repeated_as_it_was() -> None:
    made = share()
    made.debit(10, 100, 1, EPOCH)
    batch = made.batch(7, 1, EPOCH)
    made.lost(1, 2)
    made.debit(5, 50, 3, EPOCH)
    assert made.due(3, live=True)
    assert made.batch(8, 3, EPOCH) is batch
    made.settle(told(tokens=10, micro_usd=100), 3, 2)
    assert made.batch(9, 3, EPOCH).tokens == 5


def test_a_look_that_was_not_answered_is_not_repeated() -> None:
    made = share(tokens_per_day=100)
    assert made.batch(7, 0, EPOCH).number == 0
    made.lost(0, 2)
    made.debit(5, 50, 3, EPOCH)
    assert made.batch(8, 3, EPOCH).number == 8


def test_what_the_others_used_counts_here_and_what_came_meanwhile_is_not_lost() -> None:
    made = share()
    heard(made)
    made.debit(10, 100, 0, EPOCH)
    made.batch(1, 0, EPOCH)
    made.debit(1, 2, 0, EPOCH)
    made.settle(told(tokens=500, micro_usd=700), 0, 2)
    assert made.spent_today(EPOCH) == (501, 702)


def test_a_budget_that_the_others_spent_is_refused_here() -> None:
    made = share(tokens_per_day=100)
    heard(made, tokens=100)
    refused = made.take_response(0, EPOCH)
    assert refused is not None
    assert refused.refusal is Refusal.BUDGET_SPENT


def test_yesterday_is_told_first_and_its_sums_are_not_todays() -> None:
    made = share()
    heard(made)
    made.debit(10, 100, 0, EPOCH)
    made.debit(3, 30, 1, EPOCH + SECONDS_PER_DAY)
    batch = made.batch(1, 2, EPOCH + SECONDS_PER_DAY)
    assert (batch.day, batch.own_tokens) == (TODAY, 10)
    made.settle(told(tokens=1000), 2, 2)
    assert made.spent_today(EPOCH + SECONDS_PER_DAY) == (3, 30)
    assert made.due(2 + PUSH_EVERY, live=False)
    batch = made.batch(2, 2, EPOCH + SECONDS_PER_DAY)
    assert (batch.day, batch.own_tokens, batch.known_tokens) == (TODAY + 1, 3, 3)


def test_a_day_long_over_is_not_told_any_more() -> None:
    made = share()
    made.debit(10, 100, 0, EPOCH)
    made.debit(3, 30, 1, EPOCH + 2 * SECONDS_PER_DAY)
    assert made.batch(1, 2, EPOCH + 2 * SECONDS_PER_DAY).day == TODAY + 2
    assert not made.used_on(TODAY)
    assert made.used_on(TODAY + 2)


def test_a_day_forgotten_while_it_was_told_is_settled_all_the_same() -> None:
    made = share()
    made.debit(10, 100, 0, EPOCH)
    made.batch(1, 0, EPOCH)
    made.debit(3, 30, 1, EPOCH + 2 * SECONDS_PER_DAY)
    made.settle(told(tokens=10), 1, 2)
    assert made.batch(2, 2, EPOCH + 2 * SECONDS_PER_DAY).own_tokens == 3


def test_while_the_store_is_away_the_others_are_taken_to_use_as_much() -> None:
    made = share(workers=4, tokens_per_day=100)
    heard(made, tokens=60)
    made.lost(0, 4)
    made.debit(9, 0, 0, EPOCH)
    assert made.day_refusal(EPOCH) is None
    made.debit(1, 0, 0, EPOCH)
    assert made.day_refusal(EPOCH) is not None
    heard(made, 1, tokens=70)
    assert made.spent_today(EPOCH) == (70, 0)
    assert made.day_refusal(EPOCH) is None


def test_tokens_of_the_minute_go_by_what_the_store_has_left_and_what_it_was_not_told() -> None:
    made = share(tokens_per_minute=60)
    heard(made, tokens_room=30.0)
    made.debit(30, 0, 0, EPOCH)
    assert made.take_response(0, EPOCH) is None
    made.debit(10, 0, 0, EPOCH)
    assert made.take_response(0, EPOCH) is not None
    made.batch(1, 0, EPOCH)
    made.debit(5, 0, 0, EPOCH)
    made.settle(told(tokens_room=0.0), 0, 2)
    refused = made.take_response(0, EPOCH)
    assert refused is not None
    assert refused.retry_after == pytest.approx(5)


def test_tokens_of_the_minute_are_divided_when_the_store_is_lost() -> None:
    made = share(workers=4, tokens_per_minute=240)
    heard(made, tokens_room=80.0)
    made.batch(1, 0, EPOCH)
    made.lost(10, 4)  # ten seconds on there are 120 left: 30 for each
    made.debit(30, 0, 10, EPOCH)
    assert made.take_response(10, EPOCH) is None
    made.debit(2, 0, 10, EPOCH)
    refused = made.take_response(10, EPOCH)
    assert refused is not None
    assert refused.refusal is Refusal.TOKENS_SPENT
    assert refused.retry_after == pytest.approx(2)


def test_tokens_under_way_when_the_store_is_lost_are_this_workers() -> None:
    made = share(workers=2, tokens_per_minute=120)
    heard(made, tokens_room=120.0)
    made.debit(70, 0, 0, EPOCH)
    made.batch(1, 0, EPOCH)
    made.lost(0, 2)
    assert made.take_response(0, EPOCH) is not None


def test_a_batch_tells_what_is_left_for_a_store_that_has_forgotten() -> None:
    made = share(tokens_per_minute=60)
    assert made.batch(1, 0, EPOCH).tokens_room == 60
    made.settle(told(responses_room=50.0, tokens_room=-30.0), 0, 2)
    batch = made.batch(2, 10, EPOCH)
    assert (batch.made_at, batch.responses_room, batch.tokens_room) == (10, 70, -20)
    assert batch.most_ahead == 120 * 1.25 + 4


def test_the_store_hears_at_once_of_a_budget_near_its_end() -> None:
    stirred = Stirred()
    made = share(stirred=stirred, tokens_per_day=100, usd_per_day=0.001)
    heard(made)
    made.debit(94, 0, 0, EPOCH)
    assert not stirred
    made.debit(1, 0, 0, EPOCH)
    assert len(stirred) == 1
    made = share(stirred=stirred, usd_per_day=0.001)
    heard(made)
    made.debit(0, 950, 0, EPOCH)
    assert len(stirred) == 2
    assert made.due(0, live=True)


def test_the_store_hears_at_once_of_credit() -> None:
    stirred = Stirred()
    made = share(stirred=stirred)
    heard(made)
    made.take_response(0, EPOCH)
    assert stirred


@pytest.mark.parametrize(
    ("limits", "silence"), [({"tokens_per_day": 100}, PUSH_EVERY), ({"responses_per_minute": inf}, UNHURRIED)]
)
def test_what_was_used_is_told_soon_where_a_budget_depends_on_it(
    limits: dict[str, Any], silence: float
) -> None:
    made = share(**limits)
    heard(made)
    made.debit(1, 1, 0, EPOCH)
    assert not made.due(silence - 0.01, live=True)
    assert made.due(silence, live=True)


def test_what_was_used_is_told_when_the_last_session_has_gone() -> None:
    made = share()
    heard(made)
    made.debit(0, 1, 0, EPOCH)
    assert made.due(0, live=False)


def test_what_the_others_used_is_asked_for_only_where_sessions_are_and_a_budget_is() -> None:
    made, free = share(tokens_per_day=100), share()
    heard(made)
    heard(free)
    assert not made.due(POLL_EVERY - 0.01, live=True)
    assert made.due(POLL_EVERY, live=True)
    assert not made.due(POLL_EVERY, live=False)
    assert not free.due(100, live=True)


def test_a_share_is_fresh_for_a_while_after_the_store_was_heard() -> None:
    made = share()
    assert not made.fresh(0, 1)
    heard(made)
    assert made.fresh(1, 1)
    assert not made.fresh(1.1, 1)


def test_a_session_that_is_expected_has_a_slice_leased() -> None:
    made, free = share(), share(responses_per_minute=inf)
    for some in (made, free):
        some.expect(0)
    assert made.batch(1, 0, EPOCH).responses.ask == 1
    assert free.batch(1, 0, EPOCH).responses.ask == 0


def test_a_share_is_settled_when_all_is_told_and_nothing_held() -> None:
    made = share()
    assert made.settled
    made.expect(0)
    heard(made, granted=1)
    assert not made.settled
    made.leave()
    assert heard(made, 1).responses.ask == -1
    assert made.settled
    made.debit(0, 1, 1, EPOCH)
    assert not made.settled


def test_under_a_new_plan_rates_begin_divided_and_old_answers_are_not_used() -> None:
    made = share(responses_per_minute=600, tokens_per_minute=600)
    heard(made, responses_room=600.0, tokens_room=600.0)
    made.take_response(0, EPOCH)
    made.batch(1, 0, EPOCH)
    made.replan(plan(responses_per_minute=4, tokens_per_minute=40))
    made.settle(told(responses_room=599.0, tokens_room=600.0), 0, 2)
    assert [made.take_response(0, EPOCH) is None for _ in range(3)] == [True, True, False]
    made.debit(21, 0, 0, EPOCH)
    refused = made.take_response(0, EPOCH)
    assert refused is not None
    assert refused.refusal is Refusal.TOKENS_SPENT


def test_the_same_plan_again_changes_nothing() -> None:
    made = share(responses_per_minute=1)
    heard(made, responses_room=1.0)
    assert made.take_response(0, EPOCH) is None
    made.replan(plan(responses_per_minute=1))
    assert made.take_response(0, EPOCH) is not None


def test_a_batch_is_plain_numbers() -> None:
    assert json.loads(msgspec.json.encode(share().batch(1, 0, EPOCH)))["day"] == TODAY
