"""Sealing: what a client secret holds, made unreadable and unforgeable with a key that only relays have.

    ek_<key id: 8 base62>.<base64url: version · nonce · ciphertext · tag>

ChaCha20-Poly1305, under a key that HKDF-SHA256 derives from the configured one; version and key id are
authenticated along with the content. Every character may stand in a WebSocket subprotocol (RFC 9110, `token`),
which is how a browser shows it.

Rule: what does not open is refused, and the refusal tells apart only what its bearer could see for itself:
that the key is not one of ours, and that the time is over.
"""

import base64
import binascii
import secrets
from collections.abc import Sequence
from typing import Final, Self

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from relay.core.client_secrets import Grant
from relay.core.hello import CLIENT_SECRET as PREFIX
from relay.core.keys import base62
from relay.core.refusals import Refusal, Refused
from relay.core.words import Secret, UnixSeconds

VERSION: Final = b"\x01"
"""Of the form. A relay of another version refuses these within the two hours that they hold."""
KEY_ID_LENGTH: Final = 8
"""Base62: 47 bits tell the handful of keys apart that are ever in use at once."""
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
LONGEST: Final = 4096
"""Characters of a secret. One that would be longer refers to its session instead: the line that carries it has
to pass load balancers that take headers of 8 KiB."""
_DRAWN_BYTES: Final = 32

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Grant).decode


class _Key:
    """One configured key: its id, and its cipher."""

    def __init__(self, configured: Secret) -> None:
        raw = configured.reveal().encode()
        self.id = base62(int.from_bytes(_derived(raw, b"relay client secret: key id", 8)), KEY_ID_LENGTH)
        self.cipher = ChaCha20Poly1305(_derived(raw, b"relay client secret: key", 32))


def _derived(raw: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(raw)


class Sealer:
    """Seals with the first of its keys, and opens with any."""

    def __init__(self, keys: Sequence[Secret]) -> None:
        made = [_Key(key) for key in keys]
        if not made:
            raise ValueError("a sealer takes a key at least")
        self._first = made[0]
        self._keys = {key.id: key for key in made}

    @classmethod
    def drawn(cls) -> Self:
        """Make one whose key nobody knows: what it seals, only this process opens."""
        return cls([Secret(secrets.token_hex(_DRAWN_BYTES))])

    def seal(self, grant: Grant) -> str:
        """Return *grant* as a client secret, however long it gets."""
        sealed = self._sealed(_encode(grant), PREFIX.encode())
        return f"{PREFIX}{self._first.id}.{_text(sealed)}"

    def open(self, text: str, now: UnixSeconds) -> Grant | Refused:
        """Return what the client secret *text* grants, or `INVALID_KEY`: not ours, changed, or expired."""
        key_id, dot, sealed = text.removeprefix(PREFIX).partition(".")
        key = self._keys.get(key_id)
        if not text.startswith(PREFIX) or not dot or key is None:
            return _refused("was not issued by this relay, or its sealing key has been retired")
        opened = _opened(key, _bytes(sealed), PREFIX.encode())
        grant = None if opened is None else _read(opened)
        if grant is None:
            return _refused("is not whole: it was cut off, changed, or made by another version of the relay")
        if grant.expired(now):
            return _refused("has expired")
        return grant

    def seal_session(self, secret: str, session: bytes) -> bytes:
        """Return *session*, which a store is to keep for the client secret with the id *secret*, sealed."""
        return self._first.id.encode() + self._sealed(session, secret.encode())

    def open_session(self, secret: str, sealed: bytes) -> bytes | None:
        """Return the session that was sealed for *secret*, or None if it does not open."""
        key = self._keys.get(sealed[:KEY_ID_LENGTH].decode("latin-1"))
        return None if key is None else _opened(key, sealed[KEY_ID_LENGTH:], secret.encode())

    def _sealed(self, content: bytes, about: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return VERSION + nonce + self._first.cipher.encrypt(nonce, content, _beside(self._first, about))


def _beside(key: _Key, about: bytes) -> bytes:
    """Return the associated data: no text sealed as one thing opens as another."""
    return VERSION + key.id.encode() + b":" + about


def _opened(key: _Key, sealed: bytes, about: bytes) -> bytes | None:
    if len(sealed) < len(VERSION) + NONCE_BYTES + TAG_BYTES or not sealed.startswith(VERSION):
        return None
    start = len(VERSION) + NONCE_BYTES
    try:
        return key.cipher.decrypt(sealed[len(VERSION) : start], sealed[start:], _beside(key, about))
    except InvalidTag:
        return None


def _read(opened: bytes) -> Grant | None:
    try:
        return _decode(opened)
    except msgspec.DecodeError:
        return None  # sealed by a relay that means something else by a grant


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Read base64url without padding; empty where it is anything else, or another spelling of some bytes."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    return sealed if _text(sealed) == text else b""


def _refused(why: str) -> Refused:
    return Refused(Refusal.INVALID_KEY, f"The client secret {why}. Mint a new one.")
