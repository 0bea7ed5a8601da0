"""Which key does what."""

import pytest

from relay.top.controls import QUIT, SESSION_ORDERS, TENANT_ORDERS, VIEWS, Controls, View, pressed


def after(keys: str, controls: Controls | None = None) -> Controls:
    held = controls or Controls()
    for key in keys:
        following = pressed(held, key)
        assert following is not None
        held = following
    return held


@pytest.mark.parametrize("key", sorted(QUIT))
def test_the_keys_that_end_other_programs_end_this(key: str) -> None:
    assert pressed(Controls(), key) is None


def test_numbers_choose_a_table_and_tab_goes_round_them() -> None:
    assert [after(str(number)).view for number in (1, 2, 3, 4)] == list(VIEWS)
    assert [after("\t" * times).view for times in range(5)] == [*VIEWS, View.SESSIONS]


def test_each_table_has_its_own_order_and_goes_round_it() -> None:
    assert [after("o" * times).order for times in range(6)] == [*SESSION_ORDERS, SESSION_ORDERS[0]]
    assert [after("2" + "o" * times).order for times in range(4)] == [*TENANT_ORDERS, TENANT_ORDERS[0]]
    assert after("o2o1").order == SESSION_ORDERS[1]
    assert after("3o").order is None


@pytest.mark.parametrize("key", ["x", "5", "", "é"])
def test_any_other_key_changes_nothing(key: str) -> None:
    assert pressed(Controls(), key) == Controls()
