"""What a client asked for, read from its upgrade request: from a URL and headers to one frozen value.

Rule: whatever two readers may read differently (a parameter given twice, a bad escape) is refused. Only what
is named here goes upstream; a header that is not named never does.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, cast, get_args
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from relay.core.dialects.dialect import ClientSpeech
from relay.core.refusals import Refusal, Refused
from relay.core.words import LATENCIES, Latency, Secret, SessionName

REALTIME: Final = (
    "/v1/realtime",
    "/realtime",
    "/openai/v1/realtime",
    "/openai/realtime",
)
"""Where a session may be opened: OpenAI's path, and what Azure's and older SDKs make of a base URL."""
TRANSLATIONS: Final = "/translations"
"""Ends the path of a session that translates speech."""
PATHS: Final = (*REALTIME, *(path + TRANSLATIONS for path in REALTIME))

SUBPROTOCOL: Final = "realtime"
KEY_PROTOCOL: Final = "openai-insecure-api-key."
BETA_PROTOCOL: Final = "openai-beta.realtime-v1"
BETA_VALUE: Final = "realtime=v1"
"""Of `OpenAI-Beta`. The header alone tells nothing: SDKs send `assistants=v2` in it."""
MODEL_NAME: Final = "[!-~]{1,128}"
"""What a model or a deployment may be called: printable ASCII without spaces, as one parameter."""
CLIENT_SECRET: Final = "ek_"  # noqa: S105 - a prefix
"""How a client secret begins, the API's own too: clients tell it from a key by that."""
MAX_PROTOCOLS: Final = 16
MAX_PROTOCOLS_BYTES: Final = 6 * 1024
"""Five entries are the most that any SDK offers; one of them holds a key, or a client secret of up to 4 KiB."""

_SAFETY: Final = "openai-safety-identifier"
MAX_SAFETY_IDENTIFIER: Final = 128
"""Characters. The API's documents have it as a hash of the end user; SHA-256 takes 64."""
_OURS: Final = frozenset({"relay_region", "relay_latency", "relay_session", "relay_dialect"})
_TAKEN: Final = frozenset({"model", "deployment", "intent", "call_id", "api-key", "api-version"})
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MODEL: Final = re.compile(MODEL_NAME)
_CALL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BEARER: Final = re.compile(r"(?i:bearer) +(\S+) *")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """One upgrade request, understood. Whether it may be granted is decided elsewhere."""

    key: Secret | None
    model: str | None
    transcription: bool
    call_id: str | None
    origin: str | None
    echo: str | None
    """The subprotocol to answer with: never the one that holds a key."""
    region: str | None
    latency: Latency
    name: SessionName | None
    query: tuple[tuple[str, str], ...]
    """Parameters that are neither the relay's nor taken apart above; they go upstream as they are."""
    speech: ClientSpeech = "ga"
    translation: bool = False
    """Whether it was asked for on the path of translation sessions."""
    safety_identifier: str | None = None
    """The `OpenAI-Safety-Identifier` that the client sent; the plan says whether it is believed."""

    @property
    def by_client_secret(self) -> bool:
        """Whether the key is a client secret: of a tenant's making, for one of its end users."""
        return self.key is not None and self.key.reveal().startswith(CLIENT_SECRET)

    def upstream_query(self, served: str | None) -> str:
        """Return the query to dial with, where the upstream knows the model as *served*."""
        first: list[tuple[str, str]] = []
        if self.call_id is not None:
            first.append(("call_id", self.call_id))
        if self.transcription:
            first.append(("intent", "transcription"))
        if served is not None:
            first.append(("model", served))
        return urlencode([*first, *self.query], quote_via=quote)


def in_band(headers: Iterable[tuple[str, str]], query: str) -> bool:
    """Tell whether a refusal has to go in-band: a browser is told no status (WHATWG WebSockets, 3.1)."""
    named = dict(headers)
    return "origin" in named or "api-key=" in query or KEY_PROTOCOL in named.get("sec-websocket-protocol", "")


def read(path: str, query: str, headers: Sequence[tuple[str, str]]) -> Hello | Refused:
    """Read an upgrade request to one of `PATHS`. Header names come in lower case, values undecoded Latin-1.

    Where the key is a client secret, `model` may be None though nothing else is asked for: the secret may
    hold one.
    """
    parameters = _parameters(query)
    if isinstance(parameters, Refused):
        return parameters
    asked = dict(parameters)
    named: dict[str, str] = {}
    for name, value in headers:
        if name in _LISTS and name in named:
            named[name] += f", {value}"  # RFC 6455, 11.3.4; RFC 9110, 5.3: may be split over several
        elif name in _SINGLE and name in named:
            return _bad(f"The header {name} stands twice.")
        else:
            named[name] = value
    offered = _offered(named.get("sec-websocket-protocol", ""))
    if isinstance(offered, Refused):
        return offered
    key = key_of(named, offered, asked)
    session = _session_of(asked, key)
    if isinstance(session, Refused):
        return session
    hints = _hints(asked, named)
    if isinstance(hints, Refused):
        return hints
    region, latency, name_hint, speech = hints
    model, transcription, call_id = session
    return Hello(
        key=key,
        model=model,
        transcription=transcription,
        call_id=call_id,
        origin=named.get("origin"),
        echo=_echo(offered),
        region=region,
        latency=latency,
        name=name_hint,
        query=tuple((name, value) for name, value in parameters if name not in _OURS | _TAKEN),
        speech=speech or _speech(path, asked, named, offered),
        translation=path.endswith(TRANSLATIONS),
        safety_identifier=_safety_identifier(named),
    )


