"""A key is told from a typo without a look-up, and from another key only by its secret."""

import hashlib
import hmac
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.core.keys import (
    ALPHABET,
    CHECKSUM_LENGTH,
    ENTROPY_BYTES,
    ID_LENGTH,
    PREFIX,
    SECRET_LENGTH,
    PresentedKey,
    StoredKey,
    base62,
    checksum,
    digest,
    matches,
    mint,
    parse,
    parse_stored,
)
from relay.core.words import Secret

ENTROPY = st.binary(min_size=ENTROPY_BYTES, max_size=64)
PEPPER = Secret("pepper")


def stored(presented: PresentedKey, version: int = 1, pepper: Secret = PEPPER) -> StoredKey:
    return StoredKey(presented.id, version, digest(pepper, presented.secret))


@given(ENTROPY)
def test_what_is_minted_is_read_back(entropy: bytes) -> None:
    token, parts = mint(entropy)
    assert parse(token) == parts
    assert len(parts.id) == ID_LENGTH
    assert len(parts.secret.reveal()) == SECRET_LENGTH


@given(ENTROPY, st.data())
def test_a_key_with_one_character_changed_is_refused(entropy: bytes, data: st.DataObject) -> None:
    token, _ = mint(entropy)
    index = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(ALPHABET + "_-é").filter(lambda character: character != token[index]))
    assert parse(token[:index] + other + token[index + 1 :]) is None


@given(ENTROPY, st.data())
def test_a_key_with_two_neighbours_swapped_is_refused(entropy: bytes, data: st.DataObject) -> None:
    token, _ = mint(entropy)
    index = data.draw(st.integers(0, len(token) - 2).filter(lambda at: token[at] != token[at + 1]))
    assert parse(token[:index] + token[index + 1] + token[index] + token[index + 2 :]) is None


@given(ENTROPY, st.sampled_from(["", " ", "\n", "0"]), st.sampled_from(["", " ", "\n", "0"]))
def test_a_key_stands_alone(entropy: bytes, before: str, after: str) -> None:
    token, _ = mint(entropy)
    assert (parse(before + token + after) is not None) == (before + after == "")


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    assert parse(text) is None
    assert parse_stored(text) is None


def test_a_key_looks_as_documented() -> None:
    token, parts = mint(bytes(ENTROPY_BYTES - 1) + b"\x3d")
    assert token == f"rlk_live_{'0' * 12}_{'0' * 31}z{checksum(parts.id, parts.secret.reveal())}"
    crc = zlib.crc32(f"{'0' * 12}_{'0' * 31}z".encode())
    assert token.endswith(base62(crc, CHECKSUM_LENGTH))


def test_minting_takes_enough_entropy_or_none_at_all() -> None:
    with pytest.raises(ValueError, match="40 bytes"):
        mint(bytes(ENTROPY_BYTES - 1))


@given(st.integers(0, 62**8 - 1))
def test_base62_keeps_numbers_and_their_order(number: int) -> None:
    digits = base62(number, 8)
    back = 0
    for digit in digits:
        back = back * 62 + ALPHABET.index(digit)
    assert back == number
    assert len(digits) == 8


def test_base62_drops_what_does_not_fit() -> None:
    assert base62(62**2 + 61, 2) == "0z"


def test_every_checksum_fits_its_place() -> None:
    assert 62**CHECKSUM_LENGTH > 2**32


@given(ENTROPY, st.integers(1, 999_999_999))
def test_a_stored_line_is_read_back_to_the_letter(entropy: bytes, version: int) -> None:
    _, parts = mint(entropy)
    key = stored(parts, version)
    assert parse_stored(key.line()) == key
    assert key.line().startswith(f"{PREFIX}{parts.id}:v{version}:")
    assert parts.secret.reveal() not in key.line()


@pytest.mark.parametrize("version", ["0", "01", "\u0661", "", "1000000000", "-1"])
def test_a_pepper_version_has_one_spelling(version: str) -> None:
    assert parse_stored(f"{PREFIX}{'a' * ID_LENGTH}:v{version}:{'0' * 64}") is None


def test_a_digest_is_an_hmac_keyed_with_the_pepper() -> None:
    expected = hmac.new(b"pepper", b"secret", hashlib.sha256).digest()
    assert digest(Secret("pepper"), Secret("secret")) == expected


@given(ENTROPY)
def test_a_key_matches_its_own_digest(entropy: bytes) -> None:
    _, parts = mint(entropy)
    assert matches(parts, stored(parts), {1: PEPPER})


@given(ENTROPY, ENTROPY)
def test_a_secret_does_not_match_another_s_digest(entropy: bytes, other: bytes) -> None:
    _, mine = mint(entropy)
    _, theirs = mint(other)
    assert matches(mine, stored(theirs), {1: PEPPER}) == (mine.secret == theirs.secret)


def test_an_unknown_key_matches_nothing() -> None:
    _, parts = mint(bytes(ENTROPY_BYTES))
    assert not matches(parts, None, {1: PEPPER})


def test_a_key_whose_pepper_is_gone_matches_nothing() -> None:
    _, parts = mint(bytes(ENTROPY_BYTES))
    assert not matches(parts, stored(parts, version=1), {2: PEPPER})


def test_a_key_made_with_another_pepper_matches_nothing() -> None:
    _, parts = mint(bytes(ENTROPY_BYTES))
    assert not matches(parts, stored(parts, pepper=Secret("salt")), {1: PEPPER})


def test_a_digest_of_zeroes_lets_nobody_in() -> None:
    _, parts = mint(bytes(ENTROPY_BYTES))
    assert not matches(parts, StoredKey(parts.id, 9, bytes(32)), {1: PEPPER})
    assert not matches(parts, StoredKey(parts.id, 1, bytes(32)), {1: PEPPER})
