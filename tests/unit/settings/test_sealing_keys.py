"""Sealing keys: what they mean together, and each doubt about one told once."""

from collections.abc import Callable

import pytest

from relay.settings import Settings, load

Told = Callable[[str], list[str]]
KEYS = "[keys]\n"


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("sealing_key = 'env:LONG'\nretired_sealing_keys = ['file:/secret', 'env:PEPPER']", []),
        (
            "retired_sealing_keys = ['env:LONG']",
            [
                (
                    "relay.toml:2: warning: keys.retired_sealing_keys: there is no sealing_key: one is drawn "
                    "at each start, and its client secrets end with the process"
                )
            ],
        ),
        (
            "sealing_key = 'env:LONG'\nretired_sealing_keys = ['env:PEPPER', 'env:LONG']",
            ["relay.toml:3: warning: keys.retired_sealing_keys[1]: is the sealing_key in use"],
        ),
        (
            "sealing_key = 'env:SHORT'\nretired_sealing_keys = ['env:SHORT']",
            [
                (
                    "relay.toml:2: warning: keys.sealing_key: the secret is shorter than 32 characters; "
                    "make one with: openssl rand -hex 32"
                ),
                "relay.toml:3: warning: keys.retired_sealing_keys[0]: is the sealing_key in use",
            ],
        ),
        (
            "sealing_key = 'env:LONG'\nretired_sealing_keys = ['file:/secret', 'env:PEPPER', 'file:/secret']",
            [
                (
                    "relay.toml:3: warning: keys.retired_sealing_keys[2]: is given twice; the first is "
                    "keys.retired_sealing_keys[0]"
                )
            ],
        ),
        (
            "sealing_key = 'env:LONG'\nretired_sealing_keys = ['env:SHORT', 'env:SHORT']",
            [
                (
                    "relay.toml:3: warning: keys.retired_sealing_keys[0]: the secret is shorter than 32 "
                    "characters; make one with: openssl rand -hex 32"
                ),
                (
                    "relay.toml:3: warning: keys.retired_sealing_keys[1]: is given twice; the first is "
                    "keys.retired_sealing_keys[0]"
                ),
            ],
        ),
        (
            "sealing_key = 'env:LONG'\nretired_sealing_keys = ['env:SHORT']",
            [
                (
                    "relay.toml:3: warning: keys.retired_sealing_keys[0]: the secret is shorter than 32 "
                    "characters; make one with: openssl rand -hex 32"
                )
            ],
        ),
    ],
)
def test_sealing_keys_are_looked_at_together(right: str, told: Told, keys: str, says: list[str]) -> None:
    assert told(right.replace(KEYS, f"{KEYS}{keys}\n")) == says


@pytest.mark.parametrize(
    "keys",
    [
        "sealing_key = 'env:NONE'\nretired_sealing_keys = ['env:LONG']",
        "sealing_key = 'env:LONG'\nretired_sealing_keys = ['env:NONE', 'file:/secret']",
    ],
)
def test_a_sealing_key_that_is_not_set_is_told_alone(right: str, told: Told, keys: str) -> None:
    (said,) = told(right.replace(KEYS, f"{KEYS}{keys}\n"))
    assert "the environment variable NONE is not set" in said


def test_secrets_that_are_not_looked_at_are_not_compared(right: str) -> None:
    keys = "sealing_key = 'env:A'\nretired_sealing_keys = ['env:B']\n"
    settings = load(right.replace(KEYS, KEYS + keys), environ={}, look_around=False)
    assert isinstance(settings, Settings)
    assert settings.warnings == ()
