"""What reading a configuration gives: frozen values that the rest of the relay is built from.

Rule: a default stands on a field here or in `relay.core.tenants`, and nowhere else.
"""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias

import msgspec

from relay.core.tenants import Catalog, Plan
from relay.core.words import Seconds, Secret
from relay.settings.problems import Problem

Network: TypeAlias = IPv4Network | IPv6Network


class Listen(msgspec.Struct, frozen=True, kw_only=True):
    """The public port."""

    host: str = "0.0.0.0"
    port: int = 8080
    """0 takes any free port."""
    tls_cert: str | None = None
    tls_key: str | None = None
    """Both or neither."""
    max_connections: int = 10_000
    per_address: int | None = None
    """Connections from one client address; None does not count them. Only ever set with `trusted_proxies`."""
    trusted_proxies: tuple[Network, ...] = ()
    memory_limit: int | None = None
    """Bytes that the process may have; None goes by the cgroup's limit, if there is one."""
    drain_seconds: Seconds = 1800
    drain_spread_seconds: Seconds = 60


class Ops(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's port."""

    host: str = "127.0.0.1"
    port: int = 8081
    """0 takes any free port."""
    token: Secret | None = None
    """None: there is no `/admin`."""


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes of one relay share."""

    url: Secret | None = None
    """None: everything is kept in this one process. Secret, since a Redis URL may hold a password."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One whole reading of the configuration. A reload makes another; nothing in it changes."""

    name: str
    """The file's name."""
    listen: Listen = Listen()
    ops: Ops = Ops()
    store: Store = Store()
    sealing_key: Secret | None = None
    """Mints client secrets. None: one is drawn at the start, and what it minted holds for that process only."""
    retired_sealing_keys: tuple[Secret, ...] = ()
    """They open what they once sealed, and seal no more."""
    plans: Mapping[str, Plan] = msgspec.field(default_factory=dict[str, Plan])
    catalog: Catalog
    warnings: tuple[Problem, ...] = ()
