"""One session of the API, without socket or clock: told of messages and of the time, it says what to send.

The rule: `receive` and `tick` take the time, return the events to send in order, and never raise;
`deadline` says when to call `tick` next. One step of a response is one `tick`, so that a sender
whose buffer is full simply does not call.
"""

import random
from functools import partial
from typing import Any, Final

import msgspec

from relay.simulator import config, requests
from relay.simulator.answers import BROKEN, mcp_tools
from relay.simulator.conversation import Item, made
from relay.simulator.errors import Json, Refused, checked, event_of, missing, unsupported
from relay.simulator.listener import Listener
from relay.simulator.settings import SimulatorSettings
from relay.simulator.speaker import Speaker
from relay.simulator.state import AudioTally, State

APPEND: Final = "input_audio_buffer.append"
APPEND_KEYS: Final = frozenset({"type", "audio"})
SHAPES: Final[dict[str, type[msgspec.Struct]]] = {
    "session.update": requests.SessionUpdate,
    APPEND: requests.Append,
    "input_audio_buffer.commit": requests.Bare,
    "input_audio_buffer.clear": requests.Bare,
    "output_audio_buffer.clear": requests.Bare,
    "conversation.item.create": requests.ItemCreate,
    "conversation.item.retrieve": requests.ItemNamed,
    "conversation.item.truncate": requests.ItemTruncate,
    "conversation.item.delete": requests.ItemNamed,
    "response.create": requests.ResponseCreate,
    "response.cancel": requests.ResponseCancel,
}
"""Every client event, and what it may hold."""


