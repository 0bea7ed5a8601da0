"""What the admin API answers with: one struct a kind of answer, read again by whoever asks from afar.

Rule: public ids only. No secret, no content of a session and no client's address has a field here.
"""

import msgspec

from relay.core.explain import Answer, Ask, Incident, Limit
from relay.core.overload import Level
from relay.core.usage import Usage
from relay.core.words import Latency, Seconds, UnixSeconds


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What the memory guard sees."""

    level: Level
    used_bytes: int | None
    """None where it cannot be read."""
    limit_bytes: int | None
    """None: there is no limit, and no guard."""


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What came in, added up since the start. Up is what clients say."""

    events_up: int = 0
    events_down: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    audio_seconds_up: float = 0.0
    audio_seconds_down: float = 0.0


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The relay at a glance."""

    version: str
    uptime_seconds: Seconds
    """Read off the same clock for every answer: the difference of two is the time between them."""
    draining: bool
    workers: int
    memory: Memory
    connections: int
    sessions: int
    tenants: int
    """That are configured."""
    traffic: Traffic
    unsent_up_bytes: int
    """In the write buffers to upstreams, of all sessions."""
    unsent_down_bytes: int
    """In the write buffers to clients."""
    refusals: dict[str, int]
    """At the door and in sessions, by label; without those that never happened."""


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One open session."""

    id: str
    name: str | None
    tenant: str
    key: str
    """The public id of the key that opened it, or that minted the client secret which did."""
    plan: str
    model: str | None
    upstream: str
    region: str
    dialect: str
    """What its client speaks."""
    latency: Latency
    age_seconds: Seconds
    traffic: Traffic
    unsent_up_bytes: int
    unsent_down_bytes: int
    paused: list[str]
    """Who is not being read now, and why: `client_pace`, `upstream_congestion`."""


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant uses now, here."""

    sessions: int
    tokens_today: int
    usd_today: float


class TenantRow(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant, in a list."""

    id: str
    plan: str
    keys: int
    concurrent_sessions: float | None
    """None: unlimited."""
    used: Used
    unsent_bytes: int
    """In the write buffers of its sessions, both ways."""


class TenantView(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant, with everything that it is held to. None allows all."""

    id: str
    plan: str
    keys: list[str]
    """Public ids."""
    models: list[str] | None
    regions: list[str] | None
    origins: list[str]
    own_upstreams: list[str]
    limits: tuple[Limit, ...]
    used: Used


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a tenant's."""

    id: str
    tenant: str
    pepper: int
    """The version of the pepper that its digest was made with."""
    sessions: int
    """Open under it, those of its client secrets included."""


class UpstreamRow(msgspec.Struct, frozen=True, kw_only=True):
    """One upstream, as the dialer knows it."""

    id: str
    """Its name."""
    host: str
    region: str
    dialect: str
    healthy: bool
    sessions: int
    """Open or being dialed."""
    max_sessions: float | None
    """None: unlimited."""
    keys: int
    key_wait_seconds: Seconds
    """Until one of its keys may be used again; 0 while one may."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Would the tenant be let in, why not, and what was it refused for."""

    tenant: str
    plan: str
    asked: Ask
    answer: Answer
    limits: tuple[Limit, ...]
    used: Used
    lately: list[Incident]
    """Refused at the door, the newest first; bounded, and forgotten by a restart."""
    in_sessions: dict[str, int]
    """Refused within the sessions that are open now, by label."""


class UsedOf(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant used of one model on one day."""

    day: str
    """UTC, as YYYY-MM-DD."""
    model: str
    responses: int
    tokens: int
    usage: Usage
    """By kind."""
    usd: float


class UsageView(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant used since a day."""

    tenant: str
    since: str
    """UTC, as YYYY-MM-DD."""
    rows: list[UsedOf]
    """By day and model, the newest day first."""
    cut: bool
    """Whether older rows are left out, for there are too many."""
    tokens: int
    """Of all rows, those that are left out too."""
    usd: float


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions that were told to end."""

    closed: int


class Draining(msgspec.Struct, frozen=True, kw_only=True):
    """A drain has begun, or went on."""

    draining: bool
    sessions: int
    """Open when it was asked for."""


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration was read again, and holds."""

    at: UnixSeconds
    tenants: int
    upstreams: int
    sessions_ended: int
    """Whose key is gone."""
    warnings: list[str]


class Refuted(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration was read again and refused: the last good one stays."""

    problems: list[str]
