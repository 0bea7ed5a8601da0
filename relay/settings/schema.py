"""Every key of `relay.toml`, a row each: its form and its meaning.

The reference page is written from these rows and the reader walks by them.

Rule: a key that is not here does not exist; a default is not here but in the struct that a table is read into.
"""

from typing import Final, get_args

from relay.core.dialects.dialect import UpstreamSpeech
from relay.core.tenants import Plan, Tenant, Upstream
from relay.settings.addresses import (
    FILE,
    HOST,
    ID,
    MODEL,
    NETWORK,
    ORIGIN,
    PEPPER_VERSION,
    PROXY_URL,
    SECRET,
    STORE_URL,
    STORED_KEY,
    UPSTREAM_URL,
)
from relay.settings.forms import FLAG, Listing, Pairs, choice, limit, number, whole
from relay.settings.model import Listen, Ops, Store
from relay.settings.policies import POLICY
from relay.settings.tables import Key, NamedTables, Table, Tables

_PORT: Final = whole(0, 65_535)
_MOST_WARM: Final = 100
"""Sockets held open count against a provider's limit of sessions; nobody starts a hundred at one instant."""
_COUNT: Final = limit(whole(1))
_RATE: Final = limit(number(above=0))

LISTEN: Final = Table(
    about="The public port, where clients connect.",
    of=Listen,
    keys={
        "host": Key(shape=HOST, about="The address to listen on; `0.0.0.0` is every IPv4 interface."),
        "port": Key(shape=_PORT, about="The TCP port; 0 takes any free one."),
        "tls_cert": Key(
            shape=FILE, about="The certificate chain, in PEM; with `tls_key`.", absent="no TLS here"
        ),
        "tls_key": Key(shape=FILE, about="The certificate's private key, in PEM.", absent="no TLS here"),
        "max_connections": Key(shape=whole(1), about="Connections held at once; one more is refused with 503."),
        "per_address": Key(
            shape=whole(1),
            about="Connections held at once from one client address. Needs `trusted_proxies`: without it "
            "a proxy's address would be counted as one client.",
            absent="not counted",
        ),
        "trusted_proxies": Key(
            shape=Listing(of=NETWORK),
            about="Proxies whose `X-Forwarded-For` is believed: addresses and networks.",
        ),
        "memory_limit": Key(
            shape=whole(64 * 1024 * 1024),
            about="Bytes of memory that a process may have: at 92 % it takes no new sessions, at 95 % it "
            "sheds the largest buffers.",
            absent="the cgroup's limit",
        ),
        "drain_seconds": Key(
            shape=number(), about="How long sessions may go on after SIGTERM before they are closed."
        ),
        "drain_spread_seconds": Key(
            shape=number(), about="The closes at the end of a drain are spread over this many seconds."
        ),
    },
)

OPS: Final = Table(
    about="The operator's port: `/livez`, `/readyz` and `/metrics`. Keep it off the public network.",
    of=Ops,
    keys={
        "host": Key(shape=HOST, about="The address to listen on."),
        "port": Key(shape=_PORT, about="The TCP port; 0 takes any free one."),
        "token": Key(
            shape=SECRET,
            about="The bearer token of `/admin`.",
            absent="no `/admin`",
        ),
    },
)

STORE: Final = Table(
    about="What several relay processes share: limits, budgets, client secrets, usage.",
    of=Store,
    keys={
        "url": Key(
            shape=STORE_URL,
            about="A Redis or Valkey server (6.2 or newer), alone, behind Sentinels or as a Cluster. With a "
            "password inside it is a secret and stands elsewhere. Read at start, not on reload.",
            absent="embedded: one process, nothing shared",
        ),
    },
)

KEYS: Final = Table(
    about="The secrets behind tenants' keys.",
    keys={
        "peppers": Key(
            shape=Pairs(key=PEPPER_VERSION, of=SECRET),
            about="Version → secret. Digests of keys are made with it; the highest version makes new keys, "
            "the others go on checking old ones.",
            absent="none: no key can be checked",
        ),
        "sealing_key": Key(
            shape=SECRET,
            about="Mints client secrets (`ek_…`), and opens them again. Every process of one relay needs the "
            "same one.",
            absent="drawn at the start: secrets hold for that process only",
        ),
        "retired_sealing_keys": Key(
            shape=Listing(of=SECRET),
            about="Sealing keys of before: they open client secrets that are still out, and mint no more. Two "
            "hours, a secret's longest life, after a change of `sealing_key` the old one can go.",
            absent="none",
        ),
    },
)

MODELS: Final = Table(
    about="Names of models.",
    keys={
        "aliases": Key(
            shape=Pairs(key=MODEL, of=MODEL),
            about="Name that clients use → name that upstreams serve. One step: an alias of an alias "
            "is not followed.",
            absent="none",
        ),
    },
)

