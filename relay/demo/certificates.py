"""A certificate for this machine alone, and an authority that vouches for it and can vouch for nothing else.

Node's SDKs and pages served by https speak `wss:` only, so trying the relay with them takes a certificate that
they trust. The authority's key is thrown away once it has signed, and the authority is constrained to this
machine's names: whoever trusts it trusts one certificate.

Rule: a private key is never readable by others, not even while it is written; no file of another name is
touched, whatever else is in the folder.
"""

import datetime as dt
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from relay.core.words import UnixSeconds

LIFETIME: Final = dt.timedelta(days=365)
"""Browsers take no more than 398 days of a certificate, and Apple's no more than 825 of one's own authority."""
SPARE: Final = dt.timedelta(days=1)
"""What is about to run out is made anew; and clocks that are behind ours take a certificate of yesterday."""
ADDRESSES: Final = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))
NAMES: Final = x509.SubjectAlternativeName([x509.DNSName("localhost"), *map(x509.IPAddress, ADDRESSES)])
"""Every name of this machine that no other machine has."""
_ONLY_THOSE: Final = x509.NameConstraints(
    permitted_subtrees=[
        x509.DNSName("localhost"),
        *(x509.IPAddress(ipaddress.ip_network(address)) for address in ADDRESSES),
    ],
    excluded_subtrees=None,
)
_PRIVATE: Final = 0o600


class CertificateError(Exception):
    """No certificate can be kept where it was asked for; the text says why."""


class Certificates(msgspec.Struct, frozen=True):
    """Where the files are."""

    folder: Path
    new: bool
    """Whether they were made just now: nobody trusts them yet."""
    kept: bool
    """Whether they stay when the demonstration is over."""

    @property
    def ca(self) -> Path:
        """Return the authority's certificate: what a client has to trust."""
        return self.folder / "relay-demo-ca.pem"

    @property
    def cert(self) -> Path:
        """Return the server's certificate."""
        return self.folder / "relay-demo-cert.pem"

    @property
    def key(self) -> Path:
        """Return the private key of the server's certificate."""
        return self.folder / "relay-demo-key.pem"

    def trust(self) -> ssl.SSLContext:
        """Return a client's context that trusts the authority and no other."""
        return ssl.create_default_context(cafile=str(self.ca))


@contextmanager
def provided(folder: Path | None, now: UnixSeconds) -> Iterator[Certificates]:
    """Provide certificates: in *folder*, where they stay and are used again, or in one that is then removed.

    Raises `CertificateError` where nothing can be written there.
    """
    today = dt.datetime.fromtimestamp(now, dt.UTC)
    with ExitStack() as stack:
        kept = folder is not None
        try:
            if folder is None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relay-demo-")))
            else:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = Certificates(folder.absolute(), new=False, kept=kept)
            if _holds(found, today):
                found.key.chmod(_PRIVATE)
            else:
                found = _made(msgspec.structs.replace(found, new=True), today)
        except OSError as error:
            where = folder if kept else "a temporary folder"
            why = error.strerror or error
            raise CertificateError(f"No certificate can be kept in {where}: {why}.") from None
        yield found


def _holds(found: Certificates, today: dt.datetime) -> bool:
    """Say whether the files are there, belong together, and hold for a while yet."""
    try:
        ca, cert = (x509.load_pem_x509_certificate(path.read_bytes()) for path in (found.ca, found.cert))
        key = load_pem_private_key(found.key.read_bytes(), password=None)
        cert.verify_directly_issued_by(ca)
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    in_time = all(it.not_valid_before_utc <= today <= it.not_valid_after_utc - SPARE for it in (ca, cert))
    return in_time and names == NAMES and key.public_key() == cert.public_key()


def _made(made: Certificates, today: dt.datetime) -> Certificates:
    """Make an authority, let it sign one certificate, and forget its key; *made* says where the files go."""
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = _named("realtime-relay demo, this machine only")
    own_id = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    ca = (
        _begun(name, authority, today)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(_ONLY_THOSE, critical=True)
        .sign(authority, hashes.SHA256())
    )
    cert = (
        _begun(_named("localhost"), key, today)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own_id), critical=False)
        .add_extension(NAMES, critical=False)
        .sign(authority, hashes.SHA256())
    )
    _write(made.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), _PRIVATE)
    _write(made.cert, cert.public_bytes(Encoding.PEM), 0o644)
    _write(made.ca, ca.public_bytes(Encoding.PEM), 0o644)
    return made


def _begun(name: x509.Name, key: ec.EllipticCurvePrivateKey, today: dt.datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - SPARE)
        .not_valid_after(today + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    """Put *data* at *path*, whole or not at all, under *mode* from the first byte on."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
