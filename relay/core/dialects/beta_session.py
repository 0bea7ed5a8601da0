"""The settings of a session and of a response: flat in the beta, nested in GA.

A table for each place in which settings stand; a row tells the beta's name of a setting, where GA has it, and
how its value is put into either language. The tables are read in both directions, and for the names in errors.

Rule: what no row names is passed on under the name it has. A setting that an event gives under both names, with
different values, is refused: of two readings none is guessed.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeGuard

import msgspec

from relay.core.dialects import beta_values as values
from relay.core.dialects.beta_items import items_from_ga, items_to_ga
from relay.core.refusals import Refusal, Refused
from relay.core.strict import Event

DEFAULT_TEMPERATURE: Final = 0.8
"""What the beta had where nobody chose one. GA has none to choose."""


def _same(value: object) -> object:
    return value


class Row(msgspec.Struct, frozen=True):
    """One setting: the beta's name, GA's place, and the value in either language."""

    name: str
    place: tuple[str, ...]
    to_ga: Callable[[object], object] = _same
    from_ga: Callable[[object], object] = _same
    plain: bool = False
    """The beta's value is a mere name, so an error about a part of GA's value is about all of it."""


_INPUT: Final = ("audio", "input")
_OUTPUT: Final = ("audio", "output")

_MODALITIES: Final = Row(
    "modalities", ("output_modalities",), values.modalities_to_ga, values.modalities_from_ga
)
_VOICE: Final = Row("voice", (*_OUTPUT, "voice"), values.voice_to_ga, values.voice_from_ga, plain=True)
_SPOKEN: Final = Row(
    "output_audio_format", (*_OUTPUT, "format"), values.format_to_ga, values.format_from_ga, plain=True
)
_MAX_TOKENS: Final = Row("max_response_output_tokens", ("max_output_tokens",))
_TOOLS: Final = Row("tools", ("tools",), values.tools_to_ga)
_TOOL_CHOICE: Final = Row("tool_choice", ("tool_choice",), values.tool_to_ga)

SESSION: Final = (
    _MODALITIES,
    _VOICE,
    Row("speed", (*_OUTPUT, "speed")),
    _SPOKEN,
    Row("input_audio_format", (*_INPUT, "format"), values.format_to_ga, values.format_from_ga, plain=True),
    Row(
        "input_audio_transcription",
        (*_INPUT, "transcription"),
        values.transcription_to_ga,
        values.without_nulls("delay", "keywords", "languages"),
    ),
    Row(
        "input_audio_noise_reduction",
        (*_INPUT, "noise_reduction"),
        from_ga=values.without_nulls("strength"),
    ),
    Row(
        "turn_detection",
        (*_INPUT, "turn_detection"),
        values.detection_to_ga,
        values.without_nulls("idle_timeout_ms"),
    ),
    _MAX_TOKENS,
    _TOOLS,
    _TOOL_CHOICE,
)
"""`session` of session.update and transcription_session.update, and of what answers them."""

ASKED: Final = (
    _MODALITIES,
    _VOICE,
    _SPOKEN,
    _MAX_TOKENS,
    _TOOLS,
    _TOOL_CHOICE,
    Row("input", ("input",), items_to_ga),
)
"""`response` of response.create."""

SHOWN: Final = (_MODALITIES, _VOICE, _SPOKEN, Row("output", ("output",), from_ga=items_from_ga))
"""`response` of response.created and response.done. Of what it may cost, both speak as `max_output_tokens`."""

_SERVER_SET: Final = frozenset({"id", "object", "expires_at", "client_secret"})
"""Fields of a session that a server sets and clients send back: the beta ignored them, GA refuses them."""

_UNKNOWN_TO_BETA: Final = frozenset({"type", "parallel_tool_calls", "reasoning", "truncation"})
"""Settings of a session in GA. An update that leaves them out leaves them as they are."""


def session_to_ga(session: Event, *, transcription: bool, path: str = "session") -> Event | Refused:
    """Return the settings of a beta session in GA terms, with `type`; the same object if they are so already.

    *path* is where *session* stands, for the `param` of a refusal; empty if it is all there is.
    """
    left_out = _SERVER_SET | {"modalities"} if transcription else _SERVER_SET  # those sessions answer nothing
    ga = _to_ga(session, SESSION, left_out, path)
    if isinstance(ga, Refused):
        return ga
    if transcription and ga.get("type", "transcription") != "transcription":
        return _refused(
            path, "type", "These are the settings of a transcription session, and their type is another."
        )
    typed = {"type": "transcription" if transcription else "realtime", **ga}
    return session if typed == session else typed


def session_from_ga(session: Event, *, transcription: bool, temperature: float = DEFAULT_TEMPERATURE) -> Event:
    """Return a GA session as the beta showed one; `client_secret` is for whoever has one to put in."""
    flat = _from_ga(session, SESSION)
    shown = {name: value for name, value in flat.items() if name not in _UNKNOWN_TO_BETA}
    if transcription:
        return {**shown, "object": "realtime.transcription_session"}
    return {**shown, "object": "realtime.session", "temperature": temperature}


def response_to_ga(response: Event) -> Event | Refused:
    """Return what a response.create asks for in GA terms; the same object if it is so already."""
    ga = _to_ga(response, ASKED, frozenset(), "response")
    return response if ga == response else ga


def response_from_ga(response: Event, temperature: float) -> Event:
    """Return a GA response as the beta showed one."""
    return {**_from_ga(response, SHOWN), "temperature": temperature}


def is_temperature(value: object) -> TypeGuard[float]:
    """Tell whether *value* is one. What is none is the upstream's to refuse."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _to_ga(settings: Event, rows: tuple[Row, ...], left_out: frozenset[str], path: str) -> Event | Refused:
    named = {row.name for row in rows}
    ga = {
        name: value
        for name, value in settings.items()
        if name not in named and name not in left_out and not _without_effect(name, value)
    }
    for row in rows:
        if row.name in settings and row.name not in left_out:
            placed = _placed(ga, row.place, row.to_ga(settings[row.name]))
            if placed is None:
                other = ".".join(row.place)
                words = f"{row.name!r} and {other!r} say different things of one setting. Send one of them."
                return _refused(path, row.name, words)
            ga = placed
    return ga


