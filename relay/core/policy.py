"""What a client's event may hold, and under which name the upstream knows the model.

Rule: a thing that is not allowed is refused by name; nothing is taken out of an event in silence. Every place
in which the protocol lets a client say the thing is looked at, in every event, not only at connect.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from relay.core.events import table
from relay.core.refusals import Refusal, Refused
from relay.core.strict import Event
from relay.core.tenants import Policy

HOSTED_ITEMS: Final = ("mcp_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response")


class Rules(msgspec.Struct, frozen=True):
    """What one session is held to."""

    policy: Policy
    asked: str | None
    """The model as the client named it; None for a transcription session."""
    served: str | None
    """The same model as this upstream knows it."""


def check(event: Event, rules: Rules) -> Refused | Event | None:
    """Put *event* to the rules: refused, changed (a new event to send in its place), or None: as it is.

    Takes an event whose `type` is a string.
    """
    match event["type"]:
        case "session.update" | "transcription_session.update":
            return _settings(event, "session", rules)
        case "response.create":
            return _settings(event, "response", rules)
        case "conversation.item.create":
            return _refused(_item_faults(table(event, "item"), "item", rules.policy))
        case _:
            return None


def _refused(faults: Iterator[tuple[str, str]]) -> Refused | None:
    for param, message in faults:
        return Refused(Refusal.NOT_ALLOWED, message, param=param)
    return None


def _settings(event: Event, field: str, rules: Rules) -> Refused | Event | None:
    settings = table(event, field)
    refused = _refused(_setting_faults(settings, field, rules.policy))
    if refused is not None:
        return refused
    model = settings.get("model")
    if model is None or model == rules.served or rules.served is None:
        return None  # a session that was opened without a model is the upstream's to judge
    if model != rules.asked:
        return Refused(
            Refusal.NOT_ALLOWED,
            f"This session's model is {rules.asked!r}; another needs a session of its own.",
            param=f"{field}.model",
        )
    return {**event, field: {**settings, "model": rules.served}}


def _setting_faults(settings: Event, field: str, policy: Policy) -> Iterator[tuple[str, str]]:
    if policy.instructions == "locked" and "instructions" in settings:
        yield f"{field}.instructions", "The instructions of this tenant's sessions are locked."
    if not policy.hosted_tools and settings.get("prompt") is not None:
        yield f"{field}.prompt", "Stored prompts are not allowed for this tenant."
    tools = settings.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        yield from _tool_faults(tool, f"{field}.tools[{index}]", policy)
    choice = table(settings, "tool_choice")
    if choice:
        yield from _tool_faults(choice, f"{field}.tool_choice", policy)
    yield from _voice_faults(settings, field, policy)
    most, asked = policy.max_output_tokens, settings.get("max_output_tokens")
    if most is not None and asked is not None and (asked == "inf" or (_number(asked) and asked > most)):
        yield f"{field}.max_output_tokens", f"At most {most} output tokens are allowed."
    items = settings.get("input")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        yield from _item_faults(item, f"{field}.input[{index}]", policy)


def _number(value: Any) -> bool:  # noqa: ANN401 - whatever a client sent
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tool_faults(tool: Any, field: str, policy: Policy) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - whatever was given
    kind = tool.get("type", "function") if isinstance(tool, dict) else None
    if kind != "function":
        if not policy.hosted_tools:
            yield (
                f"{field}.type",
                "Only function tools are allowed for this tenant: hosted tools reach beyond the relay.",
            )
        return
    name = tool.get("name")
    if policy.tools is not None and not _among(name, policy.tools):
        yield f"{field}.name", f"The tool {_shown(name)} is not allowed for this tenant."


def _voice_faults(settings: Event, field: str, policy: Policy) -> Iterator[tuple[str, str]]:
    if policy.voices is None:
        return
    for param, voice in (
        (f"{field}.audio.output.voice", table(settings, "audio", "output").get("voice")),
        (f"{field}.voice", settings.get("voice")),
    ):
        name = voice.get("id") if isinstance(voice, dict) else voice
        if name is not None and not _among(name, policy.voices):
            yield param, f"The voice {_shown(name)} is not allowed for this tenant."


def _item_faults(item: Any, field: str, policy: Policy) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - whatever was given
    if not isinstance(item, dict):
        return
    if item.get("type") in HOSTED_ITEMS and not policy.hosted_tools:
        yield f"{field}.type", "Items of hosted tools are not allowed for this tenant."
    if policy.instructions == "locked" and item.get("role") == "system":
        yield f"{field}.role", "The instructions of this tenant's sessions are locked."


def _among(name: object, allowed: frozenset[str]) -> bool:
    # What a client sends in a name's place may not even be hashable.
    return isinstance(name, str) and name in allowed


def _shown(name: object) -> str:
    """Quote what a client sent, but no more of it than identifies it."""
    return repr(name)[:64]
