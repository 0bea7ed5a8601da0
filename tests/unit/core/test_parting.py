"""Whatever ended a session, the close frame is one that the peer accepts, and the words are for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.core.parting import (
    MAX_CLOSE_REASON_BYTES,
    answer_code,
    parting_words,
    wire_code,
    wire_reason,
)
from relay.core.refusals import Reason
from relay.core.tenants import Plan

FORBIDDEN = {1004, 1005, 1006, 1015, *range(1016, 3000)}
"""RFC 6455, 7.4: never on the wire, or kept for versions of the protocol to come."""


@given(st.integers(-(2**31), 2**31) | st.integers(990, 5010))
def test_no_code_is_sent_that_a_peer_would_fail_us_for(code: int) -> None:
    sent = wire_code(code)
    assert 1000 <= sent <= 4999
    assert sent not in FORBIDDEN


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1008, 1011, 1012, 1013, 1014, 3000, 4009, 4999])
def test_a_code_that_may_be_sent_is_carried_across(code: int) -> None:
    assert wire_code(code) == code


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000])
def test_a_code_that_may_not_be_sent_becomes_an_internal_error(code: int) -> None:
    assert wire_code(code) == 1011


def test_a_close_without_a_code_is_answered_as_an_ordinary_one() -> None:
    assert answer_code(1005) == 1000
    assert answer_code(1006) == 1011
    assert answer_code(4321) == 4321


@given(st.text(max_size=200))
def test_a_reason_fits_its_frame_in_valid_utf_8(reason: str) -> None:
    sent = wire_reason(reason)
    assert len(sent) <= MAX_CLOSE_REASON_BYTES
    assert reason.startswith(sent.decode())
    assert sent.decode() == reason or len(sent) > MAX_CLOSE_REASON_BYTES - 4


def test_a_reason_that_is_no_valid_text_is_sent_all_the_same() -> None:
    assert wire_reason("a\ud800b") == b"a?b"


def test_a_reason_is_cut_between_characters() -> None:
    assert wire_reason("x" * 121 + "é" + "y") == b"x" * 121 + "é".encode()
    assert wire_reason("x" * 122 + "é") == b"x" * 122


@pytest.mark.parametrize("reason", Reason)
def test_every_end_has_words(reason: Reason) -> None:
    words = parting_words(reason, Plan(name="standard"))
    assert words.endswith(".")
    assert words[0].isupper()


def test_the_words_name_the_plan_s_figures() -> None:
    plan = Plan(name="short", session_seconds=90, idle_seconds=30)
    assert "1.5 minutes" in parting_words(Reason.TOO_OLD, plan)
    assert "30 seconds" in parting_words(Reason.IDLE, plan)
