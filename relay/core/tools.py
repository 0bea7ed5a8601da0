"""The tools that an event may hold: how many, of which kind, under which names.

Rule: a tool passes for what it says it is, in each of its keys: a type in other letters, a name that is no
text or that stands a second time in the Chat API's nested `function` is not understood, and refused.
"""

from typing import Final

import msgspec

from relay.core.refusals import Refusal, Refused
from relay.core.rules import Rules, folded, shown

_CHOICES: Final = frozenset({"auto", "none", "required"})
_HOSTED_KEYS: Final = frozenset({"server_label", "server_url", "connector_id"})
"""What makes a tool a hosted one to an upstream that does not ask for its type."""


def judge_tools(value: object, where: str, rules: Rules) -> object:
    """Return *value*, a `tools` at *where*, or why it is refused."""
    if value is None:
        return value
    if not isinstance(value, list):
        return Refused(Refusal.INVALID_EVENT, "Tools are an array.", param=where)
    policy = rules.policy
    size = len(msgspec.json.encode(value))
    if len(value) > policy.most_tools or size > policy.tools_bytes:
        return Refused(
            Refusal.NOT_ALLOWED,
            f"{len(value)} tools, {size} bytes together: at most {policy.most_tools} tools and "
            f"{policy.tools_bytes} bytes are allowed. Each tool costs 20-60 ms of every turn.",
            param=where,
        )
    for index, tool in enumerate(value):
        refused = _judge_tool(tool, f"{where}[{index}]", rules)
        if refused is not None:
            return refused
    return value


def judge_choice(value: object, where: str, rules: Rules) -> object:
    """Return *value*, a `tool_choice` at *where*, or why it is refused."""
    if value is None or (isinstance(value, str) and (rules.policy.tools is None or value in _CHOICES)):
        return value
    return _judge_tool(value, where, rules) or value


def _judge_tool(tool: object, where: str, rules: Rules) -> Refused | None:
    if not isinstance(tool, dict):
        return Refused(Refusal.INVALID_EVENT, "A tool is an object.", param=where)
    held = folded(tool)
    function = all(kind == "function" for kind in held.get("type", ())) and _HOSTED_KEYS.isdisjoint(held)
    if not function:
        if rules.policy.hosted_tools:
            return None
        return Refused(
            Refusal.NOT_ALLOWED,
            "Only function tools are allowed for this tenant: hosted tools reach beyond the relay.",
            param=f"{where}.type",
        )
    nested = held.get("function", [])
    for inner in nested:
        refused = _judge_tool(inner, f"{where}.function", rules)
        if refused is not None:
            return refused
    names = held.get("name", [])
    allowed = rules.policy.tools
    if allowed is None or (nested and not names):
        return None
    for name in names or [None]:
        if not isinstance(name, str) or name not in allowed:
            message = f"The tool {shown(name)} is not allowed for this tenant."
            return Refused(Refusal.NOT_ALLOWED, message, param=f"{where}.name")
    return None
