"""Usage adds up, costs never go down, and nothing an upstream may say makes either negative."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from relay.core.usage import (
    KINDS,
    NO_USAGE,
    TOKEN_KINDS,
    Price,
    PriceTable,
    Usage,
    read_response_usage,
    read_transcription_usage,
)

counts = st.integers(0, 10**9)
usages = st.builds(Usage, **dict.fromkeys(TOKEN_KINDS, counts), seconds=st.integers(0, 10**6).map(float))
rates = st.floats(0, 1000)
prices = st.builds(
    Price,
    **dict.fromkeys(TOKEN_KINDS, rates),
    per_minute=rates,
    source=st.just("test"),
    as_of=st.just("2026-01-01"),
)
names = st.sampled_from(["a", "a-b", "a-b-c", "b", ""])
priced = st.dictionaries(names, prices, max_size=4).map(PriceTable)
factors = st.floats(0.1, 10)
fields = st.sampled_from(
    [
        *("type", "seconds", "input_tokens", "output_tokens", "input_token_details", "output_token_details"),
        *("cached_tokens_details", "text_tokens", "audio_tokens", "image_tokens"),
    ]
)
wild = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just("duration"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(fields, inner, max_size=6),
    max_leaves=12,
)


@given(usages, usages, usages)
def test_usage_adds_up_in_any_order(one: Usage, two: Usage, three: Usage) -> None:
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)
    assert one + NO_USAGE == one
    assert (one + two).tokens == one.tokens + two.tokens


@given(priced, names, usages, usages, factors)
def test_more_usage_never_costs_less(
    table: PriceTable, model: str, one: Usage, more: Usage, factor: float
) -> None:
    cost = table.cost(model, one, factor)
    assert isinstance(cost, int)
    assert 0 <= cost <= table.cost(model, one + more, factor)


def exactly(price: Price, usage: Usage) -> Fraction:
    """Return what *usage* costs in millionths of a dollar, unrounded."""
    exact = Fraction(usage.seconds) * Fraction(price.per_minute) / 60 * 1_000_000
    for kind in TOKEN_KINDS:
        exact += getattr(usage, kind) * Fraction(getattr(price, kind))
    return exact


@given(prices, usages)
def test_a_bill_is_the_exact_cost_rounded_up(price: Price, usage: Usage) -> None:
    cost, exact = PriceTable({"m": price}).cost("m", usage), exactly(price, usage)
    floats = Fraction(1, 10**6) + exact / 10**12
    assert exact - floats <= cost < exact + 1 + floats


@given(prices, st.lists(usages, min_size=1, max_size=5))
def test_billing_in_parts_never_slips_under_the_whole(price: Price, parts: list[Usage]) -> None:
    table = PriceTable({"m": price})
    whole = sum(parts, NO_USAGE)
    total = sum(table.cost("m", part) for part in parts)
    rounding = 1e-6 * len(parts) + 1e-9 * total
    assert table.cost("m", whole) - rounding - 1 <= total <= table.cost("m", whole) + len(parts) + rounding


@given(priced, names, usages)
def test_an_unknown_model_costs_no_less_than_any_known_one(table: PriceTable, known: str, usage: Usage) -> None:
    assert table.cost("unknown", usage) >= table.cost(known, usage)


@given(wild)
def test_nothing_an_upstream_says_is_read_as_less_than_none(told: object) -> None:
    for usage in (read_response_usage(told), read_transcription_usage(told)):
        assert all(getattr(usage, kind) >= 0 for kind in KINDS)
        assert all(type(getattr(usage, kind)) is int for kind in TOKEN_KINDS)
        assert 0 <= usage.tokens < 1 << 44


@given(st.lists(st.integers(0, 10**6), min_size=8, max_size=8))
def test_a_response_s_usage_loses_no_token(numbers: list[int]) -> None:
    text, audio, image, cached_text, cached_audio, cached_image, text_out, audio_out = numbers
    told = {
        "input_tokens": text + audio + image,
        "output_tokens": text_out + audio_out,
        "input_token_details": {
            "text_tokens": text,
            "audio_tokens": audio,
            "image_tokens": image,
            "cached_tokens_details": {
                "text_tokens": cached_text,
                "audio_tokens": cached_audio,
                "image_tokens": cached_image,
            },
        },
        "output_token_details": {"text_tokens": text_out, "audio_tokens": audio_out},
    }
    usage = read_response_usage(told)
    assert usage.tokens == sum((text, audio, image, text_out, audio_out))
    assert usage.text_cached <= text
    assert usage.audio_out == audio_out
