"""The outcome of a call as one JSON object, for programs.

Rule: durations are in milliseconds and say so in their names; a key is never in it.
"""

from typing import Any

import msgspec

from relay.core.words import Seconds
from relay.voice import pcm
from relay.voice.outcome import Outcome
from relay.voice.turn import Reply


def as_json(outcome: Outcome) -> str:
    """Return *outcome* as JSON, two spaces deep."""
    connected, begun = outcome.connected, outcome.begun
    report = {
        "ok": outcome.failure is None,
        "url": outcome.url,
        "session": begun.session.id if begun is not None else None,
        "model": begun.session.model if begun is not None else None,
        "relay_session": connected.relay_session if connected is not None else None,
        "relay_region": connected.relay_region if connected is not None else None,
        "connect_ms": milliseconds(connected.at) if connected is not None else None,
        "session_created_ms": milliseconds(begun.at) if begun is not None else None,
        "turns": [_turn(reply) for reply in outcome.replies],
        "failure": outcome.failure,
    }
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def milliseconds(duration: Seconds | None) -> float | None:
    """Return *duration* in milliseconds, to a tenth: finer is noise."""
    return None if duration is None else round(duration * 1000, 1)


def _turn(reply: Reply) -> dict[str, Any]:
    def after(moment: Seconds | None) -> float | None:
        return None if moment is None else milliseconds(moment - reply.end_of_speech)

    return {
        "heard": reply.heard,
        "said": reply.said,
        "audio_seconds": round(pcm.seconds(reply.sound), 3),
        "end_of_speech_ms": milliseconds(reply.end_of_speech),
        "first_token_after_ms": after(reply.first_token),
        "first_audio_after_ms": after(reply.first_audio),
        "complete_after_ms": after(reply.complete),
        "tokens": reply.tokens,
    }
