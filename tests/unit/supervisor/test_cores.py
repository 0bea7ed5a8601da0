"""What `--workers auto` comes to."""

import os

import pytest

from relay.supervisor import cores


@pytest.mark.parametrize(
    ("affinity", "quota", "usable"),
    [
        (8, "", 8),
        (8, "max 100000\n", 8),
        (8, "200000 100000\n", 2),
        (8, "250000 100000\n", 3),
        (8, "50000 100000\n", 1),
        (2, "800000 100000\n", 2),
        (1, "max 100000\n", 1),
        (4, "nonsense", 4),
    ],
)
def test_a_quota_and_the_cores_allowed_bound_the_workers(affinity: int, quota: str, usable: int) -> None:
    assert cores.within(affinity, quota) == usable


def test_this_machine_can_use_one_core_at_least_and_no_more_than_it_may() -> None:
    assert 1 <= cores.usable() <= len(os.sched_getaffinity(0))
