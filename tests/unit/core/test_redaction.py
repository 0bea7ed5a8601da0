"""Secrets are taken out of text that others wrote: those we know, and whatever looks like one."""

import pytest

from relay.core.redaction import MASK, Redactor
from relay.core.words import Secret


def test_a_known_secret_is_masked_wherever_it_stands() -> None:
    redact = Redactor([Secret("pa55")])
    assert redact("pa55 and xpa55x") == f"{MASK} and x{MASK}x"


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert Redactor([Secret("abc"), Secret("abcdef")])("abcdef") == MASK


def test_an_empty_secret_masks_nothing() -> None:
    assert Redactor([Secret("")])("plain") == "plain"


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-abcdefgh1234",
        "Incorrect API key provided: sk-abc***********xyz.",
        "ek_abcdef123456",
        "rlk_live_0123456789ab_secret",
        "authorization: Bearer abc.def",
        "BEARER  abcdef",
        "openai-insecure-api-key.abcdef",
        "?api-key=abcdef&x=1",
        "api_key=abcdef",
    ],
)
def test_what_has_a_key_s_shape_is_masked_though_nobody_knows_it(text: str) -> None:
    clean = Redactor([])(text)
    assert MASK in clean
    assert "abc" not in clean
    assert "secret" not in clean


@pytest.mark.parametrize("text", ["", "The model gpt-x does not exist.", "ask-me", "risk_of_rain", "sk-1"])
def test_plain_words_are_left_alone(text: str) -> None:
    assert Redactor([Secret("hush")])(text) == text


def test_what_stands_after_a_key_in_a_query_stays() -> None:
    assert Redactor([])("api-key=abc&model=gpt-x") == f"{MASK}&model=gpt-x"