_HINTS: Final = frozenset({"x-relay-region", "x-relay-latency", "x-relay-session", "x-relay-dialect"})
_SINGLE: Final = frozenset({"authorization", "api-key", "x-api-key", "origin", "host", _SAFETY}) | _HINTS
_LISTS: Final = frozenset({"sec-websocket-protocol", "openai-beta"})


def _bad(message: str, param: str | None = None, code: str | None = None) -> Refused:
    return Refused(Refusal.BAD_REQUEST, message, param=param, code=code)


def _parameters(query: str) -> list[tuple[str, str]] | Refused:
    try:
        parameters = parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError:
        return _bad("The query is not well formed.")
    if _BAD_ESCAPE.search(query):
        return _bad("The query is not well formed.")
    for name in sorted(_OURS | _TAKEN):
        given = [other for other, _ in parameters if other.lower() == name]
        if len(given) > 1:
            return _bad(f"The query gives {name} more than once.", name)
        if given not in ([], [name]):
            return _bad(f"The query's {name} is to be spelled like this, in lower case.", name)
    return parameters


NO_MODEL: Final = _bad(
    "You must provide a model parameter, for instance ?model=gpt-realtime-2.1.", "model", "missing_model"
)


def _offered(value: str) -> list[str] | Refused:
    offered = [entry for entry in (part.strip() for part in value.split(",")) if entry]
    if len(offered) > MAX_PROTOCOLS or len(value) > MAX_PROTOCOLS_BYTES:
        return _bad(
            f"At most {MAX_PROTOCOLS} subprotocols of {MAX_PROTOCOLS_BYTES} bytes in all may be offered."
        )
    return offered


def _session_of(asked: dict[str, str], key: Secret | None) -> tuple[str | None, bool, str | None] | Refused:
    """Return model, whether it is a transcription session, and call id: one of them at least is asked for."""
    model = asked.get("model") or asked.get("deployment") or None
    intent, call_id = asked.get("intent") or None, asked.get("call_id") or None
    if intent is not None and intent != "transcription":
        return _bad("The only intent is transcription.", "intent")
    if intent is not None and model is not None:
        return _bad(
            "You must not provide a model parameter for transcription sessions.", "model", "invalid_model"
        )
    by_secret = key is not None and key.reveal().startswith(CLIENT_SECRET)
    if model is None and intent is None and call_id is None and not by_secret:
        return NO_MODEL
    if model is not None and not _MODEL.fullmatch(model):
        return _bad("The model parameter is no model's name.", "model", "invalid_model")
    if call_id is not None and not _CALL.fullmatch(call_id):
        return _bad("The call_id parameter is no call's id.", "call_id")
    return model, intent is not None, call_id


def _hints(
    asked: dict[str, str], named: dict[str, str]
) -> tuple[str | None, Latency, SessionName | None, ClientSpeech | None] | Refused:
    """Return region, latency, session name and dialect: each from its header, or else from the query."""
    region = named.get("x-relay-region") or asked.get("relay_region") or None
    latency = named.get("x-relay-latency") or asked.get("relay_latency") or "balanced"
    name = named.get("x-relay-session") or asked.get("relay_session") or None
    speech = named.get("x-relay-dialect") or asked.get("relay_dialect") or None
    if latency not in LATENCIES:
        return _bad(f"relay_latency is one of {', '.join(LATENCIES)}.", "relay_latency")
    if speech is not None and speech not in get_args(ClientSpeech):
        return _bad(f"relay_dialect is one of {', '.join(get_args(ClientSpeech))}.", "relay_dialect")
    if name is not None and not _NAME.fullmatch(name):
        return _bad("relay_session is 1 to 64 letters, digits, dots, hyphens or underscores.", "relay_session")
    if region is not None and not _NAME.fullmatch(region):
        return _bad("relay_region is no region's name.", "relay_region")
    return (
        region,
        latency,
        SessionName(name) if name is not None else None,
        cast("ClientSpeech | None", speech),
    )


def _speech(path: str, asked: dict[str, str], named: dict[str, str], offered: list[str]) -> ClientSpeech:
    """Tell which protocol the client was written to: by header value, subprotocol, or Azure's preview path."""
    header = {entry.strip() for entry in named.get("openai-beta", "").split(",")}
    preview = path == "/openai/realtime" and asked.get("api-version", "").endswith("-preview")
    return "beta" if BETA_VALUE in header or BETA_PROTOCOL in offered or preview else "ga"


def _safety_identifier(named: dict[str, str]) -> str | None:
    identifier = named.get(_SAFETY)
    if identifier is None or len(identifier) > MAX_SAFETY_IDENTIFIER:
        return None
    return identifier if identifier.isascii() and identifier.isprintable() else None


def key_of(named: dict[str, str], offered: list[str], asked: dict[str, str]) -> Secret | None:
    """Return the key, from the first carrier that holds one: headers before subprotocol before query."""
    bearer = _BEARER.fullmatch(named.get("authorization", ""))
    if bearer is not None:
        return Secret(bearer[1])
    for name in ("api-key", "x-api-key"):
        if named.get(name):
            return Secret(named[name].strip())
    for entry in offered:
        if entry.startswith(KEY_PROTOCOL):
            return Secret(entry.removeprefix(KEY_PROTOCOL))
    return Secret(asked["api-key"]) if asked.get("api-key") else None


def _echo(offered: list[str]) -> str | None:
    # A client that offered protocols and is answered with none fails; one that is answered with a
    # protocol it did not offer fails as well.
    return SUBPROTOCOL if SUBPROTOCOL in offered else None