class Engine:
    """One session, from `session.created` to its end."""

    def __init__(
        self,
        settings: SimulatorSettings,
        dice: random.Random,
        session: Json,
        *,
        sideband: bool = False,
    ) -> None:
        """Begin with *session* as its object. *sideband*: the session of a call, joined silently."""
        self._state = State(settings, dice, session)
        self._sideband = sideband
        self._speaker = Speaker(self._state, off_wire=sideband)
        self._listener = Listener(self._state, self._speaker)
        self._listed: set[str] = set()

    @property
    def deadline(self) -> float:
        """Return when `tick` is due; infinity if nothing waits."""
        return self._state.deadline

    @property
    def closing(self) -> tuple[int, str] | None:
        """Return the close code and reason once the session has ended itself."""
        return self._state.closing

    @property
    def session(self) -> Json:
        """Return the session object as it is now."""
        return self._state.session

    @property
    def full(self) -> bool:
        """Say whether no more should be read: never, since nothing is answered before it is asked for."""
        return False

    @property
    def heard(self) -> AudioTally:
        """Return the tally of audio appended."""
        return self._state.heard

    @property
    def spoken(self) -> AudioTally:
        """Return the tally of audio sent."""
        return self._state.spoken

    def fail_responses(self, error: Json) -> None:
        """Let every response from now on end as failed, with *error*."""
        self._speaker.failure = error

    def start(self, now: float) -> list[Json]:
        """Open the session."""
        state = self._state
        state.later(now + state.settings.session_seconds, state.expire)
        if not self._sideband:
            state.emit({"type": "session.created", "session": state.session})
            if state.settings.announce_conversation:
                about = {"id": state.conversation.id, "object": "realtime.conversation"}
                state.emit({"type": "conversation.created", "conversation": about})
        self._list_mcp_tools(now)
        return state.taken()

    def tick(self, now: float) -> list[Json]:
        """Do the next thing that is due, if any."""
        self._state.step(now)
        return self._state.taken()

    def receive(self, message: bytes, now: float, *, text: bool = True) -> list[Json]:
        """Take one message of the client's; *text* says whether it came in a text frame."""
        event_id = None
        try:
            event = event_of(message, text=text)
            event_id = event.get("event_id") if isinstance(event.get("event_id"), str) else None
            self._take(event, now)
        except Refused as refusal:
            self._state.emit({"type": "error", "error": refusal.body(event_id)})
        return self._state.taken()

    def _take(self, event: Json, now: float) -> None:
        kind = event.get("type")
        if kind == APPEND and event.keys() == APPEND_KEYS and isinstance(event["audio"], str):
            # The flood: nothing about it is left to check but the audio itself.
            self._listener.append(event["audio"], now)
            return
        if kind is None:
            raise missing("type")
        if not isinstance(kind, str) or kind not in SHAPES:
            raise unsupported(kind, tuple(SHAPES), "type")
        checked(event, SHAPES[kind])
        match kind:
            case "session.update":
                self._update(event["session"], now)
            case "response.create":
                self._listener.busy()
                self._speaker.create(event.get("response") or {}, now)
            case "response.cancel":
                self._speaker.cancel(event.get("response_id"), now)
            case _ if kind.startswith("conversation."):
                self._item(kind, event)
            case _:
                self._buffer(kind, event, now)

    def _buffer(self, kind: str, event: Json, now: float) -> None:
        match kind:
            case "input_audio_buffer.append":
                self._listener.append(event["audio"], now)
            case "input_audio_buffer.commit":
                self._listener.commit(now)
            case "input_audio_buffer.clear":
                self._listener.clear()
            case _:
                self._speaker.clear_output()

    def _update(self, update: Json, now: float) -> None:
        state = self._state
        state.session = config.updated(state.session, update, state.settings, spoke=self._speaker.spoke)
        self._listener.configure()
        state.emit({"type": "session.updated", "session": state.session})
        self._list_mcp_tools(now)

    def _item(self, kind: str, event: Json) -> None:
        conversation = self._state.conversation
        emit = self._state.emit
        match kind:
            case "conversation.item.create":
                self._create(event)
            case "conversation.item.retrieve":
                item = conversation.retrieve(event["item_id"])
                emit({"type": "conversation.item.retrieved", "item": item.retrieved()})
            case "conversation.item.delete":
                conversation.delete(event["item_id"])
                emit({"type": "conversation.item.deleted", "item_id": event["item_id"]})
            case _:
                cut = {name: event[name] for name in ("item_id", "content_index", "audio_end_ms")}
                conversation.truncate(**cut)
                emit({"type": "conversation.item.truncated", **cut})

    def _create(self, event: Json) -> None:
        state = self._state
        raw: dict[str, Any] = event["item"]
        if raw["type"] == "function_call_output" and not state.conversation.has_call(raw["call_id"]):
            raise Refused(
                "invalid_tool_call_id",
                f"Tool call ID '{raw['call_id']}' not found in conversation.",
                "item.call_id",
            )
        item = made(raw, state.ids.new("item"), state.ids.call(), state.input_encoding)
        previous = state.conversation.add(item, event.get("previous_item_id"))
        self._listener.busy()
        for kind in ("conversation.item.added", "conversation.item.done"):
            state.emit({"type": kind, "previous_item_id": previous, "item": item.shown})

    # --- the servers the API itself calls
    def _list_mcp_tools(self, now: float) -> None:
        """Ask each MCP server that is new what it offers."""
        for tool in self._state.session.get("tools", []):
            if tool["type"] == "mcp" and tool["server_label"] not in self._listed:
                self._listed.add(tool["server_label"])
                item_id = self._state.ids.new("mcpl")
                shown = {
                    "id": item_id,
                    "type": "mcp_list_tools",
                    "server_label": tool["server_label"],
                    "tools": [],
                }
                item = Item(item_id, shown)
                previous = self._state.conversation.add(item)
                about = {"previous_item_id": previous, "item": shown}
                self._state.emit({"type": "conversation.item.added", **about})
                self._state.emit({"type": "mcp_list_tools.in_progress", "item_id": item_id})
                due = now + self._state.draw(self._state.settings.first_token_seconds)
                self._state.later(due, partial(self._listed_tools, item, tool))

    def _listed_tools(self, item: Item, tool: Json, now: float) -> None:
        del now
        emit = self._state.emit
        if BROKEN in tool["server_label"]:
            emit({"type": "mcp_list_tools.failed", "item_id": item.id})
            return
        schema = {"type": "object", "properties": {"query": {"type": "string"}}}
        offered = [{"name": name, "input_schema": schema} for name in mcp_tools(tool)]
        item.shown = item.shown | {"tools": offered}
        previous = self._state.conversation.before(item)
        emit({"type": "mcp_list_tools.completed", "item_id": item.id})
        emit({"type": "conversation.item.done", "previous_item_id": previous, "item": item.shown})
