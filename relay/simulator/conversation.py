"""The conversation: its items in order, and what each holds.

The rule: an item's public form (`Item.shown`) never carries audio; audio is kept beside it, bounded
over the whole conversation, and shown only when an item is retrieved.
"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

from relay.simulator.audio import Encoding
from relay.simulator.errors import Json, Refused, unsupported

ROOT: Final = "root"
"""As `previous_item_id`: before everything."""


@dataclass(slots=True, eq=False)
class Item:
    """One item. `shown` is what events say of it."""

    id: str
    shown: Json
    audio: bytes = b""
    encoding: Encoding = Encoding.PCM
    seconds: float = 0.0
    """How long the audio plays; it stays true when the audio itself is given up or cut."""
    images: int = 0
    transcript: str = ""
    """What was said, whether or not anybody asked for a transcription."""
    silent: bool = False
    """Made by the idle timeout: nobody said anything."""

    @property
    def kind(self) -> str:
        """Return the item's `type`."""
        kind: str = self.shown["type"]
        return kind

    @property
    def role(self) -> str:
        """Return a message's `role`; the empty string for other items."""
        role: str = self.shown.get("role", "")
        return role

    def text(self) -> str:
        """Return what the item says in words: written, spoken, called or returned."""
        match self.kind:
            case "message":
                written = [
                    part.get("text") or part.get("transcript") or ""
                    for part in self.shown["content"]
                    if part["type"] != "input_audio"
                ]
                return " ".join(words for words in (*written, self.transcript) if words)
            case "function_call" | "mcp_call":
                return f"{self.shown['name']} {self.shown['arguments']}"
            case "function_call_output":
                output: str = self.shown["output"]
                return output
            case _:
                return ""

    def retrieved(self) -> Json:
        """Return the item with its audio, as `conversation.item.retrieved` shows it."""
        if not self.audio:
            return self.shown
        encoded = base64.b64encode(self.audio).decode()
        content = [
            part | {"audio": encoded} if part["type"] in ("input_audio", "output_audio") else part
            for part in self.shown["content"]
        ]
        return self.shown | {"content": content}


@dataclass(slots=True)
class Conversation:
    """The items of one session, in order."""

    id: str
    kept_audio_bytes: int
    items: list[Item] = field(default_factory=list)

    def find(self, item_id: str) -> Item | None:
        """Return the item of that id."""
        return next((item for item in self.items if item.id == item_id), None)

    def last_id(self) -> str | None:
        """Return the id of the last item."""
        return self.items[-1].id if self.items else None

    def before(self, item: Item) -> str | None:
        """Return the id of the item before *item*; None for the first, or for a stranger."""
        place = self.items.index(item) if item in self.items else 0
        return self.items[place - 1].id if place else None

    def add(self, item: Item, previous: str | None = None) -> str | None:
        """Put *item* after *previous* (None: at the end) and return the id it now follows."""
        if self.find(item.id) is not None:
            raise Refused(
                "item_create_duplicate_item_id",
                f"Error adding item: an item with id '{item.id}' already exists.",
                "item.id",
            )
        if previous == ROOT:
            place = 0
        elif previous is None:
            place = len(self.items)
        else:
            place = self._place(previous, "item_create_invalid_previous_item_id", "previous_item_id")
            place += 1
        self.items.insert(place, item)
        self._give_up_old_audio()
        return self.items[place - 1].id if place else None

    def delete(self, item_id: str) -> None:
        """Take an item out."""
        del self.items[self._place(item_id, "item_delete_invalid_item_id", "item_id")]

    def retrieve(self, item_id: str) -> Item:
        """Return an item, or refuse."""
        return self.items[self._place(item_id, "item_retrieve_invalid_item_id", "item_id")]

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> Item:
        """Cut an assistant's audio to what was heard, and forget the words for it."""
        item = self.items[self._place(item_id, "item_truncate_invalid_item_id", "item_id")]
        content = item.shown.get("content") or []
        if item.role != "assistant" or not any(part["type"] == "output_audio" for part in content):
            raise Refused(
                "item_truncate_invalid_item_id",
                "Only model output audio messages can be truncated.",
                "item_id",
            )
        if content_index >= len(content) or content[content_index]["type"] != "output_audio":
            raise Refused("invalid_value", f"No audio at content_index {content_index}.", "content_index")
        had_ms = round(item.seconds * 1000)
        if audio_end_ms > had_ms:
            raise Refused(
                "invalid_value",
                f"Audio content of {had_ms}ms is already shorter than {audio_end_ms}ms",
                "audio_end_ms",
            )
        item.audio = item.audio[: item.encoding.size(audio_end_ms)]
        item.seconds = audio_end_ms / 1000
        item.shown = item.shown | {
            "content": [
                {"type": "output_audio"} if part["type"] == "output_audio" else part for part in content
            ]
        }
        return item

    def has_call(self, call_id: str) -> bool:
        """Say whether a function was called under *call_id*."""
        return any(item.kind == "function_call" and item.shown["call_id"] == call_id for item in self.items)

    def _place(self, item_id: str, code: str, param: str) -> int:
        for place, item in enumerate(self.items):
            if item.id == item_id:
                return place
        raise Refused(code, f"Item with id '{item_id}' not found.", param)

    def _give_up_old_audio(self) -> None:
        kept = 0
        for item in reversed(self.items):
            kept += len(item.audio)
            if kept > self.kept_audio_bytes:
                item.audio = b""


