from typing import Annotated

import pytest
from msgspec import Meta, Struct

from relay.simulator.errors import MAX_DEPTH, Refused, checked, kind_of, parsed


class Inner(Struct, forbid_unknown_fields=True, tag="inner", tag_field="type"):
    size: Annotated[int, Meta(ge=1, le=9)] = 1
    words: Annotated[list[str], Meta(min_length=1)] = []


class Outer(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(max_length=3)]
    inner: Inner | None = None
    code: Annotated[str, Meta(pattern="^x")] = "x"
    share: Annotated[float, Meta(ge=0.5)] = 1.0


@pytest.mark.parametrize(
    ("payload", "code", "param", "words"),
    [
        ({}, "missing_required_parameter", "at.name", "Missing required parameter: 'at.name'."),
        ({"name": "a", "x": 1}, "unknown_parameter", "at.x", "Unknown parameter: 'at.x'."),
        ({"name": "abcd"}, "string_above_max_length", "at.name", "maximum length 3"),
        ({"name": 5}, "invalid_type", "at.name", "expected string, but got integer"),
        ({"name": "a", "inner": {"type": "x"}}, "invalid_value", "at.inner.type", "'x'"),
        (
            {"name": "a", "inner": {"type": "inner", "size": 0}},
            "integer_below_min_value",
            "at.inner.size",
            "Expected a value >= 1",
        ),
        (
            {"name": "a", "inner": {"type": "inner", "words": []}},
            "array_below_min_length",
            "at.inner.words",
            "too short",
        ),
        ({"name": "a", "share": 0.1}, "decimal_below_min_value", "at.share", ">= 0.5"),
        ({"name": "a", "code": "y"}, "invalid_value", "at.code", "matching regex"),
        ([], "invalid_type", "at", "expected object, but got array"),
    ],
)
def test_what_is_wrong_is_said_in_the_apis_words(payload: object, code: str, param: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        checked(payload, Outer, "at")
    assert (caught.value.code, caught.value.param) == (code, param)
    assert words in caught.value.message


def test_what_is_right_is_returned() -> None:
    assert checked({"name": "abc"}, Outer) == Outer("abc")


def test_some_codes_have_a_type_of_their_own() -> None:
    assert kind_of("server_error") == "server_error"
    assert kind_of("invalid_model") == "invalid_request_error"


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_json_may_be_nested_so_deep_and_no_deeper(opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"

    def nested(depth: int) -> bytes:
        return opening * depth + b"1" + closing * depth

    parsed(nested(MAX_DEPTH - 1))
    for depth in (MAX_DEPTH, 990, 100_000):
        with pytest.raises(Refused) as caught:
            parsed(nested(depth))
        assert caught.value.code == "invalid_json"
