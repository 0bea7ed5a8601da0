"""Items of a conversation and the parts of their content, from the beta's words into GA's and back.

Rule: what stands in an event may be anything. What a function here has no other word for it returns as it came,
the very object, and it changes nothing that it was given.
"""

from collections.abc import Callable, Mapping
from typing import Final

_PARTS_TO_GA: Final[Mapping[str, Mapping[str, str]]] = {
    "assistant": {"text": "output_text", "audio": "output_audio"},
    "user": {"text": "input_text"},
    "system": {"text": "input_text"},
}
"""By the role of the message. That no audio of an assistant's is taken, the upstream says as the beta did."""

_PARTS_FROM_GA: Final[Mapping[str, str]] = {"output_text": "text", "output_audio": "audio"}

_HOSTED: Final = ("mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response")
"""Kinds of items that came with GA."""


def each(change: Callable[[object], object], values: object) -> object:
    """Put *change* to every entry of a list; the list itself where it changes none."""
    if not isinstance(values, list):
        return values
    changed = [change(value) for value in values]
    return changed if any(new is not old for new, old in zip(changed, values, strict=True)) else values


def item_to_ga(item: object) -> object:
    """Return an item that a client sends."""
    role = item.get("role") if isinstance(item, dict) else None
    return _with_parts(item, _PARTS_TO_GA.get(role, {}) if isinstance(role, str) else {})


def items_to_ga(items: object) -> object:
    """Return the `input` of a response.create."""
    return each(item_to_ga, items)


def item_from_ga(item: object) -> object:
    """Return an item that the upstream tells of."""
    return _with_parts(item, _PARTS_FROM_GA)


def items_from_ga(items: object) -> object:
    """Return the `output` of a response, without the items that the beta has no kind for."""
    if isinstance(items, list) and any(map(is_hosted, items)):
        items = [item for item in items if not is_hosted(item)]
    return each(item_from_ga, items)


def is_hosted(item: object) -> bool:
    """Tell whether the beta has no kind for *item*: it is of a tool that the upstream calls by itself."""
    return isinstance(item, dict) and item.get("type") in _HOSTED


def part_from_ga(part: object) -> object:
    """Return one part of an item's content that the upstream tells of."""
    return _renamed(part, _PARTS_FROM_GA)


def _with_parts(item: object, names: Mapping[str, str]) -> object:
    if not isinstance(item, dict) or not names:
        return item
    content = item.get("content")
    changed = each(lambda part: _renamed(part, names), content)
    return item if changed is content else {**item, "content": changed}


def _renamed(part: object, names: Mapping[str, str]) -> object:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str) or kind not in names:
        return part
    return {**part, "type": names[kind]}
