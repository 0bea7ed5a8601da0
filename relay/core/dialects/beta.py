"""The beta of the Realtime API as a client's dialect: what clients of 2024 and 2025 say and want to hear.

Rule: every event of either language has its case or its row here; one that has none is the same in both, and is
returned as it came.
"""

from collections.abc import Mapping
from typing import Final

from relay.core.dialects.beta_items import is_hosted, item_from_ga, item_to_ga, part_from_ga
from relay.core.dialects.beta_session import (
    DEFAULT_TEMPERATURE,
    is_temperature,
    param_from_ga,
    response_from_ga,
    response_to_ga,
    session_from_ga,
    session_to_ga,
)
from relay.core.refusals import Refused
from relay.core.strict import Event

_RENAMED: Final[Mapping[str, str]] = {
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
}
"""Server events of which nothing but the name differs."""

_UNHEARD: Final = frozenset({
    "conversation.item.done",  # the beta told of an item once
    "conversation.item.input_audio_transcription.segment",
    "input_audio_buffer.dtmf_event_received",
    "input_audio_buffer.timeout_triggered",
    "mcp_list_tools.completed",
    "mcp_list_tools.failed",
    "mcp_list_tools.in_progress",
    "response.mcp_call.completed",
    "response.mcp_call.failed",
    "response.mcp_call.in_progress",
    "response.mcp_call_arguments.delta",
    "response.mcp_call_arguments.done",
})  # fmt: skip
"""Server events that the beta has no word for."""

_ADDED: Final[Mapping[str, str]] = {
    "response.function_call_arguments.done": "name",
    "conversation.item.input_audio_transcription.completed": "languages",
}
"""Server events to which GA added a field, and nothing else."""

_NO_SECRET: Final[Mapping[str, object]] = {"value": "", "expires_at": 0}
"""A transcription session of the beta's types always has a `client_secret`. Over a WebSocket none is given."""


class Beta:
    """What one client of the beta speaks. See `ClientDialect`.

    It remembers the temperature that the client chose: GA has none, and the beta showed it in every answer.
    """

    renames: Mapping[bytes, bytes] = {ga.encode(): beta.encode() for ga, beta in _RENAMED.items()}

    def __init__(self, transcription: bool, temperature: float | None = None) -> None:
        """Speak to one client, which may have chosen its *temperature* before it came."""
        self._transcription = transcription
        self._temperature = DEFAULT_TEMPERATURE if temperature is None else temperature

    def read(self, event: Event) -> Event | Refused:
        """Return the client's event in GA terms; refused where it says one thing twice, and differently."""
        match event.get("type"):
            case "session.update":
                return self._updated(event, transcription=False)
            case "transcription_session.update":
                named = {**event, "type": "session.update"}
                return self._updated(named, transcription=True)
            case "response.create" if isinstance(response := event.get("response"), dict):
                asked = response_to_ga(response)
                return asked if isinstance(asked, Refused) else _with(event, "response", asked)
            case "conversation.item.create":
                return _with(event, "item", item_to_ga(event.get("item")))
            case _:
                return event

    def _updated(self, event: Event, *, transcription: bool) -> Event | Refused:
        session = event.get("session")
        if not isinstance(session, dict):
            return event
        ga = session_to_ga(session, transcription=transcription)
        if isinstance(ga, Refused):
            return ga
        temperature = session.get("temperature")
        if is_temperature(temperature):
            self._temperature = temperature
        return _with(event, "session", ga)

    def write(self, event: Event) -> Event | None:
        """Return a GA server event in the beta's terms; None where it has no such event."""
        match event.get("type"):
            case "session.created" | "session.updated":
                return self._session(event)
            case "response.created" | "response.done" if isinstance(shown := event.get("response"), dict):
                return {**event, "response": response_from_ga(shown, self._temperature)}
            case "conversation.item.added":
                return _item({**event, "type": "conversation.item.created"})
            case (
                "conversation.item.created"
                | "conversation.item.retrieved"
                | "response.output_item.added"
                | "response.output_item.done"
            ):
                return _item(event)
            case "response.content_part.added" | "response.content_part.done":
                return _with(event, "part", part_from_ga(event.get("part")))
            case "error":
                return _error(event)
            case str(kind) if kind in _UNHEARD:
                return None
            case str(kind) if kind in _RENAMED:
                return {**event, "type": _RENAMED[kind]}
            case str(kind) if _ADDED.get(kind) in event:
                return {name: value for name, value in event.items() if name != _ADDED[kind]}
            case _:
                return event

    def _session(self, event: Event) -> Event:
        session = event.get("session")
        if not isinstance(session, dict):
            return event
        kind = session.get("type", "transcription" if self._transcription else "realtime")
        transcription = kind == "transcription"
        shown = session_from_ga(session, transcription=transcription, temperature=self._temperature)
        if transcription:
            named = f"transcription_{event['type']}"
            return {**event, "type": named, "session": {**shown, "client_secret": dict(_NO_SECRET)}}
        return {**event, "session": shown}

    def param(self, path: str) -> str:
        """Return what the client calls the field at *path* of a GA client event."""
        return param_from_ga(path)


def _with(event: Event, field: str, value: object) -> Event:
    """Return *event* with *value* as its *field*: the same event if that is what it has, or if it has none."""
    return {**event, field: value} if event.get(field) is not value else event


def _item(event: Event) -> Event | None:
    item = event.get("item")
    return None if is_hosted(item) else _with(event, "item", item_from_ga(item))


def _error(event: Event) -> Event:
    error = event.get("error")
    path = error.get("param") if isinstance(error, dict) else None
    if not isinstance(error, dict) or not isinstance(path, str) or (name := param_from_ga(path)) == path:
        return event
    message = error.get("message")
    if isinstance(message, str):
        error = {**error, "message": message.replace(path, name)}
    return {**event, "error": {**error, "param": name}}
