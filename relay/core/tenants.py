"""Who may do what: plans, policies, tenants, upstreams, and the catalog that holds them.

Rule: everything here is immutable. A change of configuration replaces the whole catalog by one
assignment; a session keeps the tenant it was admitted under.
"""

from collections.abc import Mapping
from math import inf
from typing import Final, Literal

import msgspec

from relay.core.dialects.dialect import UpstreamSpeech
from relay.core.keys import PresentedKey, StoredKey, matches
from relay.core.words import Seconds, Secret, TenantId

KIB: Final = 1024
MIB: Final = 1024 * KIB

UNLIMITED: Final = inf
"""How a limit that is `"unlimited"` in the file is held; every comparison then comes out right."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant may use. In all: sessions, starts, secrets, responses, tokens, money; else per session."""

    name: str
    concurrent_sessions: float = 20
    session_starts_per_minute: float = 60
    session_seconds: Seconds = 3600
    idle_seconds: Seconds = 900
    chunk_bytes: float = MIB
    """Decoded audio of one append."""
    message_bytes: float = 16 * MIB
    """Hard cap of one message, either way. The API takes appends of 15 MiB."""
    audio_seconds_per_second: float = 8
    """Pace of input audio: how much faster than it was spoken."""
    bytes_per_second: float = MIB
    """Pace of what a client sends, all told."""
    events_per_second: float = 50
    """Control events: all but audio appends."""
    responses_per_minute: float = 120
    tokens_per_minute: float = UNLIMITED
    tokens_per_day: float = UNLIMITED
    usd_per_day: float = UNLIMITED
    patience: float = 100
    """Refused events a minute before the session is closed."""
    client_secrets_per_minute: float = 120
    """Requests to mint, whatever comes of them: two for each session that may start by default."""
    client_secret_uses: float = UNLIMITED
    """How many sessions one client secret may open. The API's own open any number until they expire."""
    store_down: Literal["local", "refuse"] = "local"
    """While the shared store is away, new sessions go by this process' part of the limits, or are refused."""
    trust_safety_identifier: bool = False
    """Whether a client's `OpenAI-Safety-Identifier` goes upstream; else the relay names the tenant by one."""

    @property
    def micro_usd_per_day(self) -> float:
        """`usd_per_day` in the unit that money is counted in."""
        return self.usd_per_day * 1_000_000


