"""The constants keep their promise: they are what they say, and nobody can change them."""

import pytest

from relay.core.actions import FORWARD, NOTHING, PONG, Close, Finish, Forward, Pause, Pong
from relay.core.refusals import Reason
from relay.core.words import Side


def test_the_answer_to_almost_every_message_is_to_forward_it_and_no_more() -> None:
    assert (Forward(),) == FORWARD
    assert (Pong(),) == PONG
    assert NOTHING == ()


def test_a_longer_answer_that_begins_with_forwarding_is_not_the_constant() -> None:
    assert (*FORWARD, Pause(Side.CLIENT)) is not FORWARD
    assert (*FORWARD, *NOTHING) is not FORWARD


@pytest.mark.parametrize("action", [Forward(), Close(Side.CLIENT, 1000), Finish(Reason.IDLE, None, 1001)])
def test_an_action_is_a_value_that_nobody_can_change(action: object) -> None:
    with pytest.raises(AttributeError, match="immutable"):
        setattr(action, "code", 1)  # noqa: B010 - not all of these types have the field


def test_actions_that_say_the_same_are_the_same() -> None:
    assert Close(Side.CLIENT, 1000) == Close(Side.CLIENT, 1000, b"")
    assert Close(Side.CLIENT, 1000) != Close(Side.UPSTREAM, 1000)
