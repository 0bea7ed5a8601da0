"""A tenant key's form, checksum, digest and comparison.

    rlk_live_<id: 12 base62>_<secret: 32 base62><crc32: 6 base62>

The id finds the digest, the checksum lets a scanner or a typo be told without a look-up, and the
secret is never stored: only HMAC-SHA-256(pepper, secret) is. A plain fast hash is right here, since the
secret holds 190 bits (OWASP ASVS 6.5.2); a slow one would hand every stranger a lever at the door.

Rule: nothing here tells by its time, or by its answer, whether an id exists.
"""

import hashlib
import hmac
import re
import zlib
from collections.abc import Mapping
from typing import Final

import msgspec

from relay.core.words import Secret

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX: Final = "rlk_live_"
ID_LENGTH: Final = 12
SECRET_LENGTH: Final = 32
CHECKSUM_LENGTH: Final = 6
"""62**6 > 2**32: six characters hold a CRC-32, as GitHub's tokens do."""
ENTROPY_BYTES: Final = 40
"""What `mint` wants: more than the 33 bytes that 44 base62 characters hold, so that the modulus is fair."""

_TOKEN: Final = re.compile(
    rf"{PREFIX}([0-9A-Za-z]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)
_STORED: Final = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{ID_LENGTH}}}):v([1-9][0-9]{{0,8}}):([0-9a-f]{{64}})")
_DUMMY: Final = bytes(32)


class PresentedKey(msgspec.Struct, frozen=True):
    """A well-formed key that a client showed; whether it is anyone's is not known yet."""

    id: str
    secret: Secret


class StoredKey(msgspec.Struct, frozen=True):
    """A key as it is kept: who it is, which pepper, and the digest."""

    id: str
    pepper: int
    digest: bytes

    def line(self) -> str:
        """Return it as `relay.toml` holds it."""
        return f"{PREFIX}{self.id}:v{self.pepper}:{self.digest.hex()}"


def base62(number: int, length: int) -> str:
    """Write *number* in *length* digits, the most significant first; what does not fit is dropped."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def checksum(key_id: str, secret: str) -> str:
    """Return the six characters that end a key."""
    return base62(zlib.crc32(f"{key_id}_{secret}".encode()), CHECKSUM_LENGTH)


def mint(entropy: bytes) -> tuple[str, PresentedKey]:
    """Make a key out of *entropy*: `ENTROPY_BYTES` from the system's generator. Return its text and parts."""
    if len(entropy) < ENTROPY_BYTES:
        raise ValueError(f"a key takes {ENTROPY_BYTES} bytes of entropy")
    drawn = base62(int.from_bytes(entropy), ID_LENGTH + SECRET_LENGTH)
    key_id, secret = drawn[:ID_LENGTH], drawn[ID_LENGTH:]
    token = f"{PREFIX}{key_id}_{secret}{checksum(key_id, secret)}"
    return token, PresentedKey(key_id, Secret(secret))


def parse(token: str) -> PresentedKey | None:
    """Return the parts of *token*, or None where it is no key of ours: by its form or its checksum."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    key_id, secret, check = match.groups()
    if not hmac.compare_digest(check, checksum(key_id, secret)):
        return None
    return PresentedKey(key_id, Secret(secret))


def parse_stored(line: str) -> StoredKey | None:
    """Read a key as `relay.toml` holds it; None where it is not of that form."""
    match = _STORED.fullmatch(line)
    if match is None:
        return None
    return StoredKey(match[1], int(match[2]), bytes.fromhex(match[3]))


def digest(pepper: Secret, secret: Secret) -> bytes:
    """Return what is stored of *secret*: HMAC-SHA-256, keyed with the pepper."""
    return hmac.digest(pepper.reveal().encode(), secret.reveal().encode(), hashlib.sha256)


def matches(presented: PresentedKey, stored: StoredKey | None, peppers: Mapping[int, Secret]) -> bool:
    """Tell whether *presented* is *stored*, in the same time whether or not there is such a key."""
    known = stored is not None and stored.pepper in peppers
    if stored is not None and known:
        pepper, expected = peppers[stored.pepper], stored.digest
    else:
        pepper, expected = Secret("no such key"), _DUMMY
    same = hmac.compare_digest(digest(pepper, presented.secret), expected)
    return same and known
