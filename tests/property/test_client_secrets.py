"""Laws of client secrets: nothing forged opens, nothing sealed shows, and no body raises."""

import base64
import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import ClientSecretCreateResponse

from relay.core import minting
from relay.core.client_secrets import Form, Grant, Wish, answer
from relay.core.refusals import Refused
from relay.core.words import Secret, TenantId
from relay.edge.sealing import Sealer

SEALER = Sealer([Secret("a-sealing-key-of-the-tests-that-is-long")])
NAMES = st.sampled_from(
    [
        *("session", "expires_after", "relay", "client_secret", "expires_at", "anchor", "seconds", "type"),
        *("model", "audio", "input", "output", "voice", "format", "turn_detection", "transcription", "rate"),
        *("instructions", "tools", "tool_choice", "locked", "origin", "max_uses", "modalities", "temperature"),
        *("input_audio_format", "input_audio_transcription", "prompt", "tracing", "max_output_tokens", "id"),
    ]
)
VALUES = st.sampled_from(
    [
        "realtime",
        "transcription",
        "created_at",
        "auto",
        "server_vad",
        "none",
        "pcm16",
        "audio/pcm",
        "gpt-realtime-2.1",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8) | VALUES
JSON: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=5),
    max_leaves=20,
)
SESSIONS = st.none() | st.dictionaries(NAMES, JSON, max_size=4).map(
    lambda session: {"type": "realtime", **session}
)


def grant(instructions: str) -> Grant:
    return Grant(
        id="g1",
        tenant=TenantId("acme"),
        key_id="k1",
        expires_at=1_000,
        session={"type": "realtime", "instructions": instructions},
    )


@given(st.text(max_size=60), st.data())
def test_a_secret_with_any_character_changed_is_refused(instructions: str, data: st.DataObject) -> None:
    text = SEALER.seal(grant(instructions))
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="latin-1").filter(lambda character: character != text[at]))
    assert isinstance(SEALER.open(text[:at] + other + text[at + 1 :], 0), Refused)


@given(st.text(max_size=60), st.data())
def test_a_secret_with_any_bit_of_its_bytes_changed_is_refused(instructions: str, data: st.DataObject) -> None:
    head, _, tail = SEALER.seal(grant(instructions)).partition(".")
    sealed = bytearray(base64.urlsafe_b64decode(tail + "=" * (-len(tail) % 4)))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    forged = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
    assert isinstance(SEALER.open(f"{head}.{forged}", 0), Refused)


@given(st.text(max_size=60), st.data())
def test_a_secret_that_was_cut_or_extended_is_refused(instructions: str, data: st.DataObject) -> None:
    text = SEALER.seal(grant(instructions))
    cut = data.draw(st.integers(0, len(text) - 1))
    assert isinstance(SEALER.open(text[:cut], 0), Refused)
    assert isinstance(SEALER.open(text + data.draw(st.text(min_size=1, max_size=4)), 0), Refused)


@given(st.text(max_size=200))
def test_no_text_at_all_raises(text: str) -> None:
    assert isinstance(SEALER.open(text, 0), Refused)
    assert isinstance(SEALER.open(f"{SEALER.seal(grant(''))[:12]}{text}", 0), Refused)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=8, max_size=80))
def test_no_part_of_the_instructions_stands_in_the_secret(instructions: str) -> None:
    text = SEALER.seal(grant(instructions))
    tail = text.partition(".")[2]
    plain = instructions.encode()
    pieces = {plain[at : at + 8] for at in range(len(plain) - 7)}
    for shift in range(4):
        shifted = tail[shift:]
        raw = base64.urlsafe_b64decode(shifted[: len(shifted) // 4 * 4])
        assert not any(piece in raw for piece in pieces)
    assert not any(piece in text.encode() for piece in pieces)


@given(SESSIONS, st.integers(0, 2**40))
def test_whatever_session_a_body_may_hold_is_sealed_whole(session: Any, expires_at: int) -> None:
    wish = minting.read(json.dumps({"session": session}).encode(), Form.SECRET)
    if isinstance(wish, Wish):
        sealed = Grant(
            id="g", tenant=TenantId("t"), key_id="k", expires_at=expires_at + 1, session=wish.session
        )
        assert SEALER.open(SEALER.seal(sealed), expires_at) == sealed


@given(st.sampled_from(Form), JSON)
def test_any_body_is_read_or_refused(form: Form, body: Any) -> None:
    wish = minting.read(json.dumps(body).encode(), form)
    assert isinstance(wish, Wish | Refused)


@given(st.sampled_from(Form), st.dictionaries(NAMES, JSON, max_size=6))
def test_a_body_that_is_understood_is_answered(form: Form, body: dict[str, Any]) -> None:
    wish = minting.read(json.dumps(body).encode(), form)
    if isinstance(wish, Wish):
        told = answer(wish, "ek_x", 1, wish.session, "sess_1")
        assert msgspec.json.decode(msgspec.json.encode(told))


@given(SESSIONS)
def test_a_session_of_known_fields_that_is_understood_is_one_of_the_official_models(session: Any) -> None:
    wish = minting.read(json.dumps({"session": session}).encode(), Form.SECRET)
    if isinstance(wish, Wish):
        ClientSecretCreateResponse.model_validate(answer(wish, "ek_x", 1, wish.session, "sess_1"))


@given(st.sampled_from(Form), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(form: Form, body: bytes) -> None:
    assert isinstance(minting.read(body, form), Wish | Refused)
