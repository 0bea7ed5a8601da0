"""Requests to mint a client secret, read: from a body to one frozen wish, or a refusal that names the field.

The bodies are those of the API, four forms of them. The relay's own wishes stand in one field more, `relay`,
which is never echoed: `{"origin": "https://…", "locked": true | [names], "max_uses": n}`.

Rule: a body is read whole and strictly; what is not understood is refused by name, and nothing that a server
asked for is left out in silence. Only what a session's settings hold beyond what is known here passes as it is:
the upstream judges it when the session starts.
"""

from collections.abc import Iterator
from typing import Any, Final, assert_never, cast

from relay.core import latency, origins, session_shapes
from relay.core.client_secrets import LOCKS, Form, Wish
from relay.core.dialects import beta_session
from relay.core.events import table
from relay.core.origins import NoOrigin
from relay.core.refusals import Refusal, Refused
from relay.core.strict import Event, LooseJsonError, read_strictly

SHORTEST: Final = 10
LONGEST: Final = 7200
"""Seconds that a secret may hold: the API's own bounds."""
MOST_USES: Final = 1_000_000
"""A bound for the counter, beyond what any plan's rate of starts lets a secret open in two hours."""
LONGEST_ORIGIN: Final = 300
"""Characters of `relay.origin`: a host name has 253 at most."""
_SHOWN: Final = 64
"""Characters of what a client sent that a message repeats."""


def read(body: bytes, form: Form) -> Wish | Refused:
    """Read the body of a request to *form*'s path. An empty one counts as an empty object."""
    try:
        asked = read_strictly(body.decode() or "{}")
    except UnicodeDecodeError:
        return Refused(Refusal.INVALID_JSON, "The body is not UTF-8.")
    except LooseJsonError as error:
        return Refused(Refusal.INVALID_JSON, f"The body is no strict JSON: {error}.")
    hinted = latency.take(asked)
    if isinstance(hinted, Refused):
        return hinted
    asked, hint = hinted or (asked, None)
    try:
        wishes = _relay(asked.get("relay"))
        seconds, session = _seconds(asked, form), _session(asked, form)
        if form.beta and beta_session.is_temperature(asked.get("temperature")):
            wishes["temperature"] = asked["temperature"]
        _check_lock(asked, session)
        return Wish(form=form, seconds=seconds, session=session, latency=hint, **wishes)
    except _WrongError as error:
        return error.refused


class _WrongError(Exception):
    """Leaves the reading of a body at once; caught in `read`, and nowhere else."""

    def __init__(self, code: str, message: str, param: str) -> None:
        self.refused = Refused(Refusal.BAD_REQUEST, message, param=param, code=code)


def _unknown(name: str, at: str = "") -> _WrongError:
    param = f"{at}{name[:_SHOWN]}"
    return _WrongError("unknown_parameter", f"Unknown parameter: '{param}'.", param)


def _missing(param: str) -> _WrongError:
    return _WrongError("missing_required_parameter", f"Missing required parameter: '{param}'.", param)


def _table(value: Any, param: str) -> Event:  # noqa: ANN401 - whatever was sent
    if not isinstance(value, dict):
        raise _WrongError("invalid_type", f"Invalid type for '{param}': expected an object.", param)
    return cast("Event", value)


def _only(table: Event, known: frozenset[str], at: str = "") -> None:
    for name in table:
        if name not in known:
            raise _unknown(name, at)


def _whole(value: Any, param: str, least: int, most: int) -> int:  # noqa: ANN401 - whatever was sent
    if not isinstance(value, int) or isinstance(value, bool):
        raise _WrongError("invalid_type", f"Invalid type for '{param}': expected an integer.", param)
    if value < least:
        raise _WrongError(
            "integer_below_min_value", f"'{param}' is at least {least}, and {_cut(value)} is less.", param
        )
    if value > most:
        raise _WrongError(
            "integer_above_max_value", f"'{param}' is at most {most}, and {_cut(value)} is more.", param
        )
    return value


def _cut(value: object) -> str:
    return str(value)[:_SHOWN]


_EXPIRY: Final = frozenset({"anchor", "seconds"})


def _seconds(asked: Event, form: Form) -> int:
    outer, param = asked, form.expiry[0]
    if len(form.expiry) > 1:
        if asked.get(param) is None:
            return form.seconds
        outer = _table(asked[param], param)
        _only(outer, frozenset(form.expiry[1:]), f"{param}.")
        param = ".".join(form.expiry)
    said = outer.get(form.expiry[-1])
    if said is None:
        return form.seconds
    expiry = _table(said, param)
    _only(expiry, _EXPIRY, f"{param}.")
    if "anchor" not in expiry:
        raise _missing(f"{param}.anchor")
    if expiry["anchor"] != "created_at":
        raise _WrongError(
            "invalid_value", f"'{param}.anchor' is 'created_at': there is no other.", f"{param}.anchor"
        )
    seconds = expiry.get("seconds")
    return form.seconds if seconds is None else _whole(seconds, f"{param}.seconds", SHORTEST, LONGEST)


