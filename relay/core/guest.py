"""A client that is known, and what it may have: everything that is decided before anything is taken.

Rule: what a guest is held to is worked out from here alone, for the dial, for the relay's own settings of the
session, and for its life.
"""

import hashlib
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import msgspec

from relay.core.client_secrets import Grant
from relay.core.dialects import spoken
from relay.core.dialects.dialect import ClientDialect
from relay.core.dialects.spoken import by_upstream
from relay.core.events import table
from relay.core.hello import NO_MODEL, TRANSLATIONS, Hello
from relay.core.policy import Rules, check
from relay.core.preset import preset
from relay.core.refusals import Refusal, Refused
from relay.core.routing import Route
from relay.core.strict import Event
from relay.core.tenants import Tenant
from relay.core.words import Secret, SessionName, TenantId

_FIXED: Final = frozenset({"type", "model"})
"""Of a translation's session: said by the address, and by nothing else."""
_UNSETTABLE: Final = Refused(
    Refusal.BAD_REQUEST, "The upstream of this session takes no settings of a client secret.", param="session"
)
_SAFETY_WORDS: Final = b"realtime relay: tenant "


class Guest(msgspec.Struct, frozen=True, kw_only=True):
    """One client that may come in, if there is room."""

    hello: Hello
    tenant: Tenant
    key_id: str
    """Of the tenant's key that opened the door, or that minted the client secret which did."""
    routes: tuple[Route, ...]
    address: str
    grant: Grant | None = None
    """The client secret that it came with, opened."""

    @property
    def hides_instructions(self) -> bool:
        """Whether it is not shown what its session was told to be: a secret's bearer, where that is locked."""
        if self.grant is None:
            return False
        return "instructions" in self.grant.locked or self.tenant.policy.instructions == "locked"

    def rules(self, route: Route) -> Rules:
        """Return what the session is held to on *route*."""
        return Rules(
            self.tenant.policy,
            self.hello.model,
            route.served,
            self.grant.locked if self.grant is not None else frozenset(),
            route.upstream.models,
        )

    def preset(self, route: Route) -> Event | Refused | None:
        """Return the session as the relay has to set it, before the client is let in; None if it need not."""
        session = self.grant.session if self.grant is not None else None
        if self.hello.call_id is not None:
            return None  # a call has been set by whoever made it, and is going on
        if not by_upstream(route.upstream.dialect).acknowledges:
            return _UNSETTABLE if session else None  # it only transcribes: no policy has a meaning there
        if self.hello.translation:
            return _translation(session, self.rules(route)) if session else None
        return preset(self.rules(route), session, self.hello.transcription)

    def dialect(self) -> ClientDialect:
        """Return what this client speaks, for one session."""
        return spoken.by_client(
            self.hello.speech,
            transcription=self.hello.transcription,
            temperature=self.grant.temperature if self.grant is not None else None,
        )

    def told(self, refused: Refused) -> Refused:
        """Return *refused*, which may name a field of the session, as this client knows the field."""
        if refused.param is None:
            return refused
        return msgspec.structs.replace(refused, param=self.dialect().param(refused.param))

    def url(self, route: Route) -> str:
        """Return where to dial on *route*."""
        parts = urlsplit(route.upstream.url)
        path = parts.path.rstrip("/") + TRANSLATIONS if self.hello.translation else parts.path
        query = "&".join(part for part in (parts.query, self.hello.upstream_query(route.served)) if part)
        return urlunsplit(parts._replace(path=path, query=query))

    def headers(self, route: Route, key: Secret) -> list[tuple[str, str]]:
        """Return the headers to dial with: the key, and whose user this is. Nothing else of the client's."""
        carrier = (
            ("api-key", key.reveal())
            if route.upstream.dialect == "azure"
            else ("Authorization", f"Bearer {key.reveal()}")
        )
        told = self.hello.safety_identifier if self.tenant.plan.trust_safety_identifier else None
        return [carrier, ("OpenAI-Safety-Identifier", told or safety_identifier(self.tenant.id))]


def _translation(session: Event, rules: Rules) -> Event | Refused | None:
    """Return the settings of a translation as a client secret has them, put to the policy of now."""
    event: Event = {"type": "session.update", "session": {k: v for k, v in session.items() if k not in _FIXED}}
    verdict = check(event, msgspec.structs.replace(rules, locked=frozenset()))
    if isinstance(verdict, Refused):
        return verdict
    settings = table(event if verdict is None else verdict, "session")
    return settings or None


def granted(hello: Hello, grant: Grant) -> Hello | Refused:
    """Return *hello* with what it leaves to its client secret, or what that secret is not for.

    It leaves to it the model, the kind of session, the dialect and the patience. A name that it gives its
    session is one of the secret's own: end users of one tenant cannot take each other's.
    """
    if hello.call_id is not None:
        message = "A client secret starts sessions of its own; it cannot attach to a call."
        return Refused(Refusal.NOT_ALLOWED, message, param="call_id")
    session = grant.session or {}
    kind = session.get("type", "realtime")
    told = msgspec.structs.replace(
        hello,
        speech="beta" if grant.beta else hello.speech,
        latency=grant.latency or hello.latency,
        name=SessionName(f"{grant.id}:{hello.name}") if hello.name is not None else None,
    )
    if hello.model is None and not hello.transcription:
        model = session.get("model") if kind != "transcription" else None
        told = msgspec.structs.replace(told, model=model, transcription=kind == "transcription")
        if told.model is None and not told.transcription:
            return NO_MODEL
    only = session.get("model") if "model" in grant.locked else None
    if only is not None and told.model is not None and told.model != only:
        return Refused(Refusal.NOT_ALLOWED, f"This client secret is for the model {only} alone.", param="model")
    if session and (kind == "transcription") != told.transcription:
        return _other_kind(kind)
    if session and (kind == "translation") != told.translation:
        return _other_kind(kind)
    return told


def _other_kind(kind: object) -> Refused:
    return Refused(
        Refusal.BAD_REQUEST,
        f"This client secret is for a {kind} session; connect to one.",
        param="session.type",
    )


def safety_identifier(tenant: TenantId) -> str:
    """Return what the upstream is told in place of an end user: stable, and not the tenant's name."""
    return hashlib.sha256(_SAFETY_WORDS + tenant.encode()).hexdigest()