AUDIO_BURST: Final[Seconds] = 30.0
"""Speech that may come at once, whatever the pace: a recording's start, a reconnect's backlog."""
BYTES_BURST: Final = 16 * MIB
"""One message of the largest size passes unpaced."""
EVENTS_BURST_SECONDS: Final[Seconds] = 4.0
"""Control events come in bursts (a conversation replayed on connect): four seconds' worth, 200 by default."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant's events may hold. The default is what the API allows, but for hosted tools and traces."""

    tools: frozenset[str] | None = None
    """Function tools allowed by name; None allows any."""
    hosted_tools: bool = False
    """Tools that the upstream runs or fetches (`mcp`), and stored prompts: they reach beyond the relay."""
    most_tools: int = 128
    """In one event. 128 is the cap of the same provider's Chat API."""
    tools_bytes: int = 256 * KIB
    """Of one event's tools together, as compact JSON. 256 KiB are some 64 thousand tokens: half of the newest
    models' context, twice that of the older ones."""
    voices: tuple[str, ...] | None = None
    """Allowed; the first is preset, since the upstream's own default may not be among them. None allows any."""
    output_modalities: frozenset[str] | None = None
    """Of `audio` and `text`; None allows both. `text` is preset where audio, the default, is not allowed."""
    instructions: Literal["free", "locked", "prefixed"] = "free"
    """Locked: no event of the client's may hold instructions. Prefixed: the tenant's text comes before them."""
    instructions_text: str | None = None
    """Free: what holds until the client says otherwise. Locked: what holds. Prefixed: what comes first."""
    turn_detection: Literal["server_vad", "semantic_vad", "none"] | None = None
    """Preset at the start; None leaves it to the upstream."""
    transcription_models: frozenset[str] | None = None
    """Allowed for the transcription of what is heard; None allows any."""
    max_output_tokens: int | None = None
    """The most that one response may hold; preset, and what asks for more gets this."""
    tracing: Literal["off", "pass"] = "off"
    """Whether the provider may keep traces of a tenant's sessions, where a client asks for it."""
    locked: frozenset[str] = frozenset()
    """Settings that no event may hold, by their names in `relay.core.rules.LOCKABLE`."""
    unknown_events: Literal["pass", "refuse"] = "pass"
    """What becomes of an event type that the relay does not know."""


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """One regional endpoint, and the pool of keys that open it."""

    name: str
    region: str
    url: str
    keys: tuple[Secret, ...]
    dialect: UpstreamSpeech = "openai"
    models: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    """What the endpoint calls a model, where that differs (deployments); a model not named keeps its name."""
    weight: float = 1.0
    priority: int = 0
    """Lower is preferred; the next is used when none of the lower can be."""
    max_sessions: float = UNLIMITED
    starts_per_minute: float = UNLIMITED
    price_factor: float = 1.0
    """Residency hosts charge a tenth more for the newer models."""
    proxy: Secret | None = None
    """An HTTP or SOCKS proxy's URL. Secret, since it may hold a password."""
    ca: str | None = None
    """A file of certificates to trust in place of the system's."""
    warm: int = 0
    """Sockets kept open ahead of demand."""


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A customer of the platform: keys, plan, and what it may reach."""

    id: TenantId
    plan: Plan
    keys: tuple[StoredKey, ...] = ()
    models: frozenset[str] | None = None
    """None allows every model that the upstreams serve."""
    regions: frozenset[str] | None = None
    """Residency: a session of this tenant never leaves them. None allows all."""
    origins: frozenset[str] = frozenset()
    """Web origins that may use the tenant's keys. A request without `Origin` passes."""
    upstreams: tuple[Upstream, ...] = ()
    """Endpoints of the tenant's own; they take the place of the shared ones."""
    policy: Policy = Policy()


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """Everyone and everything, as of one reading of the configuration."""

    tenants: Mapping[TenantId, Tenant]
    upstreams: tuple[Upstream, ...]
    aliases: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    """Model names that clients use -> the names that upstreams serve."""
    peppers: Mapping[int, Secret] = msgspec.field(default_factory=dict[int, Secret])
    keys: Mapping[str, tuple[StoredKey, TenantId]] = msgspec.field(
        default_factory=dict[str, tuple[StoredKey, TenantId]]
    )
    """By key id: found in one step, however many there are."""

    @classmethod
    def of(
        cls,
        tenants: tuple[Tenant, ...],
        upstreams: tuple[Upstream, ...],
        aliases: Mapping[str, str],
        peppers: Mapping[int, Secret],
    ) -> "Catalog":
        """Build the look-ups. Ids are unique already: reading the configuration saw to it."""
        return cls(
            tenants={tenant.id: tenant for tenant in tenants},
            upstreams=upstreams,
            aliases=dict(aliases),
            peppers=dict(peppers),
            keys={key.id: (key, tenant.id) for tenant in tenants for key in tenant.keys},
        )

    def find(self, presented: PresentedKey) -> Tenant | None:
        """Return whose key *presented* is, in the same time whether it is anyone's."""
        stored, tenant_id = self.keys.get(presented.id, (None, None))
        if not matches(presented, stored, self.peppers) or tenant_id is None:
            return None
        return self.tenants[tenant_id]

    def upstreams_of(self, tenant: Tenant) -> tuple[Upstream, ...]:
        """Return the endpoints that *tenant* may use: its own, or the shared ones, in its regions."""
        return tuple(
            upstream
            for upstream in tenant.upstreams or self.upstreams
            if tenant.regions is None or upstream.region in tenant.regions
        )

    def every_upstream(self) -> list[Upstream]:
        """Return the shared endpoints and all tenants' own."""
        return [*self.upstreams, *(own for tenant in self.tenants.values() for own in tenant.upstreams)]

    def served_name(self, model: str) -> str:
        """Return the name that upstreams know *model* by."""
        return self.aliases.get(model, model)
