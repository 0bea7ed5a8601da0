"""The stage: a simulator, a relay in front of it, and a tenant with a key, for as long as they are needed.

Rule: the relay reads its configuration as it would from a file; the demonstration has no way in of its own.
"""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import msgspec
import tomlkit

from relay.core.keys import ENTROPY_BYTES, StoredKey, digest, mint
from relay.core.words import Secret
from relay.demo.certificates import Certificates
from relay.server import Relay
from relay.settings import Problems, Settings, load
from relay.simulator.server import Simulator
from relay.simulator.settings import KnownSpeech, SimulatorSettings
from relay.voice import pcm, sample

MODEL: Final = "gpt-realtime-2.1"
HOST: Final = "127.0.0.1"
"""Loopback alone: a demonstration opens no door to the network."""

_PEPPER: Final = "RELAY_KEY_PEPPER"
_UPSTREAM_KEY: Final = "UPSTREAM_KEY"

_CONFIGURATION: Final = """\
[listen]
host = "{host}"
port = {port}
{tls}
[ops]
host = "{host}"
port = {ops_port}

[keys]
peppers = {{ 1 = "env:{pepper}" }}

[[upstreams]]
name = "simulator"
region = "local"
url = "{upstream}"
keys = ["env:{upstream_key}"]

[[tenants]]
id = "demo"
models = ["{model}"]
keys = ["{stored}"]
"""


class StageError(Exception):
    """The stage cannot be set; the text says why."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything is."""

    port: int
    ops_port: int
    key: Secret
    certificates: Certificates | None = None
    """What the relay shows, where it serves TLS."""

    @property
    def url(self) -> str:
        """Return where sessions are held."""
        return f"{'ws' if self.certificates is None else 'wss'}://{HOST}:{self.port}/v1/realtime"

    @property
    def origin(self) -> str:
        """Return where REST is served, without a path."""
        return f"{'http' if self.certificates is None else 'https'}://{HOST}:{self.port}"

    @property
    def base_url(self) -> str:
        """Return what an SDK takes as its base."""
        return f"{self.origin}/v1"

    @property
    def metrics_url(self) -> str:
        """Return where the relay tells the operator everything."""
        return f"http://{HOST}:{self.ops_port}/metrics"


@asynccontextmanager
async def standing(
    *,
    port: int,
    ops_port: int,
    prepare: Callable[[Settings], None],
    certificates: Certificates | None = None,
) -> AsyncIterator[Stage]:
    """Set the stage. Port 0 takes any free one. Raises `StageError` where a port is taken.

    The relay serves TLS where there are *certificates*. *prepare* is told what the relay will run on, before it
    does: the time to say where logs go.
    """
    token, stored, environ = _secrets()
    known = KnownSpeech(sample.words(), pcm.seconds(sample.speech()))
    async with Simulator(SimulatorSettings(known_speech=(known,))).running() as simulator:
        settings = _read(
            _CONFIGURATION.format(
                host=HOST, port=port, ops_port=ops_port, pepper=_PEPPER, upstream_key=_UPSTREAM_KEY,
                upstream=simulator.url, model=MODEL, stored=stored, tls=_tls(certificates),
            ),
            environ,
        )  # fmt: skip
        prepare(settings)
        relay = Relay(settings)
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(relay.running())
            except OSError as error:
                raise StageError(
                    f"The relay cannot listen on ports {port} and {ops_port} of {HOST}: "
                    f"{error.strerror or error}. Choose others with --port and --ops-port."
                ) from None
            yield Stage(port=relay.port, ops_port=relay.ops_port, key=Secret(token), certificates=certificates)


def _tls(certificates: Certificates | None) -> str:
    """Return the lines of the configuration that say where certificate and key are."""
    if certificates is None:
        return ""
    files = {"tls_cert": certificates.cert, "tls_key": certificates.key}
    return tomlkit.dumps({name: str(path) for name, path in files.items()})


def _secrets() -> tuple[str, str, dict[str, str]]:
    """Return a fresh key, the line that the configuration holds of it, and the environment it needs."""
    token, parts = mint(secrets.token_bytes(ENTROPY_BYTES))
    pepper = secrets.token_urlsafe(32)
    stored = StoredKey(parts.id, 1, digest(Secret(pepper), parts.secret))
    return token, stored.line(), {_PEPPER: pepper, _UPSTREAM_KEY: "sk-simulator"}


def _read(text: str, environ: dict[str, str]) -> Settings:
    settings = load(text, "demo.toml", environ=environ)
    assert not isinstance(settings, Problems), settings
    return settings
