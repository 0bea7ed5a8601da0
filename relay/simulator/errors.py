"""How an event is refused: the words, types and codes of the real API.

The rule: whoever finds something wrong raises `Refused`, and one place (the engine) turns it into an
`error` event. No client can make the simulator raise anything else.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec

Shaped = TypeVar("Shaped")
Json = dict[str, Any]


KINDS: Final = {
    "server_error": "server_error",
    "rate_limit_exceeded": "rate_limit_error",
    "inference_rate_limit_exceeded": "rate_limit_error",
    "insufficient_quota": "insufficient_quota",
}
"""`error.type` of the codes whose type is another than the usual."""


def kind_of(code: str) -> str:
    """Return the `error.type` that goes with an error's code."""
    return KINDS.get(code, "invalid_request_error")


class Refused(Exception):  # noqa: N818 - the word the project uses for saying no
    """An event that will not be carried out; the session lives on."""

    def __init__(
        self,
        code: str,
        message: str,
        param: str | None = None,
        *,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.kind = kind

    def body(self, event_id: str | None = None) -> Json:
        """Return the inner object of an `error` event, or of an HTTP error."""
        return {
            "type": self.kind,
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": event_id,
        }


def missing(param: str) -> Refused:
    """Return the refusal for a parameter that is not there."""
    return Refused("missing_required_parameter", f"Missing required parameter: '{param}'.", param)


def unknown(param: str) -> Refused:
    """Return the refusal for a parameter that nobody knows."""
    return Refused("unknown_parameter", f"Unknown parameter: '{param}'.", param)


def unsupported(value: object, supported: Sequence[str], param: str) -> Refused:
    """Return the refusal for a value outside a closed set."""
    listed = ", ".join(f"'{name}'" for name in supported)
    return Refused(
        "invalid_value",
        f"Invalid value: '{value}'. Supported values are: {listed}.",
        param,
    )


MAX_DEPTH: Final = 128
"""Objects and lists within each other: more than any schema needs, far from what breaks Python."""


def parsed(message: bytes) -> Any:  # noqa: ANN401 - a JSON value
    """Return the JSON value of *message*, or raise `Refused`."""
    try:
        value = msgspec.json.decode(message)
    except (msgspec.DecodeError, RecursionError):
        raise Refused("invalid_json", "The message could not be parsed as JSON.") from None
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return value
    raise Refused("invalid_json", f"The message is nested more than {MAX_DEPTH} levels deep.")


def event_of(message: bytes, *, text: bool) -> Json:
    """Return the event in *message*, or raise `Refused`; *text* says whether it came in a text frame."""
    if not text:
        raise Refused(
            "invalid_event",
            "Expected a text WebSocket message; binary frames are not supported.",
        )
    event = parsed(message)
    if not isinstance(event, dict):
        raise Refused("invalid_event", "Expected a JSON object.")
    return event


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


UNKNOWN_FIELD: Final = re.compile(r"Object contains unknown field `(.*)`$")
MISSING_FIELD: Final = re.compile(r"Object missing required field `(.*)`$")
ENUM_VALUE: Final = re.compile(r"Invalid (?:enum )?value (.*)$")
BOUND: Final = re.compile(r"Expected `(\w+)` (>=|<=) (\S+)$")
LENGTH: Final = re.compile(r"Expected `(\w+)` of length (>=|<=) (\d+)$")
TYPES: Final = re.compile(r"Expected `(.*)`, got `(.*)`$")
PLACE: Final = re.compile(r"(.*) - at `\$(.*)`$", re.DOTALL)
NAMES: Final = {
    "int": "integer",
    "float": "decimal",
    "str": "string",
    "bool": "boolean",
    "null": "null",
}
"""msgspec's words for types, in the API's."""


def checked(payload: object, shape: type[Shaped], within: str = "") -> Shaped:
    """Return *payload* as *shape*, or raise `Refused` as the API would put it.

    *within* is where the payload stood in its event, for instance `session`.
    """
    try:
        return msgspec.convert(payload, shape)
    except msgspec.ValidationError as error:
        raise _translated(str(error), within) from None


def _translated(sentence: str, within: str) -> Refused:
    """Turn msgspec's sentence about a value into the API's."""
    placed = PLACE.match(sentence)
    what, path = (placed[1], placed[2]) if placed else (sentence, "")
    path = path.replace("[...]", "").removeprefix(".")
    at = ".".join(part for part in (within, path) if part)

    def below(name: str) -> str:
        return f"{at}.{name}" if at else name

    if found := UNKNOWN_FIELD.match(what):
        return unknown(below(found[1]))
    if found := MISSING_FIELD.match(what):
        return missing(below(found[1]))
    if found := ENUM_VALUE.match(what):
        return Refused("invalid_value", f"Invalid value: {found[1]} for '{at}'.", at)
    if found := BOUND.match(what):
        name = NAMES.get(found[1], found[1])
        side = "below_min" if found[2] == ">=" else "above_max"
        return Refused(
            f"{name}_{side}_value",
            f"Invalid '{at}': {name} {side.replace('_', ' ')}imum value. "
            f"Expected a value {found[2]} {found[3]}.",
            at,
        )
    if found := LENGTH.match(what):
        name = NAMES.get(found[1], found[1])
        side = "below_min" if found[2] == ">=" else "above_max"
        return Refused(
            f"{name}_{side}_length",
            f"Invalid '{at}': {name} too {'short' if found[2] == '>=' else 'long'}. "
            f"Expected {name} with {'minimum' if found[2] == '>=' else 'maximum'} length {found[3]}.",
            at,
        )
    if found := TYPES.match(what):
        wanted = " or ".join(NAMES.get(name, name) for name in found[1].split(" | "))
        got = NAMES.get(found[2], found[2])
        return Refused(
            "invalid_type",
            f"Invalid type for '{at}': expected {wanted}, but got {got} instead.",
            at or None,
        )
    return Refused("invalid_value", f"Invalid value for '{at}': {what}.", at or None)
