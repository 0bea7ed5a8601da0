"""What is sealed opens whole with the same key, for nobody else, and tells nothing to whoever looks at it."""

import base64
import re

import msgspec
import pytest

from relay.core.client_secrets import Grant
from relay.core.hello import CLIENT_SECRET as PREFIX
from relay.core.refusals import Refusal, Refused
from relay.core.words import Secret, TenantId
from relay.edge.sealing import KEY_ID_LENGTH, Sealer

OLD, NEW = Secret("an-old-sealing-key-of-thirty-two-chars"), Secret("a-new-sealing-key-of-thirty-two-chars")
GRANT = Grant(
    id="g1",
    tenant=TenantId("acme"),
    key_id="a1B2c3D4e5F6",
    expires_at=1_000,
    session={"type": "realtime", "instructions": "The vault opens at nine.", "tools": [{"type": "function"}]},
    origin="https://app.example",
    locked=frozenset({"voice", "instructions"}),
    beta=True,
    max_uses=1,
)
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""RFC 9110, 5.6.2: what a subprotocol consists of."""


def refused(sealer: Sealer, text: str, now: float = 0) -> str:
    answer = sealer.open(text, now)
    assert isinstance(answer, Refused)
    assert answer.refusal is Refusal.INVALID_KEY
    assert text not in answer.message or not text
    return answer.message


def test_a_grant_comes_back_as_it_was_sealed() -> None:
    sealer = Sealer([NEW])
    assert sealer.open(sealer.seal(GRANT), 999.9) == GRANT


def test_any_relay_with_the_key_opens_it() -> None:
    assert Sealer([NEW]).open(Sealer([NEW]).seal(GRANT), 0) == GRANT


def test_a_secret_is_of_its_form_and_fit_for_a_subprotocol() -> None:
    text = Sealer([NEW]).seal(GRANT)
    assert re.fullmatch(rf"{PREFIX}[0-9A-Za-z]{{{KEY_ID_LENGTH}}}\.[A-Za-z0-9_-]+", text)
    assert TOKEN.fullmatch(text)


def test_two_secrets_of_one_grant_have_nothing_in_common_but_their_key() -> None:
    sealer = Sealer([NEW])
    one, two = sealer.seal(GRANT), sealer.seal(GRANT)
    start = len(PREFIX) + KEY_ID_LENGTH + 1
    assert one[:start] == two[:start]
    assert one[start + 4 :] != two[start + 4 :]
    assert sum(a == b for a, b in zip(one[start:], two[start:], strict=True)) < len(one) / 4


def test_nothing_in_it_can_be_read() -> None:
    text = Sealer([NEW]).seal(GRANT)
    tail = text.partition(".")[2]
    decoded = [tail[shift:] for shift in range(4)]
    raw = [base64.urlsafe_b64decode(part[: len(part) // 4 * 4]) for part in decoded]
    for word in ("vault", "nine", "acme", "app.example", "a1B2c3D4e5F6", "instructions"):
        assert word not in text
        assert not any(word.encode() in part for part in raw)


def test_the_first_key_seals_and_every_key_opens() -> None:
    before, during, after = Sealer([OLD]), Sealer([NEW, OLD]), Sealer([NEW])
    old, new = before.seal(GRANT), during.seal(GRANT)
    assert during.open(old, 0) == GRANT
    assert after.open(new, 0) == GRANT
    assert "sealing key has been retired" in refused(after, old)
    assert old[:11] != new[:11]


def test_a_drawn_key_is_no_other_processs() -> None:
    here = Sealer.drawn()
    text = here.seal(GRANT)
    assert here.open(text, 0) == GRANT
    assert "not issued by this relay" in refused(Sealer.drawn(), text)


def test_a_sealer_without_a_key_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="takes a key"):
        Sealer([])


def test_an_expired_secret_is_told_so() -> None:
    sealer = Sealer([NEW])
    assert "has expired" in refused(sealer, sealer.seal(GRANT), now=1_000)


def test_the_key_id_is_authenticated() -> None:
    # Two relays whose keys differ: the text of one, under the key id of the other.
    sealer = Sealer([NEW, OLD])
    old = Sealer([OLD]).seal(GRANT)
    new = Sealer([NEW]).seal(GRANT)
    forged = new.partition(".")[0] + "." + old.partition(".")[2]
    assert "not whole" in refused(sealer, forged)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ek_",
        "ek_.",
        "ek_short.AAAA",
        "sk-somebody-elses",
        "rlk_live_x",
        "ek_é.é",
        "ek_68af296b0dd48191a0b1",
    ],
)
def test_what_is_no_secret_of_ours_is_told_so(text: str) -> None:
    assert "not issued by this relay" in refused(Sealer([NEW]), text)


@pytest.mark.parametrize("tail", ["", "A", "AAAA", "=" * 40, "A" * 40, "\u00e9" * 40, "AQ" * 30 + "=="])
def test_a_secret_of_our_key_that_is_no_sealed_text_is_not_whole(tail: str) -> None:
    sealer = Sealer([NEW])
    assert "not whole" in refused(sealer, sealer.seal(GRANT).partition(".")[0] + "." + tail)


def test_another_spelling_of_the_same_bytes_is_not_the_same_secret() -> None:
    sealer = Sealer([NEW])
    # Of a length whose last character has bits to spare.
    text = next(
        text
        for size in range(3)
        if len((text := sealer.seal(msgspec.structs.replace(GRANT, id="g" * size))).partition(".")[2]) % 4
    )
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]
    assert "not whole" in refused(sealer, other)
    assert "not whole" in refused(sealer, text + "=")


def test_what_another_release_sealed_as_something_else_is_refused_and_not_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sealer = Sealer([NEW])
    monkeypatch.setattr("relay.edge.sealing._encode", lambda grant: msgspec.msgpack.encode(["g", 7]))
    assert "another version" in refused(sealer, sealer.seal(GRANT))


def test_a_session_for_a_store_opens_for_its_own_secret_alone() -> None:
    sealer = Sealer([OLD])
    sealed = sealer.seal_session("g1", b'{"instructions":"The vault opens at nine."}')
    assert b"vault" not in sealed
    assert Sealer([NEW, OLD]).open_session("g1", sealed) == b'{"instructions":"The vault opens at nine."}'
    assert sealer.open_session("g2", sealed) is None
    assert Sealer([NEW]).open_session("g1", sealed) is None
    assert sealer.open_session("g1", sealed[:-1] + bytes([sealed[-1] ^ 1])) is None
    assert sealer.open_session("g1", b"") is None


def test_a_stored_session_is_no_secret() -> None:
    sealer = Sealer([NEW])
    sealed = sealer.seal_session("g1", b"{}")
    body = base64.urlsafe_b64encode(sealed[KEY_ID_LENGTH:]).rstrip(b"=").decode()
    assert "not whole" in refused(sealer, f"{PREFIX}{sealed[:KEY_ID_LENGTH].decode()}.{body}")