_WISHES: Final = frozenset({"origin", "locked", "max_uses"})


def _relay(said: Any) -> Event:  # noqa: ANN401 - whatever was sent
    """Return the relay's own wishes as fields of `Wish`."""
    if said is None:
        return {}
    asked = _table(said, "relay")
    _only(asked, _WISHES, "relay.")
    uses = asked.get("max_uses")
    return {
        "origin": _origin(asked.get("origin")),
        "locked": frozenset(_locked(asked.get("locked"))),
        "max_uses": None if uses is None else _whole(uses, "relay.max_uses", 1, MOST_USES),
    }


def _origin(said: Any) -> str | None:  # noqa: ANN401 - whatever was sent
    if said is None:
        return None
    fits = isinstance(said, str) and len(said) <= LONGEST_ORIGIN
    origin = origins.read(said) if fits else NoOrigin()
    if isinstance(origin, NoOrigin):
        hint = f"; {origin.hint}" if origin.hint else ""
        raise _WrongError(
            "invalid_value",
            f"'relay.origin' is one web origin, such as https://app.example{hint}.",
            "relay.origin",
        )
    return origin


def _check_lock(asked: Event, session: Event | None) -> None:
    """A model can be locked by name only where there is one; `true` locks what there is to lock."""
    named = table(asked, "relay").get("locked")
    if isinstance(named, list) and "model" in named and not (session or {}).get("model"):
        raise _WrongError(
            "invalid_value", "'relay.locked' names 'model', and the session names none.", "relay.locked"
        )


def _locked(said: Any) -> Iterator[str]:  # noqa: ANN401 - whatever was sent
    if said is True:
        yield from LOCKS
        return
    if said is not None and said is not False and not isinstance(said, list):
        raise _WrongError("invalid_type", "'relay.locked' is true or a list of fields' names.", "relay.locked")
    for index, name in enumerate(said or ()):
        if not isinstance(name, str) or name not in LOCKS:
            raise _WrongError(
                "invalid_value",
                f"'relay.locked[{index}]' is none of the fields that can be locked: {', '.join(LOCKS)}.",
                f"relay.locked[{index}]",
            )
        yield name


# --- the session in it ----------------------------------------------------------------------------

_TOP: Final = frozenset({"expires_after", "session", "relay"})
_TYPES: Final = ("realtime", "transcription")
_SERVERS: Final = frozenset({"id", "object", "expires_at", "client_secret"})
"""What the API says of a session and nobody else."""


def _session(asked: Event, form: Form) -> Event | None:
    """Return the session in GA terms, its shape checked."""
    match form:
        case Form.BETA_SESSION | Form.BETA_TRANSCRIPTION:
            return _flat(asked, form)
        case Form.TRANSLATION:
            _only(asked, _TOP)
            if asked.get("session") is None:
                raise _missing("session")
            given = _settable(asked["session"])
            if given.get("type", "translation") != "translation":
                raise _WrongError("invalid_value", "A translation's session has no other type.", "session.type")
            return _shaped({**given, "type": "translation"}, form)
        case Form.SECRET:
            _only(asked, _TOP)
            return None if asked.get("session") is None else _nested(_settable(asked["session"]))
        case _:
            assert_never(form)


def _settable(said: Any) -> Event:  # noqa: ANN401 - whatever was sent
    session = _table(said, "session")
    for name in sorted(_SERVERS & session.keys()):
        raise _unknown(name, "session.")
    return session


def _nested(session: Event) -> Event:
    if "type" not in session:
        raise _missing("session.type")
    if session["type"] not in _TYPES:
        raise _WrongError("invalid_value", "'session.type' is 'realtime' or 'transcription'.", "session.type")
    for name in session:
        if name == "temperature":
            raise _WrongError(
                "unknown_parameter",
                "Unknown parameter: 'session.temperature'. The API of today has none: leave it out.",
                "session.temperature",
            )
        if name in session_shapes.FLAT:
            raise _WrongError(
                "unknown_parameter",
                f"Unknown parameter: 'session.{name}'. It is 'session.{session_shapes.FLAT[name]}' here.",
                f"session.{name}",
            )
    return _shaped(session, Form.SECRET)


def _flat(asked: Event, form: Form) -> Event:
    flat = {name: value for name, value in asked.items() if name not in {"client_secret", "relay"}}
    session = beta_session.session_to_ga(flat, transcription=form is Form.BETA_TRANSCRIPTION, path="")
    if isinstance(session, Refused):
        raise _WrongError("invalid_value", session.message, session.param or "")
    if session["type"] not in _TYPES:
        raise _unknown("type")
    return _shaped(session, form)


def _shaped(session: Event, form: Form) -> Event:
    fault = session_shapes.fault(session, form.param)
    if fault is not None:
        raise _WrongError(*fault)
    return session
