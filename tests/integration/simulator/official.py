"""What the official client's models say of an event: the judge of everything the simulator sends."""

from typing import Any, Final, get_args

from openai.types.realtime import RealtimeServerEvent, RealtimeTranslationServerEvent
from pydantic import BaseModel, TypeAdapter

KNOWN_BEYOND: Final = {
    # The real API pads text deltas with it; the models do not have it.
    "ResponseTextDeltaEvent": {"obfuscation"},
    "ResponseAudioTranscriptDeltaEvent": {"obfuscation"},
    "ResponseFunctionCallArgumentsDeltaEvent": {"obfuscation"},
    "ConversationItemInputAudioTranscriptionDeltaEvent": {"obfuscation"},
    # On the wire since GA; the models describe the request, which has none of them.
    "RealtimeSessionCreateRequest": {"object", "id", "expires_at"},
    "RealtimeTranscriptionSessionCreateRequest": {"object", "id", "expires_at"},
    # A failed response says why in words, too.
    "Error": {"message"},
}
"""Fields that are sent although the models do not name them, and why."""

NEVER_SENT: Final = {
    "conversation.item.created",  # the name of conversation.item.added before GA
    "input_audio_buffer.dtmf_event_received",  # telephone calls only
}
"""Events of the models that a WebSocket session of the GA API does not have."""

_adapter: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
_translation_adapter: TypeAdapter[Any] = TypeAdapter(RealtimeTranslationServerEvent)


def event_types(events: object = RealtimeServerEvent) -> set[str]:
    """Every type that the models know."""
    union = get_args(events)[0]
    return {get_args(model.model_fields["type"].annotation)[0] for model in get_args(union)}


def judge(event: dict[str, Any]) -> BaseModel:
    """The event as its model; an AssertionError or ValidationError says what is wrong with it."""
    return _judged(_adapter, event)


def judge_translation(event: dict[str, Any]) -> BaseModel:
    """As `judge`, of an event of a translation session."""
    return _judged(_translation_adapter, event)


def _judged(adapter: TypeAdapter[Any], event: dict[str, Any]) -> BaseModel:
    model = adapter.validate_python(event)
    assert isinstance(model, BaseModel)
    assert model.model_dump()["type"] == event["type"]
    _walk(model, event["type"])
    return model


def _walk(value: object, at: str) -> None:
    if isinstance(value, BaseModel):
        name = type(value).__name__
        beyond = set(value.model_extra or {}) - KNOWN_BEYOND.get(name, set())
        assert not beyond, f"{at}: {name} has no {beyond}"
        for field in type(value).model_fields:
            _walk(getattr(value, field), f"{at}.{field}")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            _walk(entry, f"{at}[{index}]")
