"""A client's message read into an event, and the parts of one that the plan measures.

Rule: what is returned here has been read whole and strictly; what cannot be is refused in words.
"""

from typing import Any

import msgspec

from relay.core import events
from relay.core.events import APPENDS
from relay.core.refusals import Refusal, Refused
from relay.core.strict import Event, LooseJsonError, read_strictly


def read(data: bytes, text: bool) -> Event | Refused | None:
    """Return the event that *data* is, why it is none, or None where its text is not UTF-8."""
    if not text:
        return Refused(
            Refusal.INVALID_EVENT,
            "Expected a text WebSocket message; binary frames are not supported.",
        )
    try:
        event = read_strictly(data.decode())
    except UnicodeDecodeError:
        return None
    except LooseJsonError as error:
        return Refused(Refusal.INVALID_JSON, f"The message was not strict JSON: {error}.")
    if not isinstance(event.get("type"), str):
        return Refused(Refusal.INVALID_EVENT, "An event names its type in a string.", param="type")
    return event


def about(refused: Refused, event: Event) -> Refused:
    """Name the client's event in *refused*, where it has a name that may be echoed."""
    event_id = event.get("event_id")
    if isinstance(event_id, str) and len(event_id) <= events.MAX_EVENT_ID:
        return msgspec.structs.replace(refused, event_id=event_id)
    return refused


def audio_of(event: Event) -> list[tuple[str, Any]]:
    """Return every piece of audio that *event* may hold, with the path to it; it need not be a string."""
    name = event["type"]
    if name in APPENDS:
        return [("audio", event.get("audio"))]
    if name == "conversation.item.create":
        return _audio_of_item(event.get("item"), "item")
    if name == "response.create":
        items = events.table(event, "response").get("input")
        return [
            found
            for index, item in enumerate(items if isinstance(items, list) else ())
            for found in _audio_of_item(item, f"response.input[{index}]")
        ]
    return []


def _audio_of_item(item: object, field: str) -> list[tuple[str, Any]]:
    content = item.get("content") if isinstance(item, dict) else None
    return [
        (f"{field}.content[{index}].audio", part.get("audio"))
        for index, part in enumerate(content if isinstance(content, list) else ())
        if isinstance(part, dict)
    ]
