"""Frames become messages: whole, bounded, and in the order that RFC 6455 demands."""

import pytest

from relay.core.assembly import (
    BINARY,
    CONTINUATION,
    MAX_CONTROL,
    MAX_FRAGMENTS,
    SMALL,
    TEXT,
    Assembly,
    close_code_is_sound,
    control_is_sound,
)
from relay.core.refusals import Reason


def whole(answer: memoryview | Reason | None) -> bytes:
    assert isinstance(answer, memoryview)
    return bytes(answer)


@pytest.fixture
def assembly() -> Assembly:
    return Assembly(10)


def test_a_message_in_one_frame_is_not_copied(assembly: Assembly) -> None:
    payload = memoryview(b"hello")
    assert assembly.data(TEXT, payload, fin=True) is payload
    assert assembly.idle


def test_fragments_are_joined(assembly: Assembly) -> None:
    assert assembly.data(BINARY, memoryview(b"he"), fin=False) is None
    assert not assembly.idle
    assert assembly.data(CONTINUATION, memoryview(b""), fin=False) is None
    assert whole(assembly.data(CONTINUATION, memoryview(b"llo"), fin=True)) == b"hello"
    assert assembly.idle
    assert assembly.opcode == BINARY


def test_what_was_joined_stays_when_the_next_message_comes(assembly: Assembly) -> None:
    assembly.data(TEXT, memoryview(b"a"), fin=False)
    first = assembly.data(CONTINUATION, memoryview(b"b"), fin=True)
    assembly.data(TEXT, memoryview(b"c"), fin=False)
    assert whole(assembly.data(CONTINUATION, memoryview(b"d"), fin=True)) == b"cd"
    assert whole(first) == b"ab"


def test_a_new_message_within_another_is_refused(assembly: Assembly) -> None:
    assembly.data(TEXT, memoryview(b"a"), fin=False)
    assert assembly.data(TEXT, memoryview(b"b"), fin=True) is Reason.PROTOCOL_ERROR


def test_nothing_cannot_be_continued(assembly: Assembly) -> None:
    assert assembly.data(CONTINUATION, memoryview(b"a"), fin=True) is Reason.PROTOCOL_ERROR


def test_the_cap_is_the_largest_message_in_one_frame(assembly: Assembly) -> None:
    assert whole(assembly.data(TEXT, memoryview(b"x" * 10), fin=True)) == b"x" * 10
    assert assembly.data(TEXT, memoryview(b"x" * 11), fin=True) is Reason.MESSAGE_TOO_BIG


def test_the_cap_is_the_largest_message_in_fragments(assembly: Assembly) -> None:
    assembly.data(TEXT, memoryview(b"x" * 9), fin=False)
    assert whole(assembly.data(CONTINUATION, memoryview(b"x"), fin=True)) == b"x" * 10
    assembly.data(TEXT, memoryview(b"x" * 9), fin=False)
    assert assembly.data(CONTINUATION, memoryview(b"xx"), fin=True) is Reason.MESSAGE_TOO_BIG


def test_empty_fragments_without_end_are_a_flood(assembly: Assembly) -> None:
    assembly.data(TEXT, memoryview(b""), fin=False)
    for _ in range(MAX_FRAGMENTS - 1):
        assert assembly.data(CONTINUATION, memoryview(b""), fin=False) is None
    assert assembly.data(CONTINUATION, memoryview(b""), fin=True) is Reason.MESSAGE_TOO_BIG


def test_small_fragments_that_hold_something_are_none() -> None:
    assembly = Assembly(1 << 20)
    assembly.data(TEXT, memoryview(b""), fin=False)
    for _ in range(4 * MAX_FRAGMENTS):
        assert assembly.data(CONTINUATION, memoryview(b"x" * SMALL), fin=False) is None


def test_a_control_frame_is_whole_and_short() -> None:
    assert control_is_sound(MAX_CONTROL, fin=True)
    assert not control_is_sound(MAX_CONTROL + 1, fin=True)
    assert not control_is_sound(0, fin=False)


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1014, 3000, 4999])
def test_a_close_frame_may_carry_a_code_that_is_defined(code: int) -> None:
    assert close_code_is_sound(code, 2)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000])
def test_a_close_frame_may_not_carry_any_other(code: int) -> None:
    assert not close_code_is_sound(code, 2)


def test_a_close_frame_may_be_empty_but_not_hold_half_a_code() -> None:
    assert close_code_is_sound(None, 0)
    assert not close_code_is_sound(None, 1)
    assert not close_code_is_sound(None, 2)
