"""The values of single settings: formats, voices, modalities, turn detection, tools; to GA and back.

Rule: what stands in an event may be anything. What a function here does not know it returns as it came, the
very object, so that whoever reads it next can name what is wrong with it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from relay.core.dialects.beta_items import each
from relay.core.strict import Event

_FORMATS: Final[Mapping[str, Event]] = {
    "pcm16": {"type": "audio/pcm", "rate": 24_000},
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
"""What the beta calls them, and GA."""

_OTHER_FORMATS: Final[Mapping[str, Event]] = {ga["type"]: ga for ga in _FORMATS.values()}
"""GA's own names in a place of the beta's: people mix them."""

_PCM_AT: Final = re.compile(r"(?:pcm16|pcm|audio/pcm)(?:[_-]|; ?rate=)(\d{4,6})(?:hz)?", re.ASCII)
"""Names of makes beside the beta which tell a rate: `pcm16_16000`, `pcm_16000`, `pcm16-16000hz`."""

_RATES: Final = ("rate", "sample_rate", "sample_rate_hz", "sampling_rate")
"""What a format that is written as an object calls its rate; GA says the first."""

_G711_RATE: Final = 8_000
"""The only one there is (RFC 3551, 4.5.14), so GA has no field for it."""

_FIRST_TRANSCRIBER: Final = "whisper-1"
"""The only one there was when a transcription was a flag."""

_CUSTOM_VOICE: Final = "voice_"
"""How the id of a voice of one's own begins. GA wants such an id in an object, the beta knows names only."""


def format_to_ga(value: object) -> object:
    """Return an audio format: a name, or an object. A rate that is told is kept, whether or not GA takes it."""
    if isinstance(value, str):
        known = _format_named(value)
        return value if known is None else known
    if not isinstance(value, dict) or not isinstance(name := value.get("type"), str):
        return value
    told = {field: value[field] for field in _RATES if field in value}
    if name in _OTHER_FORMATS and told.keys() <= {"rate"}:
        return value
    known = _format_named(name)
    rates = [known["rate"]] if known and _PCM_AT.fullmatch(name) else []
    rates += told.values()
    if known is None or any(rate != rates[0] for rate in rates):
        return value
    if known["type"] != "audio/pcm":
        rates = [rate for rate in rates if rate != _G711_RATE]
    rest = {field: inner for field, inner in value.items() if field not in told}
    return {**rest, **known, **({"rate": rates[0]} if rates else {})}


def _format_named(name: str) -> Event | None:
    known = _FORMATS.get(name) or _OTHER_FORMATS.get(name)
    if known is not None:
        return dict(known)
    told = _PCM_AT.fullmatch(name)
    return None if told is None else {"type": "audio/pcm", "rate": int(told[1])}


def format_from_ga(value: object) -> object:
    """Return an audio format by its name in the beta."""
    if value == {"type": "audio/pcm"}:
        return "pcm16"  # there is no other rate
    return next((name for name, ga in _FORMATS.items() if value == ga), value)


def modalities_to_ga(value: object) -> object:
    """Return what a model may answer with. In the beta speech goes with its text; in GA that is understood."""
    if not isinstance(value, list) or not value or any(one not in ("text", "audio") for one in value):
        return value
    return ["audio"] if "audio" in value else ["text"]


def modalities_from_ga(value: object) -> object:
    """Return what a model may answer with."""
    return ["text", "audio"] if value == ["audio"] else value


def voice_to_ga(value: object) -> object:
    """Return a voice: GA's own by name, one of the customer's by an object with its id."""
    return {"id": value} if isinstance(value, str) and value.startswith(_CUSTOM_VOICE) else value


def voice_from_ga(value: object) -> object:
    """Return a voice by its name."""
    match value:
        case {"id": str(name), **rest} if name.startswith(_CUSTOM_VOICE) and not rest:
            return name
        case _:
            return value


def detection_to_ga(value: object) -> object:
    """Return a turn detection. The oldest clients turn it off by a type, and leave the only other type out."""
    match value:
        case {"type": "none"}:
            return None
        case dict() if "type" not in value:
            return {"type": "server_vad", **value}
        case _:
            return value


def transcription_to_ga(value: object) -> object:
    """Return a transcription's settings. The oldest clients turned it on and off by a flag of its own."""
    match value:
        case {"enabled": False}:
            return None
        case {"enabled": True, **rest}:
            return {"model": _FIRST_TRANSCRIBER, **rest}
        case _:
            return value


def tools_to_ga(value: object) -> object:
    """Return a list of tools."""
    return each(tool_to_ga, value)


def tool_to_ga(value: object) -> object:
    """Return a tool, or the choice of one, flat where it is written as the Chat API's: inside of `function`."""
    match value:
        case {"function": dict() as inner, **outer} if outer.get("type", "function") == "function":
            said_otherwise = any(outer.get(name, given) != given for name, given in inner.items())
            return value if said_otherwise or "function" in inner else _typed({**outer, **inner})
        case dict():
            return _typed(value)
        case _:
            return value


def _typed(tool: Mapping[Any, Any]) -> object:
    """Return a tool with its type, which the oldest clients left out: there was but one."""
    return tool if "type" in tool or "name" not in tool else {"type": "function", **tool}


def without_nulls(*names: str) -> Callable[[object], object]:
    """Return what leaves the fields *names*, of which the beta has none, out of an object where they are null.

    Any other value stays: a client that sends back what it was shown would take it away.
    """

    def shown(value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: inner for name, inner in value.items() if inner is not None or name not in names}

    return shown
