"""A response asked for is charged, or refused in the form that frameworks know."""

from relay.core.actions import FORWARD, Send
from relay.core.allowance import Allowance
from relay.core.events import Kind, Outcome
from relay.core.refusals import Reason, Refusal
from relay.core.turns import Turns
from relay.core.words import Side
from tests.unit.core.gates import EPOCH, count, plan, told, uplink, wire


def test_a_response_asked_for_is_told_to_the_turns() -> None:
    turns = Turns()
    assert uplink(turns=turns).judge(wire({"type": "response.create"}), True, 3) is FORWARD
    assert turns.created("r", 4)


def test_a_response_too_many_fails_in_the_upstream_s_own_form() -> None:
    limits = plan(responses_per_minute=1)
    turns = Turns()
    gate = uplink(limits, turns=turns)
    gate.judge(wire({"type": "response.create"}), True, 0)
    event = {"type": "response.create", "response": {"metadata": {"mine": "1"}}}
    actions = gate.judge(wire(event), True, 0)
    sent = [told(action.data) for action in actions if isinstance(action, Send) and action.side is Side.CLIENT]
    assert [one["type"] for one in sent] == ["response.created", "response.done"]
    created, done = (one["response"] for one in sent)
    assert created["id"] == done["id"]
    assert created["metadata"] == done["metadata"] == {"mine": "1"}
    assert (created["status"], done["status"]) == ("in_progress", "failed")
    assert done["status_details"]["type"] == "failed"
    assert done["status_details"]["error"]["code"] == "rate_limit_exceeded"
    assert gate.refusals == {Refusal.TOO_MANY_RESPONSES: 1}
    assert count(gate, Kind.RESPONSE, Outcome.REFUSED) == 1
    assert gate.over is None
    turns.unasked()
    assert not turns.created("r", 0), "the refused one was not asked for"


def test_a_response_after_the_day_s_budget_ends_the_session() -> None:
    limits = plan(tokens_per_day=1)
    allowance = Allowance(limits)
    allowance.debit(1, 0, 0, EPOCH)
    gate = uplink(limits, allowance=allowance)
    assert gate.judge(wire({"type": "response.create"}), True, 0) == ()
    assert gate.over is Reason.BUDGET_SPENT
    assert gate.refusals == {}  # it counts as the end that it is
    assert count(gate, Kind.RESPONSE, Outcome.REFUSED) == 1