ALLOWED: Final = {
    "user": ("input_text", "input_audio", "input_image"),
    "system": ("input_text",),
    "assistant": ("output_text",),
}
"""The parts a client may give to each role."""


def made(raw: Json, item_id: str, call_id: str, encoding: Encoding, at: str = "item") -> Item:
    """Make an item of *raw*, whose shape was checked. *item_id*, *call_id*: used where it has none."""
    item = Item(raw.get("id") or item_id, {}, encoding=encoding)
    shown: Json = {"id": item.id, "object": "realtime.item", "type": raw["type"]}
    match raw["type"]:
        case "message":
            role = raw["role"]
            content = [
                _part(part, role, item, f"{at}.content[{index}]") for index, part in enumerate(raw["content"])
            ]
            shown |= {"status": "completed", "role": role, "content": content}
        case "function_call":
            shown |= {
                "status": "completed",
                "name": raw["name"],
                "call_id": raw.get("call_id") or call_id,
                "arguments": raw["arguments"],
            }
        case "function_call_output":
            shown |= {"status": "completed", "call_id": raw["call_id"], "output": raw["output"]}
        case _:
            # The approval of an MCP call: this kind of item has neither object nor status.
            shown = {"id": item.id, **{k: v for k, v in raw.items() if k != "id"}}
    item.shown = shown
    return item


def _part(part: Json, role: str, item: Item, at: str) -> Json:
    if role == "assistant" and part["type"] == "output_audio":
        raise Refused("missing_required_parameter", f"Missing required parameter: '{at}.text'.", f"{at}.text")
    if part["type"] not in ALLOWED[role]:
        raise unsupported(part["type"], ALLOWED[role], f"{at}.type")
    match part["type"]:
        case "input_audio":
            audio = decoded(part["audio"], f"{at}.audio")
            item.audio += audio
            item.seconds += item.encoding.seconds(len(audio))
            item.transcript = part.get("transcript") or ""
            return {"type": "input_audio", "transcript": part.get("transcript")}
        case "input_image":
            if not part["image_url"].startswith("data:image/"):
                raise Refused(
                    "invalid_value",
                    "Invalid image_url: expected a data URI of an image.",
                    f"{at}.image_url",
                )
            item.images += 1
            return {"detail": "auto"} | {k: v for k, v in part.items() if v is not None}
        case _:
            return {"type": part["type"], "text": part["text"]}


def decoded(audio: str, param: str) -> bytes:
    """Return the bytes of base64 *audio*, or refuse as the API does."""
    try:
        return binascii.a2b_base64(audio, strict_mode=True)
    except (binascii.Error, ValueError):
        raise Refused(
            "invalid_value",
            f"Invalid '{param}'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz or G.711), "
            "but got an invalid value.",
            param,
        ) from None
