"""What one session is held to, and the names of what may be locked in it.

Rule: every place in which a client can say a thing stands in one row here: the GA protocol's own, and the flat
ones that older and compatible upstreams read.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

from relay.core.strict import Event
from relay.core.tenants import Policy

Place: TypeAlias = tuple[str, ...]
"""Keys from a session, or a response's settings, down to a value."""

LOCKABLE: Final[Mapping[str, tuple[Place, ...]]] = {
    "instructions": (("instructions",),),
    "tools": (("tools",),),
    "tool_choice": (("tool_choice",),),
    "parallel_tool_calls": (("parallel_tool_calls",),),
    "prompt": (("prompt",),),
    "voice": (("audio", "output", "voice"), ("voice",)),
    "speed": (("audio", "output", "speed"), ("speed",)),
    "output_format": (("audio", "output", "format"), ("output_audio_format",)),
    "input_format": (("audio", "input", "format"), ("input_audio_format",)),
    "turn_detection": (("audio", "input", "turn_detection"), ("turn_detection",)),
    "transcription": (("audio", "input", "transcription"), ("input_audio_transcription",)),
    "noise_reduction": (("audio", "input", "noise_reduction"), ("input_audio_noise_reduction",)),
    "output_modalities": (("output_modalities",), ("modalities",)),
    "max_output_tokens": (("max_output_tokens",), ("max_response_output_tokens",), ("max_tokens",)),
    "reasoning": (("reasoning",),),
    "temperature": (("temperature",),),
    "truncation": (("truncation",),),
    "tracing": (("tracing",),),
    "include": (("include",),),
}
"""Setting -> its places; the first is the GA protocol's."""


class Rules(msgspec.Struct, frozen=True):
    """What one session is held to."""

    policy: Policy
    asked: str | None
    """The model as the client named it; None for a transcription session."""
    served: str | None
    """The same model as this upstream knows it."""
    locked: frozenset[str] = frozenset()
    """Settings locked beyond the policy, by a client secret; names of `LOCKABLE`."""
    deployments: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    """Model -> what this upstream calls it, where that differs. Azure wants a transcription's so, too."""

    def locks(self, setting: str) -> bool:
        """Tell whether no event may hold *setting*, a name of `LOCKABLE`."""
        if setting == "instructions" and self.policy.instructions == "locked":
            return True
        return setting in self.policy.locked or setting in self.locked


def says(settings: Event, setting: str) -> bool:
    """Tell whether *settings*, of a session or a response, say *setting* in any of its places, be it null."""
    return any(_holds(settings, place) for place in LOCKABLE[setting])


def _holds(settings: Event, place: Place) -> bool:
    inner: object = settings
    for key in place:
        if not isinstance(inner, dict) or key not in inner:
            return False
        inner = inner[key]
    return True


def folded(node: Event) -> dict[str, list[object]]:
    """Return what *node* holds by key in small letters: there are upstreams that read keys in any."""
    held: dict[str, list[object]] = {}
    for key, value in node.items():
        held.setdefault(key.casefold(), []).append(value)
    return held


def shown(name: object) -> str:
    """Quote what a client sent, but no more of it than identifies it."""
    return repr(name)[:64]
