"""What a client's event may hold: every place in which the thing can be said is looked at, and named."""

from typing import Any

import pytest

from relay.core.policy import HOSTED_ITEMS, Rules, check
from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Policy

FREE = Policy(hosted_tools=True)
PLACES = [
    ("session.update", "session"),
    ("transcription_session.update", "session"),
    ("response.create", "response"),
]


def judged(event: dict[str, Any], asked: str | None = "m", served: str | None = "m", **policy: Any) -> object:
    return check(event, Rules(Policy(**policy), asked, served))


def fault(event: dict[str, Any], **policy: Any) -> str | None:
    """Return the parameter that the refusal names."""
    verdict = judged(event, **policy)
    assert isinstance(verdict, Refused)
    assert verdict.refusal is Refusal.NOT_ALLOWED
    return verdict.param


def item(**fields: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": fields}


@pytest.mark.parametrize(("name", "field"), PLACES)
def test_what_the_api_allows_passes_as_it_is(name: str, field: str) -> None:
    settings = {
        "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "look"}, {"name": "say"}],
        "tool_choice": {"type": "function", "name": "look"},
        "audio": {"output": {"voice": "alloy"}},
        "max_output_tokens": "inf",
        "input": [{"type": "message", "role": "system"}],
        "prompt": None,
    }
    assert judged({"type": name, field: settings}) is None


@pytest.mark.parametrize("name", ["session.update", "response.create", "conversation.item.create"])
@pytest.mark.parametrize("odd", [None, 7, "x", [], [{}], {}])
def test_an_event_of_odd_shape_is_left_to_the_upstream(name: str, odd: object) -> None:
    for field in ("session", "response", "item"):
        assert (
            judged({"type": name, field: odd}, instructions="locked", tools=frozenset(), voices=frozenset())
            is None
        )


def test_other_events_pass() -> None:
    assert judged({"type": "response.cancel", "response": {"prompt": {}}}) is None


@pytest.mark.parametrize(("name", "field"), PLACES)
@pytest.mark.parametrize(
    ("settings", "policy", "where"),
    [
        ({"instructions": None}, {"instructions": "locked"}, "instructions"),
        ({"prompt": {"id": "p"}}, {}, "prompt"),
        ({"tools": [{"type": "mcp"}]}, {}, "tools[0].type"),
        ({"tools": [{"type": "function", "name": "a"}, "mcp"]}, {}, "tools[1].type"),
        ({"tools": [{"type": "function", "name": "b"}]}, {"tools": frozenset("a")}, "tools[0].name"),
        ({"tools": [{"name": ["a"]}]}, {"tools": frozenset("a")}, "tools[0].name"),
        ({"tool_choice": {"type": "mcp"}}, {}, "tool_choice.type"),
        ({"tool_choice": {"type": "function", "name": "b"}}, {"tools": frozenset("a")}, "tool_choice.name"),
        ({"voice": "b"}, {"voices": frozenset("a")}, "voice"),
        ({"audio": {"output": {"voice": "b"}}}, {"voices": frozenset("a")}, "audio.output.voice"),
        ({"audio": {"output": {"voice": {"id": "b"}}}}, {"voices": frozenset("a")}, "audio.output.voice"),
        ({"voice": ["a"]}, {"voices": frozenset("a")}, "voice"),
        ({"max_output_tokens": "inf"}, {"max_output_tokens": 9}, "max_output_tokens"),
        ({"max_output_tokens": 9.5}, {"max_output_tokens": 9}, "max_output_tokens"),
        ({"input": [{}, {"type": "mcp_call"}]}, {}, "input[1].type"),
        ({"input": [{"role": "system"}]}, {"instructions": "locked"}, "input[0].role"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(
    name: str, field: str, settings: dict[str, Any], policy: dict[str, Any], where: str
) -> None:
    assert fault({"type": name, field: settings}, **policy) == f"{field}.{where}"


@pytest.mark.parametrize(
    ("settings", "policy"),
    [
        ({"tools": [{"type": "function", "name": "a"}]}, {"tools": frozenset("a")}),
        ({"tools": [{"type": "mcp"}], "prompt": {"id": "p"}}, {"hosted_tools": True, "tools": frozenset("a")}),
        ({"tools": {"type": "mcp"}}, {}),
        ({"tool_choice": "auto"}, {"tools": frozenset("a")}),
        ({"voice": "a", "audio": {"output": {"voice": {"id": "a"}}}}, {"voices": frozenset("a")}),
        ({"voice": None, "audio": {"output": {"voice": {}}}}, {"voices": frozenset("a")}),
        ({"max_output_tokens": 9}, {"max_output_tokens": 9}),
        ({"max_output_tokens": "10"}, {"max_output_tokens": 9}),
        ({"max_output_tokens": True}, {"max_output_tokens": 0}),
        ({"input": [{"role": "user"}, None]}, {"instructions": "locked"}),
    ],
)
def test_what_is_allowed_by_name_passes(settings: dict[str, Any], policy: dict[str, Any]) -> None:
    assert judged({"type": "session.update", "session": settings}, **policy) is None


@pytest.mark.parametrize("kind", HOSTED_ITEMS)
def test_items_of_hosted_tools_are_refused_unless_allowed(kind: str) -> None:
    assert fault(item(type=kind)) == "item.type"
    assert check(item(type=kind), Rules(FREE, None, None)) is None


def test_a_system_message_is_an_instruction() -> None:
    assert judged(item(type="message", role="system")) is None
    assert fault(item(type="message", role="system"), instructions="locked") == "item.role"
    assert judged(item(type="message", role="user"), instructions="locked") is None


def test_a_model_by_the_upstream_s_own_name_passes() -> None:
    assert judged({"type": "session.update", "session": {"model": "up"}}, asked="a", served="up") is None


def test_the_model_asked_for_is_put_as_the_upstream_knows_it_and_nothing_else_is_changed() -> None:
    event = {"type": "session.update", "event_id": "e", "session": {"model": "a", "voice": "v"}}
    assert judged(event, asked="a", served="up") == {
        "type": "session.update",
        "event_id": "e",
        "session": {"model": "up", "voice": "v"},
    }
    assert event["session"] == {"model": "a", "voice": "v"}


@pytest.mark.parametrize("model", ["b", ["a"], 7, ""])
def test_another_model_is_refused(model: object) -> None:
    assert fault({"type": "session.update", "session": {"model": model}}) == "session.model"


def test_no_more_of_a_name_is_quoted_than_identifies_it() -> None:
    verdict = judged({"type": "session.update", "session": {"voice": "x" * 9999}}, voices=frozenset())
    assert isinstance(verdict, Refused)
    assert len(verdict.message) < 200


def test_a_session_without_a_model_may_name_one() -> None:
    event = {"type": "session.update", "session": {"model": "any"}}
    assert check(event, Rules(FREE, None, None)) is None
