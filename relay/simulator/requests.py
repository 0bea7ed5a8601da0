"""The shapes of client events and of the items in them.

The rule: as in `shapes`, a field that is not here is refused.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from relay.simulator.shapes import (
    CallId,
    EventId,
    Format,
    ItemId,
    Metadata,
    Modalities,
    OutputTokens,
    Prompt,
    Reasoning,
    Text,
    ToolChoice,
    Tools,
    VoiceId,
)


class InputText(Struct, forbid_unknown_fields=True, tag="input_text", tag_field="type"):
    """What a user or the system wrote."""

    text: Text


class InputAudio(Struct, forbid_unknown_fields=True, tag="input_audio", tag_field="type"):
    """What a user said, base64 in the session's input format."""

    audio: str
    transcript: str | None = None


class InputImage(Struct, forbid_unknown_fields=True, tag="input_image", tag_field="type"):
    """What a user showed, as a data URI."""

    image_url: str
    detail: Literal["auto", "low", "high"] | None = None


class OutputText(Struct, forbid_unknown_fields=True, tag="output_text", tag_field="type"):
    """What the assistant wrote."""

    text: Text


class OutputAudio(Struct, forbid_unknown_fields=True, tag="output_audio", tag_field="type"):
    """What the assistant said. It cannot be put into a conversation: refused by role."""

    audio: str | None = None
    transcript: str | None = None


Part = InputText | InputAudio | InputImage | OutputText | OutputAudio
Status = Literal["completed", "incomplete", "in_progress"]
ItemObject = Literal["realtime.item"]


class Message(Struct, forbid_unknown_fields=True, tag="message", tag_field="type"):
    """Something said, written or shown."""

    role: Literal["user", "assistant", "system"]
    content: Annotated[list[Part], Meta(min_length=1)]
    id: ItemId | None = None
    object: ItemObject | None = None
    status: Status | None = None


class FunctionCall(Struct, forbid_unknown_fields=True, tag="function_call", tag_field="type"):
    """A call the model made."""

    name: str
    arguments: str
    call_id: CallId | None = None
    id: ItemId | None = None
    object: ItemObject | None = None
    status: Status | None = None


class FunctionCallOutput(Struct, forbid_unknown_fields=True, tag="function_call_output", tag_field="type"):
    """What the client's function gave."""

    call_id: CallId
    output: Text
    id: ItemId | None = None
    object: ItemObject | None = None
    status: Status | None = None


class McpApprovalResponse(Struct, forbid_unknown_fields=True, tag="mcp_approval_response", tag_field="type"):
    """The user's yes or no to a tool call of an MCP server."""

    approval_request_id: str
    approve: bool
    reason: str | None = None
    id: ItemId | None = None


Item = Message | FunctionCall | FunctionCallOutput | McpApprovalResponse


class ItemReference(Struct, forbid_unknown_fields=True, tag="item_reference", tag_field="type"):
    """An item of the conversation, by its id; only inside `response.create`."""

    id: str


class ResponseOutput(Struct, forbid_unknown_fields=True):
    """`audio.output` of a response."""

    format: Format | None = None
    voice: str | VoiceId | None = None


class ResponseAudio(Struct, forbid_unknown_fields=True):
    """`audio` of a response."""

    output: ResponseOutput | None = None


class ResponseRequest(Struct, forbid_unknown_fields=True):
    """`response` of a response.create: what differs from the session."""

    conversation: Literal["auto", "none"] | None = None
    input: list[Item | ItemReference] | None = None
    instructions: Text | None = None
    output_modalities: Modalities | None = None
    audio: ResponseAudio | None = None
    max_output_tokens: OutputTokens | None = None
    metadata: Metadata | None = None
    tools: Tools | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    prompt: Prompt | None = None
    reasoning: Reasoning | None = None


class Append(Struct, forbid_unknown_fields=True):
    """`input_audio_buffer.append`."""

    type: str
    audio: str
    event_id: EventId | None = None


class Bare(Struct, forbid_unknown_fields=True):
    """An event that is its type: commit, clear."""

    type: str
    event_id: EventId | None = None


class SessionUpdate(Struct, forbid_unknown_fields=True):
    """`session.update`."""

    type: str
    session: dict[str, Any]
    event_id: EventId | None = None


class ItemCreate(Struct, forbid_unknown_fields=True):
    """`conversation.item.create`."""

    type: str
    item: Item
    previous_item_id: str | None = None
    event_id: EventId | None = None


class ItemNamed(Struct, forbid_unknown_fields=True):
    """`conversation.item.retrieve` and `conversation.item.delete`."""

    type: str
    item_id: str
    event_id: EventId | None = None


class ItemTruncate(Struct, forbid_unknown_fields=True):
    """`conversation.item.truncate`."""

    type: str
    item_id: str
    content_index: Annotated[int, Meta(ge=0)]
    audio_end_ms: Annotated[int, Meta(ge=0)]
    event_id: EventId | None = None


class ResponseCreate(Struct, forbid_unknown_fields=True):
    """`response.create`."""

    type: str
    response: ResponseRequest | None = None
    event_id: EventId | None = None


class ResponseCancel(Struct, forbid_unknown_fields=True):
    """`response.cancel`."""

    type: str
    response_id: str | None = None
    event_id: EventId | None = None
