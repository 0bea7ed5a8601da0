"""Tools pass for what they say they are, by name, and up to a number and a size."""

from typing import Any

import pytest

from relay.core.refusals import Refusal, Refused
from relay.core.rules import Rules
from relay.core.tenants import Policy
from relay.core.tools import judge_choice, judge_tools

ONLY_A = Policy(tools=frozenset({"a"}))
HOSTED = Policy(hosted_tools=True)
A = {"type": "function", "name": "a"}


def tools(value: object, policy: Policy) -> object:
    return judge_tools(value, "session.tools", Rules(policy, "m", "m"))


def choice(value: object, policy: Policy) -> object:
    return judge_choice(value, "session.tool_choice", Rules(policy, "m", "m"))


def fault(verdict: object) -> tuple[Refusal, str | None]:
    assert isinstance(verdict, Refused)
    return verdict.refusal, verdict.param


@pytest.mark.parametrize("policy", [Policy(), HOSTED, ONLY_A])
@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        [A],
        [{"name": "a"}],
        [{**A, "description": "mcp", "parameters": {"type": "mcp", "name": "b", "server_url": {}}}],
        [{"type": "function", "function": {"name": "a"}}],
        [{"type": "function", "name": "a", "function": {"name": "a"}}],
    ],
)
def test_function_tools_pass_as_they_are(value: object, policy: Policy) -> None:
    assert tools(value, policy) is value


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "mcp", "server_label": "x"},
        {"type": "MCP"},
        {"type": "Function", "name": "a"},
        {"type": "function", "Type": "mcp", "name": "a"},
        {"type": ["function"], "name": "a"},
        {"type": None, "name": "a"},
        {"name": "a", "server_url": "https://evil.example"},
        {"name": "a", "Server_Label": "evil"},
        {"type": "function", "name": "a", "connector_id": "c"},
        {"type": "web_search"},
    ],
)
def test_whatever_is_not_surely_a_function_is_a_hosted_tool(tool: dict[str, Any]) -> None:
    where = (Refusal.NOT_ALLOWED, "session.tools[1].type")
    assert fault(tools([A, tool], Policy())) == where
    assert fault(tools([A, tool], ONLY_A)) == where
    assert tools([A, tool], HOSTED) == [A, tool]


@pytest.mark.parametrize(
    ("tool", "where"),
    [
        ({"type": "function", "name": "b"}, "name"),
        ({"type": "function", "name": ["a"]}, "name"),
        ({"type": "function", "name": {"a": 1}}, "name"),
        ({"type": "function"}, "name"),
        ({"type": "function", "name": "A"}, "name"),
        ({"type": "function", "name": "a", "Name": "b"}, "name"),
        ({"type": "function", "name": "a", "function": {"name": "b"}}, "function.name"),
        ({"type": "function", "function": {}}, "function.name"),
    ],
)
def test_a_tool_of_another_name_is_refused(tool: dict[str, Any], where: str) -> None:
    assert fault(tools([tool], ONLY_A)) == (Refusal.NOT_ALLOWED, f"session.tools[0].{where}")
    assert fault(choice(tool, ONLY_A)) == (Refusal.NOT_ALLOWED, f"session.tool_choice.{where}")
    assert tools([tool], Policy()) == [tool]


@pytest.mark.parametrize("value", [{"type": "function"}, "mcp", 7, True])
def test_tools_are_an_array(value: object) -> None:
    assert fault(tools(value, Policy())) == (Refusal.INVALID_EVENT, "session.tools")


@pytest.mark.parametrize("tool", ["mcp", None, 7, [A]])
def test_a_tool_is_an_object(tool: object) -> None:
    assert fault(tools([tool], Policy())) == (Refusal.INVALID_EVENT, "session.tools[0]")
    nested = {"type": "function", "function": tool}
    assert fault(tools([nested], ONLY_A)) == (Refusal.INVALID_EVENT, "session.tools[0].function")


def test_one_tool_more_than_allowed_is_refused_with_both_figures_and_the_price() -> None:
    policy = Policy(most_tools=2, tools_bytes=100)
    assert tools([A, A], policy) == [A, A]
    verdict = tools([A, A, A], policy)
    assert fault(verdict) == (Refusal.NOT_ALLOWED, "session.tools")
    assert isinstance(verdict, Refused)
    assert verdict.message == (
        "3 tools, 94 bytes together: at most 2 tools and 100 bytes are allowed. "
        "Each tool costs 20-60 ms of every turn."
    )


def test_a_byte_more_than_allowed_is_refused() -> None:
    assert tools([A], Policy(tools_bytes=len('[{"type":"function","name":"a"}]'))) == [A]
    assert fault(tools([A], Policy(tools_bytes=31))) == (Refusal.NOT_ALLOWED, "session.tools")


def test_by_default_there_are_as_many_as_the_chat_api_takes() -> None:
    assert tools([A] * 128, Policy()) == [A] * 128
    assert isinstance(tools([A] * 129, Policy()), Refused)
    big = {**A, "description": "x" * 256 * 1024}
    assert isinstance(tools([big], Policy()), Refused)


@pytest.mark.parametrize("policy", [Policy(), ONLY_A])
@pytest.mark.parametrize("value", [None, "auto", "none", "required", A, {"function": {"name": "a"}}])
def test_a_choice_among_what_is_allowed_passes(value: object, policy: Policy) -> None:
    assert choice(value, policy) is value


def test_a_choice_by_name_alone_is_understood_only_where_every_name_is_allowed() -> None:
    assert choice("b", Policy()) == "b"
    assert fault(choice("b", ONLY_A)) == (Refusal.INVALID_EVENT, "session.tool_choice")


@pytest.mark.parametrize("value", [7, [A], True])
def test_a_choice_is_a_word_or_an_object(value: object) -> None:
    assert fault(choice(value, Policy())) == (Refusal.INVALID_EVENT, "session.tool_choice")


def test_a_choice_of_a_hosted_tool_is_refused_unless_those_are_allowed() -> None:
    hosted = {"type": "mcp", "server_label": "x", "name": "b"}
    assert fault(choice(hosted, Policy())) == (Refusal.NOT_ALLOWED, "session.tool_choice.type")
    assert choice(hosted, HOSTED) is hosted
