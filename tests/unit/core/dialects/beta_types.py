"""What the official client's models say of an event, the beta's and GA's: the judges of both directions."""

from typing import Any, Final, get_args

from openai.types import realtime
from openai.types.beta import realtime as beta
from openai.types.realtime.response_create_event_with_references_param import (
    ResponseCreateEventWithReferencesParam,
)
from pydantic import BaseModel, TypeAdapter

Event = dict[str, Any]

KNOWN_BEYOND: Final = {
    # The upstream pads text deltas with it, and deltas are passed on as they are but for their names.
    "ResponseTextDeltaEvent": {"obfuscation"},
    "ResponseAudioTranscriptDeltaEvent": {"obfuscation"},
    "ResponseFunctionCallArgumentsDeltaEvent": {"obfuscation"},
    "ConversationItemInputAudioTranscriptionDeltaEvent": {"obfuscation"},
    # On the wire in either protocol, sent back by clients, and in no model of a session.
    "Session": {"id", "object", "expires_at", "include", "prompt"},
    "TranscriptionSession": {
        "object",
        "id",
        "expires_at",
        "include",
        "input_audio_noise_reduction",
    },
    "RealtimeSessionCreateRequest": {"object", "id", "expires_at"},
    "RealtimeTranscriptionSessionCreateRequest": {"object", "id", "expires_at"},
    # The first two the beta showed in transcription sessions, too. The third is GA's, and is shown where
    # somebody has set it: a client that sends back what it was shown would else take it away.
    "TurnDetection": {"create_response", "interrupt_response", "idle_timeout_ms"},
    # What a response cost is told in full: the figures of the beta are among it.
    "InputTokenDetails": {"image_tokens", "cached_tokens_details"},
}
"""Fields that are sent although the models do not name them, and why."""


class Judge:
    """One family of events."""

    def __init__(self, union: Any) -> None:
        self._models: dict[str, type[BaseModel]] = {
            get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(get_args(union)[0])
        }
        self.types = set(self._models)

    def __call__(self, event: Event) -> None:
        """Put *event* to its model; an AssertionError or ValidationError says what is wrong with it."""
        assert event["type"] in self.types
        _walk(self._models[event["type"]].model_validate(event, strict=True), event["type"])


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


BETA_CLIENT: Final = Judge(beta.RealtimeClientEvent)
BETA_SERVER: Final = Judge(beta.RealtimeServerEvent)
GA_CLIENT: Final = Judge(realtime.RealtimeClientEvent)
GA_SERVER: Final = Judge(realtime.RealtimeServerEvent)

_references: Final[TypeAdapter[Any]] = TypeAdapter(ResponseCreateEventWithReferencesParam)
"""The one client event of which the models forget what may stand in it: `input` with references to items."""


def judge_beta_server(event: Event) -> None:
    """Put what a beta client is sent to the beta's models."""
    if event["type"] == "transcription_session.created":
        # Sent by the beta, but modelled only by the name of the event that follows it.
        event = {**event, "type": "transcription_session.updated"}
    BETA_SERVER(event)


def judge_ga_client(event: Event) -> None:
    """Put what an upstream is sent to GA's models."""
    items = (event.get("response") or {}).get("input", [])
    if any(item["type"] == "item_reference" for item in items):
        _references.validate_python(event)
        response = event["response"]
        kept = [item for item in items if item["type"] != "item_reference"]
        event = {**event, "response": {**response, "input": kept}}
    GA_CLIENT(event)
