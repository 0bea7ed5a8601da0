"""What a client's event may hold: it passes as it is, is made to fit, or is refused.

Rule: what may be made to fit is (a number, a trace, a prefix, the name of a model); everything else that is
not allowed is refused by name, and nothing vanishes in silence. A setting is found by its name wherever it
stands, in every event and whatever that is called, since what an upstream looks at is not ours to know. Only
what is data to every upstream is not looked into: metadata, a tool's parameters, text.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from relay.core.refusals import Refusal, Refused
from relay.core.restrictions import RESTRICTIONS, judge_kind, judge_model
from relay.core.rules import LOCKABLE, Rules, folded, shown
from relay.core.strict import Event

__all__ = ["LOCKABLE", "Rules", "check"]

HOSTED_ITEMS: Final = frozenset({"mcp_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response"})
PLAIN_ITEMS: Final = frozenset({"message", "function_call", "function_call_output", "item_reference"})
_OBJECTS: Final = frozenset(
    {
        ("", "session"),
        ("", "response"),
        ("", "item"),
        ("session", "audio"),
        ("response", "audio"),
        ("audio", "input"),
        ("audio", "output"),
    }
)
"""Keys that lead to settings, with what they stand in: anything but an object there is not understood."""
_HOLDS_ITEMS: Final = frozenset({"item", "input"})
_HOSTED: Final = "mcp"
_NO_HOSTED: Final = (
    "Hosted tools, and their items, are not allowed for this tenant: they reach beyond the relay."
)
_SPEAKERS: Final = frozenset({"user", "assistant"})
_SYSTEM: Final = "System messages are instructions, and those of this session are locked."

_LONGEST_PARAM: Final = 256
"""Characters; the API's own longest, in the last of 128 tools, has 60."""

_SETTING_AT: Final[Mapping[str, str]] = {
    ".".join(place[-2:]) if place[-1] == "format" else place[-1]: setting
    for setting, places in LOCKABLE.items()
    for place in places
}
"""Key -> setting. `format` alone says nothing: it is told by what it stands in."""
_TELLING: Final = frozenset({*_SETTING_AT, *(key for _, key in _OBJECTS), "format", "model", "type", "role"})
"""Keys whose value means something here, whatever it is."""


def check(event: Event, rules: Rules) -> Refused | Event | None:
    """Put *event* to the rules: refused, changed (a new event to send in its place), or None: as it is.

    Takes an event whose `type` is a string, in GA terms. *event* itself is never changed.
    """
    judged = _walk(event, "", "", rules)
    if isinstance(judged, Refused):
        # The path is made of the client's own keys, and those may be as long as a message.
        return msgspec.structs.replace(judged, param=(judged.param or "")[:_LONGEST_PARAM])
    return judged if isinstance(judged, dict) and judged is not event else None


def _walk(node: object, where: str, within: str, rules: Rules) -> object:
    """Judge *node*, found at *where* under the key *within*: return it, another in its place, or a Refused."""
    if isinstance(node, list):
        return _walk_list(node, where, within, rules)
    if not isinstance(node, dict):
        return node
    if within in _HOLDS_ITEMS:
        refused = _item_fault(node, where, rules)
        if refused is not None:
            return refused
        if _among(node.get("type"), HOSTED_ITEMS):
            return node  # what hosted tools say to each other is theirs
    kept: Event = {}
    for key, value in node.items():
        name = key.casefold()
        if name not in _TELLING and not isinstance(value, dict | list):
            continue  # text and numbers, the most of what is said
        judged = _judge(value, f"{where}.{key}" if where else key, name, within, rules)
        if isinstance(judged, Refused):
            return judged
        if judged is not value:
            kept[key] = judged
    return {**node, **kept} if kept else node


def _walk_list(nodes: list[object], where: str, within: str, rules: Rules) -> object:
    kept: list[object] = []
    for index, node in enumerate(nodes):
        judged = _walk(node, f"{where}[{index}]", within, rules)
        if isinstance(judged, Refused):
            return judged
        kept.append(judged)
    changed = any(judged is not node for judged, node in zip(kept, nodes, strict=True))
    return kept if changed else nodes


def _judge(value: object, where: str, key: str, within: str, rules: Rules) -> object:
    """Judge the *value* of one *key*, in small letters, of a node that stands under the key *within*."""
    setting = _SETTING_AT.get(f"{within}.{key}" if key == "format" else key)
    if setting is not None:
        if rules.locks(setting):
            return _refused(where, f"The setting {setting} of this session is locked.")
        judge = RESTRICTIONS.get(setting)
        return value if judge is None else judge(value, where, rules)
    if (within, key) in _OBJECTS and not isinstance(value, dict | None):
        return Refused(Refusal.INVALID_EVENT, f"The {key} is an object.", param=where)
    match key:
        case "model":
            return judge_model(value, where, rules)
        case "type" if within == "session":
            return judge_kind(value, where, rules)
        case "type" if within and isinstance(value, str) and value.casefold().startswith(_HOSTED):
            return value if rules.policy.hosted_tools else _refused(where, _NO_HOSTED)
        case "role" if rules.locks("instructions") and not _among(value, _SPEAKERS):
            return _refused(where, _SYSTEM)
        case "metadata":
            return value
        case _:
            return _walk(value, where, key, rules)


def _item_fault(item: Event, where: str, rules: Rules) -> Refused | None:
    held = folded(item)
    kinds = [kind for kind in held.get("type", ()) if not _among(kind, PLAIN_ITEMS)]
    if kinds and not rules.policy.hosted_tools:
        hosted = _among(kinds[0], HOSTED_ITEMS)
        message = (
            _NO_HOSTED if hosted else f"An item of the type {shown(kinds[0])} is not allowed for this tenant."
        )
        return _refused(f"{where}.type", message)
    if "content" in held and "role" not in held and rules.locks("instructions"):
        return _refused(f"{where}.role", _SYSTEM)
    return None


def _among(name: object, names: frozenset[str]) -> bool:
    # What a client sends in a name's place may not even be hashable.
    return isinstance(name, str) and name in names


def _refused(where: str, message: str) -> Refused:
    return Refused(Refusal.NOT_ALLOWED, message, param=where)
