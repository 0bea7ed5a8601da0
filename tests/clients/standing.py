"""What a client meets: a relay in front of a simulator, in the test's own process and loop, and a control.

Rule: a client is told of the relay what its users know, an address and a key. What only a test needs (a wrong
key, a recording, the control) comes beside that, in further variables of the program's environment.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from relay.core.refusals import Reason
from relay.server import Relay
from relay.simulator.server import Simulator
from relay.simulator.settings import KnownSpeech, SimulatorSettings
from relay.voice import pcm, sample
from tests.clients.environments import ROOT, filled
from tests.clients.rows import ORIGIN, Dialect, Row
from tests.kit.certificates import Certificate
from tests.kit.relays import MODEL, new_key, relay_and_simulator

BETA_MODEL = "gpt-4o-realtime-preview"
"""What a client of the beta's time asks for: an alias of the relay's."""
SPEECH = ROOT / "relay" / "voice" / "samples" / "hello.wav"
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
"""All that a program sees of the environment that the tests run in: no key and no address of anybody's."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A relay that stands, and whatever a client may have to know of it."""

    relay: Relay
    simulator: Simulator
    key: str
    control: str
    ca: Path

    def host(self) -> str:
        """Return host and port of the relay."""
        return f"127.0.0.1:{self.relay.port}"

    def variables(self, row: Row) -> dict[str, str]:
        """Return the environment of a program."""
        url = self.relay.url
        return {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            "RELAY_URL": url,
            "RELAY_WS_URL": url.replace("http", "ws", 1) + "/realtime",
            "RELAY_KEY": self.key,
            "RELAY_BAD_KEY": new_key()[0],
            "RELAY_CA": str(self.ca),
            "RELAY_MODEL": BETA_MODEL if row.dialect is Dialect.BETA else MODEL,
            "RELAY_SPEECH": str(SPEECH),
            "RELAY_CONTROL": self.control,
            "RELAY_ORIGIN": ORIGIN,
            "STEPS": ",".join(row.steps),
            "SSL_CERT_FILE": str(self.ca),
            "NODE_EXTRA_CA_CERTS": str(self.ca),
            **dict(zip(row.variables, filled(tuple(row.variables.values()), row.environment), strict=True)),
        }


@contextlib.asynccontextmanager
async def standing(folder: Path, *, tls: bool) -> AsyncIterator[Standing]:
    """Run a relay in front of a simulator that knows the recording. The certificate is put into *folder*."""
    certificate = Certificate(folder)
    listen = {"tls_cert": str(certificate.cert), "tls_key": str(certificate.key)} if tls else {}
    known = KnownSpeech(sample.words(), pcm.seconds(sample.speech()))
    async with (
        relay_and_simulator(
            SimulatorSettings.instant(known_speech=(known,)),
            listen=listen,
            aliases={BETA_MODEL: MODEL},
            tenant={"origins": [ORIGIN]},
        ) as (relay, key, simulator),
        _control(relay) as control,
    ):
        yield Standing(relay=relay, simulator=simulator, key=key, control=control, ca=certificate.cert)


@contextlib.asynccontextmanager
async def _control(relay: Relay) -> AsyncIterator[str]:
    """Serve `POST /close`, which closes every live session with 1012. Yields the address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            known = head.startswith(b"POST /close ")
            if known:
                relay.sessions.end_those(lambda _tenant, _key: True, Reason.DRAINING)
            status = "204 No Content" if known else "404 Not Found"
            # A page asks from another origin.
            writer.write(
                f"HTTP/1.1 {status}\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n"
                "Content-Length: 0\r\n\r\n".encode()
            )
            await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
