"""What is read strictly means the same to every parser; the rest is refused, quickly, with a reason."""

import time

import pytest

from relay.core.strict import MAX_DEPTH, MAX_PARTS, LooseJsonError, read_strictly


def nested(depth: int) -> str:
    """An event whose deepest container is *depth* containers down."""
    return '{"a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("{}", {}),
        (' {"type": "x"}\r\n\t', {"type": "x"}),
        ('{"a": [1, -2, 3.5, 1e3, true, false, null, ""]}', {"a": [1, -2, 3.5, 1000.0, True, False, None, ""]}),
        (r'{"\u0061": "\ud83d\ude00\n"}', {"a": "😀\n"}),
        ('{"a": {"a": 1}, "b": {"a": 1}}', {"a": {"a": 1}, "b": {"a": 1}}),
    ],
)
def test_a_sound_event_is_read(text: str, event: dict[str, object]) -> None:
    assert read_strictly(text) == event


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("hello", "Expecting value"),
        ("\ufeff{}", "Expecting value"),
        ("{} {}", "Extra data"),
        ("{'a': 1}", "property name"),
        ('{"a": 1,}', "double quotes|trailing comma"),
        ('{"a": "\n"}', "Invalid control character"),
        ("[]", "JSON object"),
        ('"x"', "JSON object"),
        ("null", "JSON object"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "Infinity"),
        ('{"a": 1e999}', "double"),
        ('{"a": -1e999}', "double"),
        ('{"a": 1, "a": 1}', "twice"),
        (r'{"a": 1, "\u0061": 2}', "twice"),
        ('{"x": [{"a": 1, "b": 2, "a": 3}]}', "twice"),
        (r'{"a": "\ud800"}', "surrogate"),
        (r'{"\udc00": 1}', "surrogate"),
        (r'{"a": "\ude00\ud83d"}', "surrogate"),
    ],
)
def test_a_loose_one_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(LooseJsonError, match=why):
        read_strictly(text)


def test_whole_numbers_go_as_far_as_64_bits_do() -> None:
    most = 2**63 - 1
    assert read_strictly(f'{{"a": [{most}, {-most}]}}') == {"a": [most, -most]}


@pytest.mark.parametrize("digits", [f"{2**63}", f"{-(2**63)}", f"{2**64}", "1" * 30, "-1" + "0" * 5000])
def test_a_whole_number_beyond_them_is_refused(digits: str) -> None:
    with pytest.raises(LooseJsonError, match="64 bits"):
        read_strictly(f'{{"a": {digits}}}')


def test_an_event_nests_as_deep_as_allowed_and_no_deeper() -> None:
    assert read_strictly(nested(MAX_DEPTH))
    with pytest.raises(LooseJsonError, match="deeper"):
        read_strictly(nested(MAX_DEPTH + 1))


def test_an_event_that_nests_beyond_any_stack_is_refused_all_the_same() -> None:
    with pytest.raises(LooseJsonError, match="deeper"):
        read_strictly(nested(20_000))


def test_an_event_has_so_many_values_and_no_more() -> None:
    assert read_strictly('{"a":[' + ",".join("0" * (MAX_PARTS - 1)) + "]}")
    with pytest.raises(LooseJsonError, match="values"):
        read_strictly('{"a":[' + ",".join("0" * (MAX_PARTS + 1)) + "]}")


@pytest.mark.parametrize(
    "prose", ["," * (MAX_PARTS * 2), r"\"," * (MAX_PARTS * 2), "[{" * MAX_PARTS, "\\\\" * MAX_PARTS]
)
def test_prose_full_of_commas_is_not_many_values(prose: str) -> None:
    assert read_strictly(f'{{"a":"{prose}"}}')


@pytest.mark.parametrize(
    "text",
    [
        "," * MAX_PARTS + "," + '"' + '\\"' * 1_000_000,
        "," * MAX_PARTS + "," + '"' * 1_000_001,
        "," * MAX_PARTS + "," + '"' + "\\" * 1_000_001,
        '"' + "x" * 1_000_000 + "," * MAX_PARTS + ",\\",
    ],
)
def test_a_text_made_to_be_slow_is_refused_in_no_time(text: str) -> None:
    started = time.process_time()
    with pytest.raises(LooseJsonError):
        read_strictly(text)
    assert time.process_time() - started < 2, "quadratic: this took minutes of processor time"
