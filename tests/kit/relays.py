"""A relay in this process, in front of a simulator, on free ports."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

import tomlkit

from relay.core import keys
from relay.core.keys import ENTROPY_BYTES, StoredKey
from relay.core.words import Secret
from relay.server import Relay
from relay.settings import Problems, Settings, load
from relay.simulator.server import Simulator
from relay.simulator.settings import SimulatorSettings

PEPPER = "a-pepper-for-tests-that-is-long-enough"
UPSTREAM_KEY = "sk-upstream-key-of-the-tests"
ENVIRON = {
    "RELAY_KEY_PEPPER": PEPPER,
    "UPSTREAM_KEY": UPSTREAM_KEY,
    "RELAY_ADMIN_TOKEN": "an-admin-token-for-tests-of-32-chars",
}
MODEL = "gpt-realtime-2.1"


def new_key() -> tuple[str, str]:
    """Return a fresh key and the line that `relay.toml` holds of it."""
    token, presented = keys.mint(secrets.token_bytes(ENTROPY_BYTES))
    digest = keys.digest(Secret(PEPPER), presented.secret)
    return token, StoredKey(presented.id, 1, digest).line()


def config(
    upstreams: str | list[dict[str, Any]],
    key_line: str,
    *,
    plan: dict[str, Any] | None = None,
    tenant: dict[str, Any] | None = None,
    listen: dict[str, Any] | None = None,
    aliases: dict[str, str] | None = None,
    more_tenants: list[dict[str, Any]] | None = None,
) -> str:
    """Compose a `relay.toml`: one tenant, `acme`, whose key is *key_line*, on one or more upstreams."""
    if isinstance(upstreams, str):
        upstreams = [{"name": "sim-1", "region": "us", "url": upstreams}]
    document: dict[str, Any] = {
        "listen": {"host": "127.0.0.1", "port": 0, **(listen or {})},
        "ops": {"port": 0, "token": "env:RELAY_ADMIN_TOKEN"},
        "keys": {"peppers": {"1": "env:RELAY_KEY_PEPPER"}},
        "models": {"aliases": aliases or {}},
        "upstreams": [{"keys": ["env:UPSTREAM_KEY"], **upstream} for upstream in upstreams],
        "plans": {"standard": plan or {}},
        "tenants": [
            {"id": "acme", "plan": "standard", "keys": [key_line], **(tenant or {})},
            *(more_tenants or []),
        ],
    }
    return tomlkit.dumps(document)


def settings(text: str, environ: dict[str, str] | None = None) -> Settings:
    """Read a configuration that has to be sound."""
    read = load(text, environ={**ENVIRON, **(environ or {})})
    assert not isinstance(read, Problems), read.text()
    return read


@contextlib.asynccontextmanager
async def relay_to(url: str | list[dict[str, Any]], **parts: Any) -> AsyncIterator[tuple[Relay, str]]:
    """Run a relay in front of *url*. Yields it and the key of its tenant `acme`."""
    token, line = new_key()
    async with Relay(settings(config(url, line, **parts))).running() as relay:
        yield relay, token


@contextlib.asynccontextmanager
async def relay_and_simulator(
    simulator: SimulatorSettings | None = None, **parts: Any
) -> AsyncIterator[tuple[Relay, str, Simulator]]:
    """Run a relay in front of a simulator without waits."""
    settled = Simulator(simulator or SimulatorSettings.instant())
    async with settled.running() as sim, relay_to(sim.url, **parts) as (relay, token):
        yield relay, token, sim
