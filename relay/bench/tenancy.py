"""A configuration for the relay under measurement: one upstream, one plan, a free tenant and a restricted one.

Everything the relay does for a tenant is on. Every limit is a number, of which account is kept, and none
is low enough to be met: a session held back would measure the limit.
"""

import secrets

import msgspec

from relay.bench.messages import MODEL
from relay.core.keys import ENTROPY_BYTES, StoredKey, digest, mint
from relay.core.rules import LOCKABLE
from relay.core.words import Secret

_FILE = """\
[listen]
host = "127.0.0.1"
port = {port}
max_connections = 1_000_000
drain_seconds = 0
drain_spread_seconds = 0

[ops]
host = "127.0.0.1"
port = {ops_port}

[keys]
peppers = {{ 1 = "env:RELAY_KEY_PEPPER" }}

[[upstreams]]
name = "measured"
region = "local"
url = "ws://127.0.0.1:{upstream_port}/v1/realtime"
keys = ["env:RELAY_BENCH_UPSTREAM_KEY"]

[plans.measured]
concurrent_sessions = 1_000_000
session_starts_per_minute = 1_000_000_000
chunk_bytes = 1_000_000_000
audio_seconds_per_second = 1_000_000
bytes_per_second = 1_000_000_000_000
events_per_second = 1_000_000
responses_per_minute = 1_000_000_000
tokens_per_minute = 1_000_000_000
tokens_per_day = 1_000_000_000_000
usd_per_day = 1_000_000_000

[[tenants]]
id = "measured"
plan = "measured"
keys = ["{key}"]
models = ["{model}"]

[[tenants]]
id = "restricted"
plan = "measured"
keys = ["{strict_key}"]
models = ["{model}"]

[tenants.policy]
tools = []
voices = ["marin"]
output_modalities = ["audio"]
instructions = "locked"
instructions_text = "Be brief."
turn_detection = "none"
transcription_models = ["gpt-4o-transcribe"]
max_output_tokens = 1
locked = {locked}
unknown_events = "refuse"
"""


class Tenancy(msgspec.Struct, frozen=True):
    """What the relay is started with, and what its client shows."""

    toml: str
    environment: dict[str, str]
    headers: dict[str, str]
    strict_headers: dict[str, str]
    """The same for the tenant that is restricted in all there is."""


def tenancy(*, port: int, ops_port: int, upstream_port: int) -> Tenancy:
    """Make a configuration with keys of its own, good for this run alone."""
    pepper = secrets.token_hex()
    key, headers = _key(pepper)
    strict_key, strict_headers = _key(pepper)
    return Tenancy(
        toml=_FILE.format(
            port=port,
            ops_port=ops_port,
            upstream_port=upstream_port,
            key=key,
            strict_key=strict_key,
            model=MODEL,
            locked=sorted(LOCKABLE),
        ),
        environment={
            "RELAY_KEY_PEPPER": pepper,
            "RELAY_BENCH_UPSTREAM_KEY": "sk-measured",
        },
        headers=headers,
        strict_headers=strict_headers,
    )


def _key(pepper: str) -> tuple[str, dict[str, str]]:
    """Return the line that the configuration holds of a fresh key, and the header that shows it."""
    token, presented = mint(secrets.token_bytes(ENTROPY_BYTES))
    stored = StoredKey(presented.id, 1, digest(Secret(pepper), presented.secret))
    return stored.line(), {"Authorization": f"Bearer {token}"}
