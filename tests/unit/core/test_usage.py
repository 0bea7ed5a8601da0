"""Usage adds up, money is whole and rounded up, and what an upstream tells is read with care."""

import pytest

from relay.core.usage import (
    NO_USAGE,
    Price,
    PriceTable,
    Usage,
    read_response_usage,
    read_transcription_usage,
)


def price(**rates: float) -> Price:
    return Price(source="test", as_of="2026-01-01", **rates)


PRICES = PriceTable(
    {"a": price(text_in=1.0), "a-mini": price(text_in=0.5), "b": price(text_out=4.0, per_minute=0.6)}
)


def test_usage_adds_up_kind_by_kind() -> None:
    both = Usage(text_in=1, audio_out=2, seconds=0.5) + Usage(text_in=3, image_cached=4, seconds=1)
    assert both == Usage(text_in=4, audio_out=2, image_cached=4, seconds=1.5)
    assert both + NO_USAGE == both


def test_tokens_are_all_but_the_seconds() -> None:
    assert Usage(text_in=1, text_cached=2, audio_out=4, seconds=100).tokens == 7


def test_a_dollar_a_million_is_a_millionth_a_token() -> None:
    assert PRICES.cost("a", Usage(text_in=7)) == 7


def test_a_fraction_of_a_millionth_is_rounded_up() -> None:
    assert PRICES.cost("a-mini", Usage(text_in=3)) == 2


def test_adding_floats_is_not_rounded_up_into_money() -> None:
    table = PriceTable({"m": price(text_in=0.1, text_out=0.2)})
    assert table.cost("m", Usage(text_in=10, text_out=10)) == 3


def test_a_model_billed_by_time_costs_by_the_minute() -> None:
    assert PRICES.cost("b", Usage(seconds=30)) == 300_000


def test_an_upstream_s_factor_multiplies() -> None:
    assert PRICES.cost("a", Usage(text_in=100), 1.1) == 110


@pytest.mark.parametrize(("model", "known"), [
    ("a", "a"), ("a-2025-08-28", "a"), ("a-mini", "a-mini"), ("a-mini-2025", "a-mini"), ("a-minimal", "a"),
    ("", None), ("c", None), ("c-a", None), ("-a", None),
])  # fmt: skip
def test_a_snapshot_has_its_model_s_price(model: str, known: str | None) -> None:
    assert PRICES.of(model) is (PRICES.models[known] if known is not None else None)


def test_an_unknown_model_costs_the_dearest() -> None:
    assert PRICES.cost("c", Usage(text_in=1000, text_out=1)) == 1000
    assert PRICES.cost("c", Usage(text_in=1, text_out=1000)) == 4000
    assert PriceTable({}).cost("c", Usage(text_in=1)) == 0


def test_a_response_s_usage_is_read_with_the_cached_apart() -> None:
    told = {
        "total_tokens": 300,
        "input_tokens": 200,
        "output_tokens": 100,
        "input_token_details": {
            "text_tokens": 110,
            "audio_tokens": 70,
            "image_tokens": 20,
            "cached_tokens": 64,
            "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 3, "image_tokens": 1},
        },
        "output_token_details": {"text_tokens": 30, "audio_tokens": 70},
    }
    assert read_response_usage(told) == Usage(
        text_in=50,
        text_cached=60,
        audio_in=67,
        audio_cached=3,
        image_in=19,
        image_cached=1,
        text_out=30,
        audio_out=70,
    )


def test_tokens_that_no_detail_claims_are_text() -> None:
    assert read_response_usage({"input_tokens": 7, "output_tokens": 9}) == Usage(text_in=7, text_out=9)
    told = {"output_tokens": 9, "output_token_details": {"audio_tokens": 5}}
    assert read_response_usage(told) == Usage(text_out=4, audio_out=5)


def test_more_cached_than_there_were_is_not_negative() -> None:
    told = {
        "input_token_details": {
            "text_tokens": 1,
            "cached_tokens_details": {"text_tokens": 9, "audio_tokens": 9},
        }
    }
    assert read_response_usage(told) == Usage(text_cached=1)


@pytest.mark.parametrize("odd", [None, [], "x", {}, {"output_token_details": [1]}])
def test_usage_of_odd_shape_counts_as_none(odd: object) -> None:
    assert read_response_usage(odd) == NO_USAGE
    assert read_transcription_usage(odd) == NO_USAGE


@pytest.mark.parametrize("odd", [{"input_tokens": count} for count in (-1, 1.5, True, "7", 1 << 40)])
def test_a_count_that_makes_no_sense_counts_as_none(odd: object) -> None:
    assert read_response_usage(odd) == NO_USAGE
    assert read_transcription_usage(odd) == NO_USAGE


def test_a_transcription_is_told_in_seconds_or_in_tokens() -> None:
    assert read_transcription_usage({"type": "duration", "seconds": 3}) == Usage(seconds=3.0)
    assert read_transcription_usage({"type": "tokens", "input_tokens": 3}) == Usage(text_in=3)


@pytest.mark.parametrize("seconds", [-1, "3", None, 1e300])
def test_seconds_that_make_no_sense_count_as_none(seconds: object) -> None:
    assert read_transcription_usage({"type": "duration", "seconds": seconds}) == NO_USAGE
