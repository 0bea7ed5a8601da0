"""TLS on one's own machine: an unknown authority is refused, a named one trusted, and anyone on demand."""

import datetime as dt
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from relay.commands.talk import Wish, _tls, command
from relay.core.words import Secret
from relay.simulator.server import Simulator
from relay.simulator.settings import SimulatorSettings
from relay.voice.call import Call, Typed, hold
from relay.voice.failures import Kind
from relay.voice.outcome import Outcome


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that signs itself, and its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulator")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=36_500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    text = made.public_bytes(pem) + key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "simulator.pem"
    path.write_bytes(text)
    return path


@pytest.fixture
async def simulator(certificate: Path) -> AsyncIterator[Simulator]:
    async with Simulator(SimulatorSettings.instant()).running(
        ssl_certfile=certificate, ssl_keyfile=certificate
    ) as running:
        yield running


def wish(*, ca: Path | None = None, insecure: bool = False) -> Wish:
    return Wish(
        file=None, url="", key=None, model=None, text=None, microphone=False, voice=None, instructions=None,
        transcription="off", manual=False, turns=None, speed=1.0, timeout=5.0, save=None, play=False,
        ca=ca, insecure=insecure, as_json=False,
    )  # fmt: skip


async def call(simulator: Simulator, trust: Wish | None) -> Outcome:
    url = f"{simulator.url}?model=gpt-realtime-2.1"
    tls = None if trust is None else _tls(trust, url)
    return await hold(
        Call(url=url, key=Secret("sk-test"), tls=tls, timeout=5.0), Typed("Hello?"), lambda _: None
    )


async def test_an_unknown_authority_is_refused_with_what_to_do(simulator: Simulator) -> None:
    failure = (await call(simulator, None)).failure
    assert failure is not None
    assert failure.kind is Kind.UNREACHABLE
    assert "is not trusted" in failure.message
    assert failure.advice is not None
    assert "--ca FILE" in failure.advice


async def test_a_named_authority_is_trusted(simulator: Simulator, certificate: Path) -> None:
    assert (await call(simulator, wish(ca=certificate))).failure is None


async def test_anyone_is_trusted_on_demand(simulator: Simulator) -> None:
    assert (await call(simulator, wish(insecure=True))).failure is None


def test_a_file_that_holds_no_certificate_is_refused() -> None:
    ran = CliRunner().invoke(command, ["--url", "wss://127.0.0.1:1/", "--ca", __file__])
    assert ran.exit_code == 2
    assert "holds no certificate in PEM" in ran.output
