from itertools import count

import pytest

from relay.core.tenants import Plan
from relay.core.words import SessionId, SessionName
from relay.edge.store.local_permits import Here

NUMBERS = count()


def plan(sessions: float = 20, starts: float = 60) -> Plan:
    return Plan(name="p", concurrent_sessions=sessions, session_starts_per_minute=starts)


def grown(here: Here, plan: Plan, workers: int) -> int:
    """Give out all that may be given; return how many that was."""
    before = len(here.sessions)
    while not here.full(plan, workers):
        here.sessions[SessionId(f"s-{next(NUMBERS)}")] = None
    return len(here.sessions) - before


@pytest.mark.parametrize(
    ("fleet", "ours", "workers", "more"),
    [(0, 0, 4, 5), (8, 8, 4, 3), (8, 2, 4, 3), (20, 0, 4, 0), (25, 5, 4, 0), (18, 0, 4, 1), (0, 0, 1, 20)],
)
def test_a_process_gives_out_its_part_of_what_was_left(fleet: int, ours: int, workers: int, more: int) -> None:
    here = Here()
    here.sessions = {SessionId(f"old-{number}"): None for number in range(ours)}
    here.learn(fleet, now=0)
    assert grown(here, plan(20), workers) == more


def test_a_place_that_is_free_again_is_given_out_again() -> None:
    here = Here()
    here.sessions[SessionId("one")] = None
    here.learn(19, now=0)
    assert grown(here, plan(20), 2) == 1
    del here.sessions[SessionId("one")]
    assert grown(here, plan(20), 2) == 1


def test_unlimited_is_never_full() -> None:
    here = Here()
    here.learn(10**6, now=0)
    assert not here.full(plan(float("inf")), 4)


def test_starts_go_by_a_part_of_the_rate() -> None:
    here = Here()
    given = [here.start(plan(starts=8), 4, now=1) for _ in range(3)]
    assert given == [0, 0, pytest.approx(30)]


def test_starts_that_are_not_paid_for_yet_count() -> None:
    here = Here()
    here.learn(0, now=100, unpaid=60)
    assert here.start(plan(starts=8), 4, now=100) == pytest.approx(30)
    here = Here()
    here.learn(0, now=100, unpaid=60)
    assert here.start(plan(starts=8), 4, now=130) == 0


def test_a_rate_without_a_limit_never_waits() -> None:
    here = Here()
    assert [here.start(plan(starts=float("inf")), 3, now=1) for _ in range(100)] == [0] * 100


def test_when_the_store_answers_the_part_is_forgotten() -> None:
    here = Here()
    here.start(plan(starts=4), 4, now=1)
    assert not here.idle
    here.learn(0, now=2)
    assert here.idle


def test_who_bears_a_name_is_known() -> None:
    here, name = Here(), SessionName("n")
    assert here.holder(name) is None
    here.sessions[SessionId("one")] = name
    assert here.holder(name) == "one"