UPSTREAM: Final = Table(
    about="One regional endpoint of the Realtime API and the pool of keys that open it.",
    of=Upstream,
    keys={
        "name": Key(
            shape=ID, about="What logs and metrics call it; no two are alike in the file.", required=True
        ),
        "region": Key(
            shape=ID, about="Where it processes data; tenants are held to regions by it.", required=True
        ),
        "url": Key(
            shape=UPSTREAM_URL, about="The endpoint, path included. `ws://` is for tests.", required=True
        ),
        "keys": Key(
            shape=Listing(of=SECRET, least=1),
            about="The provider's keys: a pool, the next is used when one is refused.",
            required=True,
        ),
        "dialect": Key(
            shape=choice(*get_args(UpstreamSpeech)),
            about="What it speaks: how the key and the model are carried, and what its events look like.",
        ),
        "models": Key(
            shape=Pairs(key=MODEL, of=MODEL),
            about="Name that upstreams serve → what this one calls it (deployments). Others keep theirs.",
            absent="none",
        ),
        "weight": Key(shape=number(above=0), about="Its share of sessions among upstreams of equal priority."),
        "priority": Key(shape=whole(0), about="Lower is preferred; higher is used when no lower can be."),
        "max_sessions": Key(shape=_COUNT, about="Sessions that it holds at once."),
        "starts_per_minute": Key(shape=_RATE, about="Sessions that may be started on it in a minute."),
        "price_factor": Key(
            shape=number(above=0), about="Its prices against the list's; residency hosts charge more."
        ),
        "proxy": Key(shape=PROXY_URL, about="A proxy to reach it by.", absent="direct"),
        "ca": Key(
            shape=FILE,
            about="Certificates to trust in place of the system's, in PEM.",
            absent="the system's",
        ),
        "warm": Key(
            shape=whole(0, _MOST_WARM), about="Sockets kept open ahead of demand; this version keeps none yet."
        ),
    },
)

LIMITS: Final = {
    "concurrent_sessions": Key(shape=_COUNT, about="Sessions open at once, of the tenant."),
    "session_starts_per_minute": Key(shape=_RATE, about="Sessions started in a minute, of the tenant."),
    "session_seconds": Key(shape=_RATE, about="The age at which a session is closed."),
    "idle_seconds": Key(shape=_RATE, about="The silence after which a session is closed."),
    "chunk_bytes": Key(shape=_COUNT, about="Decoded audio of one append, in bytes."),
    "message_bytes": Key(
        shape=_COUNT, about="One message, in bytes; a longer one closes the session with 1009."
    ),
    "audio_seconds_per_second": Key(
        shape=_RATE, about="Pace of input audio against real time; beyond it the relay reads more slowly."
    ),
    "bytes_per_second": Key(
        shape=_RATE, about="Pace of what a client sends; beyond it the relay reads more slowly."
    ),
    "events_per_second": Key(shape=_RATE, about="Control events: all but audio appends."),
    "responses_per_minute": Key(shape=_RATE, about="Responses begun in a minute, of the tenant."),
    "tokens_per_minute": Key(shape=_COUNT, about="Tokens in a minute, of the tenant; debited afterwards."),
    "tokens_per_day": Key(shape=_COUNT, about="Tokens in a UTC day, of the tenant; debited afterwards."),
    "usd_per_day": Key(shape=_RATE, about="US dollars in a UTC day, of the tenant; debited afterwards."),
    "patience": Key(shape=_COUNT, about="Refused events in a minute before the session is closed with 1008."),
    "client_secrets_per_minute": Key(
        shape=_RATE,
        about="Requests for client secrets in a minute, of the tenant, whatever comes of them.",
    ),
    "client_secret_uses": Key(shape=_COUNT, about="Sessions that one client secret may open."),
    "store_down": Key(
        shape=choice("local", "refuse"),
        about="What becomes of new sessions while the store does not answer: by this process' part of "
        "the limits, or refused with 503. Live ones go on.",
    ),
    "trust_safety_identifier": Key(
        shape=FLAG,
        about="Whether a client's `OpenAI-Safety-Identifier` goes upstream. Else the relay sends one that "
        "stands for the tenant.",
    ),
}

PLAN: Final = Table(
    about="What a tenant may use. The plan `standard` exists with these defaults, written or not.",
    of=Plan,
    keys=LIMITS,
)

TENANT: Final = Table(
    about="A customer: its keys, its plan, and what it may reach.",
    of=Tenant,
    keys={
        "id": Key(shape=ID, about="What logs, metrics and bills call it; no two are alike.", required=True),
        "plan": Key(shape=ID, about="The plan that it is held to.", absent='`"standard"`'),
        "keys": Key(
            shape=Listing(of=STORED_KEY), about="Digests of its keys, as `relay keys new` writes them."
        ),
        "models": Key(
            shape=Listing(of=MODEL, into=frozenset, least=1), about="Models allowed, by name.", absent="any"
        ),
        "regions": Key(
            shape=Listing(of=ID, into=frozenset, least=1),
            about="Residency: its sessions never leave these regions; where none of them can, the session "
            "is refused.",
            absent="any",
        ),
        "origins": Key(
            shape=Listing(of=ORIGIN, into=frozenset),
            about="Web origins that may use its keys. Requests without `Origin` pass.",
            absent="none",
        ),
        "upstreams": Key(
            shape=Tables(of=UPSTREAM),
            about="Endpoints of its own, in place of the shared ones; written as `[[tenants.upstreams]]`.",
            absent="the shared ones",
        ),
        "policy": Key(shape=POLICY, about="What its events may hold.", absent="the defaults"),
        "limits": Key(
            shape=Table(about="What this tenant has other than its plan: any key of a plan.", keys=LIMITS),
            about="What it has other than its plan.",
            absent="as in the plan",
        ),
    },
)

FILE_TABLE: Final = Table(
    about="The whole file.",
    keys={
        "listen": Key(shape=LISTEN, about=LISTEN.about),
        "ops": Key(shape=OPS, about=OPS.about),
        "store": Key(shape=STORE, about=STORE.about),
        "keys": Key(shape=KEYS, about=KEYS.about),
        "models": Key(shape=MODELS, about=MODELS.about),
        "upstreams": Key(shape=Tables(of=UPSTREAM), about=UPSTREAM.about),
        "plans": Key(shape=NamedTables(name=ID, of=PLAN), about=PLAN.about),
        "tenants": Key(shape=Tables(of=TENANT), about=TENANT.about),
    },
)
