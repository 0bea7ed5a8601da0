"""Who comes in: what an upgrade request asks for, and how the real API refuses it.

The rule: pure. A refusal is told after the 101, as the real one does it: an `error` event and a
close code of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from relay.simulator.errors import Json, Refused
from relay.simulator.settings import TRANSLATION_MODELS, SimulatorSettings

KEY_PROTOCOL: Final = "openai-insecure-api-key."
BETA_PROTOCOL: Final = "openai-beta.realtime-v1"
BETA_HEADER: Final = "realtime=v1"
BAD_KEY_CLOSE: Final = 3000
BAD_START_CLOSE: Final = 4000
SHOWN: Final = 4
"""Characters of a refused key that its message repeats at either end."""

Values = Mapping[str, Sequence[str]]
NOTHING: Final[Values] = {}


@dataclass(frozen=True, slots=True)
class Secret:
    """A client secret that was handed out."""

    expires_at: float
    session: Json
    """The session it carries: what the client need not say again."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A session may begin."""

    kind: str
    """`realtime`, `transcription` or `translation`."""
    model: str
    sideband: bool
    session: Json
    """A session.update to begin with; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """No session begins: an error event, then a close."""

    refusal: Refused
    close_code: int

    @property
    def close_reason(self) -> str:
        """Return the reason as the real API writes it."""
        return f"{self.refusal.kind}.{self.refusal.code}"


def key_of(headers: Values, subprotocols: Sequence[str], query: Values = NOTHING) -> str:
    """Return the key from whichever place it was carried in; empty if there is none.

    Azure alone takes it in the *query*.
    """
    scheme, _, token = _first(headers, "authorization").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if key := _first(headers, "api-key") or _first(query, "api-key"):
        return key
    offered = (name for name in subprotocols if name.startswith(KEY_PROTOCOL))
    return next(offered, "").removeprefix(KEY_PROTOCOL)


def key_is_good(key: str, settings: SimulatorSettings, secrets: Mapping[str, Secret], now: float) -> bool:
    """Say whether *key* opens anything at *now* (Unix time)."""
    if (secret := secrets.get(key)) is not None:
        return now < secret.expires_at
    if key.startswith("ek_"):
        return False
    if settings.keys:
        return key in settings.keys
    return bool(key) and "invalid" not in key


def bad_key(key: str) -> Refused:
    """Return the refusal of *key*, which it shows no more of than the real one does."""
    if not key:
        words = "You didn't provide an API key."
    else:
        starred = "*" * max(len(key) - 2 * SHOWN, SHOWN)
        ends = (key[:SHOWN], key[-SHOWN:]) if len(key) > 2 * SHOWN else ("", "")
        words = f"Incorrect API key provided: {ends[0]}{starred}{ends[1]}."
    return Refused("invalid_api_key", words)


def admit(
    query: Values,
    headers: Values,
    subprotocols: Sequence[str],
    settings: SimulatorSettings,
    secrets: Mapping[str, Secret],
    now: float,
    *,
    translation: bool = False,
) -> Admitted | Rejected:
    """Decide about an upgrade request at *now* (Unix time). Header names are lower-case.

    *translation*: it came to the path of translation sessions.
    """
    beta = any(BETA_HEADER in value for value in headers.get("openai-beta", ()))
    if beta or BETA_PROTOCOL in subprotocols:
        return _bad_start(
            "beta_api_shape_disabled",
            "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.",
        )
    key = key_of(headers, subprotocols, query if settings.azure else {})
    if not key_is_good(key, settings, secrets, now):
        return Rejected(bad_key(key), BAD_KEY_CLOSE)
    secret = secrets.get(key)
    carried: Json = secret.session if secret is not None else {}
    model = _first(query, "model") or carried.get("model") or ""
    if translation:
        return _translation(model, carried, settings)
    intent = _first(query, "intent")
    sideband = bool(_first(query, "call_id"))
    if intent == "transcription" or (carried.get("type") == "transcription" and not model):
        if _first(query, "model"):
            return _bad_start(
                "invalid_model",
                "You must not provide a model parameter for transcription sessions.",
            )
        own = carried if carried.get("type") == "transcription" else {}
        return Admitted("transcription", "", sideband=False, session=own)
    if sideband:
        return Admitted("realtime", model or settings.models[0], sideband=True, session={})
    if not model:
        return _bad_start("missing_model", "You must provide a model parameter.")
    if model not in settings.models or model in TRANSLATION_MODELS:
        return _bad_start("invalid_model", f'Model "{model}" is not supported in realtime mode.')
    own = {name: value for name, value in carried.items() if name != "model"}
    if carried.get("type") != "realtime":
        own = {}
    return Admitted("realtime", model, sideband=False, session=own)


def _translation(model: str, carried: Json, settings: SimulatorSettings) -> Admitted | Rejected:
    if not model:
        return _bad_start("missing_model", "You must provide a model parameter.")
    if model not in settings.models or model not in TRANSLATION_MODELS:
        return _bad_start("invalid_model", f'Model "{model}" is not supported in translation mode.')
    own = carried if carried.get("type") == "translation" else {}
    session = {name: value for name, value in own.items() if name != "model"}
    return Admitted("translation", model, sideband=False, session=session)


def _bad_start(code: str, message: str) -> Rejected:
    return Rejected(Refused(code, message), BAD_START_CLOSE)


def _first(values: Values, name: str) -> str:
    return next(iter(values.get(name, ())), "")