def _without_effect(name: str, value: object) -> bool:
    return name == "temperature" and (value is None or is_temperature(value))


def _refused(path: str, name: str, words: str) -> Refused:
    return Refused(Refusal.INVALID_EVENT, words, param=f"{path}.{name}" if path else name)


def _placed(settings: Event, place: tuple[str, ...], value: object) -> Event | None:
    """Return *settings* with *value* at *place*; None if something else stands there."""
    name, *inner = place
    if inner:
        old = settings.get(name, {})
        value = _placed(old, tuple(inner), value) if isinstance(old, dict) else None
        return None if value is None else {**settings, name: value}
    return None if settings.get(name, value) != value else {**settings, name: value}


def _from_ga(settings: Event, rows: tuple[Row, ...]) -> Event:
    rest, flat = settings, {}
    for row in rows:
        at = settings
        for name in row.place[:-1]:
            inner = at.get(name)
            at = inner if isinstance(inner, dict) else {}
        if row.place[-1] in at:
            flat[row.name] = row.from_ga(at[row.place[-1]])
            rest = _without(rest, row.place)
    return {**rest, **flat}


def _without(settings: Event, place: tuple[str, ...]) -> Event:
    """Return *settings* without what stands at *place*, and without the objects that this leaves empty."""
    name, *inner = place
    left = _without(settings[name], tuple(inner)) if inner else {}
    return {**settings, name: left} if left else {key: settings[key] for key in settings if key != name}


def _names() -> Iterator[tuple[str, tuple[str, bool]]]:
    for path, rows in (("session", SESSION), ("response", ASKED)):
        for row in rows:
            yield ".".join((path, *row.place)), (f"{path}.{row.name}", row.plain)


_NAMES: Final[Mapping[str, tuple[str, bool]]] = dict(_names())


def param_from_ga(path: str) -> str:
    """Return what a beta client calls the field at *path* of a GA event: `session.audio.output.voice`."""
    for place, (name, plain) in _NAMES.items():
        rest = path.removeprefix(place)
        if path.startswith(place) and rest[:1] in {"", ".", "["}:
            return name if plain else name + rest
    return path
