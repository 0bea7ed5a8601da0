"""The certificates of `relay demo --tls`: kept, trusted by real clients, and of no use for anything else."""

import asyncio
import shutil
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from relay.demo import stage
from relay.demo.certificates import LIFETIME, CertificateError, Certificates, provided
from relay.edge.clock import wall

DAY = 86_400.0


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Certificates]:
    with provided(tmp_path / "tls", wall()) as certificates:
        yield certificates


# --- what is made -----------------------------------------------------------------------------------


def test_the_key_is_its_owners_alone(made: Certificates) -> None:
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in made.folder.iterdir()) == [
        "relay-demo-ca.pem",
        "relay-demo-cert.pem",
        "relay-demo-key.pem",
    ]


def test_the_authority_vouches_for_this_machine_alone_and_its_key_is_nowhere(made: Certificates) -> None:
    ca = x509.load_pem_x509_certificate(made.ca.read_bytes())
    constraints = ca.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    permitted = [str(name.value) for name in constraints.value.permitted_subtrees or ()]
    assert permitted == ["localhost", "127.0.0.1/32", "::1/128"]
    limits = ca.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (limits.ca, limits.path_length) == (True, 0)
    cert = x509.load_pem_x509_certificate(made.cert.read_bytes())
    cert.verify_directly_issued_by(ca)
    assert ca.public_key() != cert.public_key()
    texts = [path.read_text() for path in made.folder.iterdir()]
    assert sum(text.count("PRIVATE KEY") for text in texts) == 2  # its first line and its last


def test_without_a_folder_it_is_gone_afterwards() -> None:
    with provided(None, wall()) as certificates:
        assert certificates.new
        assert not certificates.kept
        assert certificates.key.exists()
    assert not certificates.folder.exists()


# --- what is kept -----------------------------------------------------------------------------------


def test_it_is_used_again_while_it_holds(tmp_path: Path) -> None:
    now = wall()
    with provided(tmp_path, now) as first:
        assert first.new
        assert first.kept
        before = first.cert.read_bytes()
    first.key.chmod(0o644)
    with provided(tmp_path, now + LIFETIME.total_seconds() - 2 * DAY) as again:
        assert not again.new
    assert again.cert.read_bytes() == before
    assert stat.S_IMODE(again.key.stat().st_mode) == 0o600
    with provided(tmp_path, now + LIFETIME.total_seconds() - DAY / 2) as later:
        assert later.new
    assert later.cert.read_bytes() != before


@pytest.mark.parametrize("name", ["relay-demo-ca.pem", "relay-demo-cert.pem", "relay-demo-key.pem"])
@pytest.mark.parametrize("text", [b"", b"no certificate", None])
def test_what_is_broken_or_missing_is_made_anew(tmp_path: Path, name: str, text: bytes | None) -> None:
    with provided(tmp_path, wall()) as first:
        pass
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(text)
    with provided(tmp_path, wall()) as again:
        assert again.new
        again.trust()
    assert first.folder == again.folder


def test_what_does_not_belong_together_is_made_anew(tmp_path: Path) -> None:
    with provided(tmp_path / "one", wall()) as one, provided(tmp_path / "other", wall()) as other:
        for path in ("ca", "key"):
            shutil.copy(getattr(other, path), getattr(one, path))
            with provided(tmp_path / "one", wall()) as again:
                assert again.new


def test_what_else_is_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem", "ca.pem"):
        (tmp_path / name).write_text("somebody's")
    with provided(tmp_path, wall()):
        pass
    for name in ("cert.pem", "key.pem", "ca.pem"):
        assert (tmp_path / name).read_text() == "somebody's"
    assert len(list(tmp_path.iterdir())) == 6


def test_a_folder_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(CertificateError, match=r"^No certificate can be kept in .*file/tls: Not a directory\.$"),
        provided(tmp_path / "file" / "tls", wall()),
    ):
        pass


# --- what it is good for ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
async def test_a_client_that_trusts_the_authority_gets_through_by_every_name(
    made: Certificates, name: str
) -> None:
    trust = made.trust()
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    async with stage.standing(port=0, ops_port=0, prepare=lambda _: None, certificates=made) as where:
        reader, writer = await asyncio.open_connection(stage.HOST, where.port, ssl=trust, server_hostname=name)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()


async def test_a_client_that_does_not_trust_it_is_warned(made: Certificates) -> None:
    async with stage.standing(port=0, ops_port=0, prepare=lambda _: None, certificates=made) as where:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            async with httpx.AsyncClient(trust_env=False) as client:
                await client.get(f"{where.origin}/healthz")
        with pytest.raises(ssl.SSLCertVerificationError, match="elsewhere"):
            await asyncio.open_connection(
                stage.HOST, where.port, ssl=made.trust(), server_hostname="elsewhere.example"
            )
