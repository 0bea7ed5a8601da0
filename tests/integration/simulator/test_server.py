"""The server around it: loops, TLS, ports."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from relay.simulator.server import Simulator
from relay.simulator.settings import INSTANT
from tests.integration.simulator.client import MODEL, talking


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulator")])
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    certfile, keyfile = tmp_path / "cert.pem", tmp_path / "key.pem"
    certfile.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    keyfile.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certfile, keyfile


async def test_it_serves_wss_with_a_certificate(certificate: tuple[Path, Path]) -> None:
    certfile, keyfile = certificate
    trust = ssl.create_default_context(cafile=certfile)
    async with Simulator(INSTANT).running(ssl_certfile=certfile, ssl_keyfile=keyfile) as sim:
        assert sim.url.startswith("wss://")
        async with talking(sim, ssl=trust) as client:
            await client.until("session.created")
            await client.socket.close(4000, "over TLS too")
        async with talking(sim, f"model={MODEL}&sim_fault=close:1011", ssl=trust) as client:
            assert (await client.closed())[0] == 1011
    assert sim.sessions[0].close_code == 4000


async def test_a_port_that_is_taken_is_an_oserror() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        async with Simulator(INSTANT).running(port=taken.getsockname()[1]):
            pass


async def test_two_simulators_live_side_by_side_and_know_nothing_of_each_other() -> None:
    async with Simulator(INSTANT).running() as one, Simulator(INSTANT).running() as other:
        async with talking(one) as client:
            await client.until("session.created")
        assert (len(one.sessions), len(other.sessions)) == (1, 0)


async def test_stopping_ends_requests_that_never_would() -> None:
    half = b"POST /sim/faults HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
    whole = b"GET /sim/faults HTTP/1.1\r\nHost: x\r\n\r\n"
    async with asyncio.timeout(5):
        async with Simulator(INSTANT).running() as sim:
            reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
            idle, other = await asyncio.open_connection("127.0.0.1", sim.port)
            writer.write(half)
            other.write(whole)
            assert (await idle.readline()).startswith(b"HTTP/1.1 200")
        assert await reader.read() == b""
        await idle.read()
    for ended in (writer, other):
        ended.close()
        await ended.wait_closed()


def test_it_runs_on_the_standard_loop_too_with_every_way_of_ending() -> None:
    async def ends() -> list[int]:
        codes = []
        async with Simulator(INSTANT).running() as sim:
            for fault in ("close:4001", "drop:1", "drop:fin@1", "flood:500:9000,close:4002@1"):
                async with talking(sim, f"model={MODEL}&sim_fault={fault}") as client:
                    codes.append((await client.closed())[0])
            async with talking(sim, f"model={MODEL}&sim_fault=vanish") as client:
                await client.until("session.created")
                client.socket.transport.abort()
        return codes

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        assert runner.run(ends()) == [4001, 1006, 1006, 4002]
