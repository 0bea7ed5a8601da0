"""Client secrets: what one that is asked for shall do, what one that was minted grants, and what is answered.

A client secret is what an application's server gets from the relay and gives to a browser in place of its key:
for minutes it starts sessions, with the settings that the server chose. Four paths mint them, each in the
shapes of the API that it is taken from.

    body -> (minting.read) -> Wish -> (key, policy, model: the edge asks) -> Grant -> sealed -> answer

Rule: a grant holds all that is needed to start a session, and nothing that its bearer could not be held to.
"""

from enum import Enum
from typing import Final

import msgspec

from relay.core import session_defaults
from relay.core.dialects import beta_session
from relay.core.refusals import Refusal, Refused
from relay.core.rules import LOCKABLE
from relay.core.strict import Event
from relay.core.words import Latency, TenantId, UnixSeconds

LOCKS: Final = (*LOCKABLE, "model")
"""What a secret may forbid to choose: settings, and the model where its session names one."""


class Form(Enum):
    """One path that mints. A row: path · seconds that a secret holds by default · where a body says them."""

    SECRET = ("client_secrets", 600, ("expires_after",))
    BETA_SESSION = ("sessions", 60, ("client_secret", "expires_after"))
    BETA_TRANSCRIPTION = ("transcription_sessions", 60, ("client_secret", "expires_at"))
    TRANSLATION = ("translations/client_secrets", 600, ("expires_after",))

    def __init__(self, path: str, seconds: int, expiry: tuple[str, ...]) -> None:
        self.path = path
        self.seconds = seconds
        self.expiry = expiry

    @property
    def beta(self) -> bool:
        """Whether its client speaks the beta's language: the settings stand flat in the body."""
        return self in {Form.BETA_SESSION, Form.BETA_TRANSCRIPTION}

    def param(self, path: str) -> str:
        """Return what a body of this form calls the field that is at *path* in GA terms: `session.model`."""
        return beta_session.param_from_ga(path).removeprefix("session.") if self.beta else path


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a request to mint asks for, understood. Whether it may have it is decided elsewhere."""

    form: Form
    seconds: int
    session: Event | None
    """In GA terms, with its `type`: realtime, transcription or translation. None: nothing was said."""
    origin: str | None = None
    locked: frozenset[str] = frozenset()
    """Names out of `LOCKS`."""
    max_uses: int | None = None
    temperature: float | None = None
    """What a beta client chose, to be shown again: GA has none."""
    latency: Latency | None = None

    @property
    def transcription(self) -> bool:
        """Whether its sessions only write down what they hear."""
        return self.session is not None and self.session["type"] == "transcription"

    @property
    def model(self) -> str | None:
        """The model that the session names."""
        return None if self.session is None else self.session.get("model")


class Grant(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a client secret lets its bearer do. Sealed as an array: names would be a third of a small one."""

    id: str
    """Random, base62."""
    tenant: TenantId
    key_id: str
    """The tenant's key that minted it: a secret is worth nothing once that key is gone."""
    expires_at: int
    """Unix seconds: until then it starts sessions. One that was started lives on."""
    session: Event | None = None
    """The settings that its sessions start with, in GA terms, with `type`. None: the API's own."""
    origin: str | None = None
    """The one web origin that may use it, in small letters. None: those of the tenant's."""
    locked: frozenset[str] = frozenset()
    beta: bool = False
    """Whether it was minted for a client that speaks the beta's language."""
    max_uses: int | None = None
    """How many sessions it may start. None: as many as the plan lets."""
    temperature: float | None = None
    """What a beta client is shown as its own: GA has none."""
    latency: Latency | None = None
    """How patient its bearers are, where they do not say so themselves."""
    stored: bool = False
    """Whether `session` was too large to travel along, and is to be looked up by `id`."""

    def expired(self, now: UnixSeconds) -> bool:
        """Tell whether it starts no more sessions."""
        return now >= self.expires_at

    def origin_refusal(self, origin: str | None) -> Refused | None:
        """Say why a request from *origin* (its header, None if it had none) may not use this secret."""
        if self.origin is None or (origin is not None and origin.lower() == self.origin):
            return None
        return Refused(
            Refusal.NOT_ALLOWED,
            f"This client secret is for {self.origin} alone.",
            param="origin",
        )


def answer(wish: Wish, value: str, expires_at: int, session: Event | None, session_id: str) -> Event:
    """Return the body that answers *wish*: the secret, and *session* with the API's defaults filled in.

    *session* is the wish's own, or what a policy made of it.
    """
    whole = session_defaults.effective(session, session_id)
    if not wish.form.beta:
        return {"value": value, "expires_at": expires_at, "session": whole}
    temperature = beta_session.DEFAULT_TEMPERATURE if wish.temperature is None else wish.temperature
    flat = beta_session.session_from_ga(whole, transcription=wish.transcription, temperature=temperature)
    return {**flat, "client_secret": {"value": value, "expires_at": expires_at}}


def expiry(now: UnixSeconds, seconds: int) -> int:
    """Return until when a secret that is minted *now* starts sessions: whole seconds, as the API tells it."""
    return int(now + seconds)
