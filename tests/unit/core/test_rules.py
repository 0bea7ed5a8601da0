"""The names of what may be locked, the places where it is said, and how a client's words are looked at."""

import pytest

from relay.core.rules import LOCKABLE, Rules, folded, says, shown
from relay.core.tenants import Policy

FREE = Rules(Policy(), None, None)


def test_no_place_belongs_to_two_settings() -> None:
    places = [place for held in LOCKABLE.values() for place in held]
    assert len(places) == len(set(places))


@pytest.mark.parametrize("setting", LOCKABLE)
def test_a_setting_is_locked_by_the_policy_or_by_a_client_secret(setting: str) -> None:
    assert not FREE.locks(setting)
    assert Rules(Policy(locked=frozenset({setting})), None, None).locks(setting)
    assert Rules(Policy(), None, None, locked=frozenset({setting})).locks(setting)


def test_locked_instructions_are_a_locked_setting() -> None:
    locked = Rules(Policy(instructions="locked"), None, None)
    assert locked.locks("instructions")
    assert not locked.locks("voice")
    assert not Rules(Policy(instructions="prefixed", instructions_text="x"), None, None).locks("instructions")


@pytest.mark.parametrize(
    ("settings", "heard"),
    [
        ({"audio": {"output": {"voice": "a"}}}, True),
        ({"audio": {"output": {"voice": None}}}, True),
        ({"voice": "a"}, True),
        ({}, False),
        ({"audio": None}, False),
        ({"audio": {"output": ["voice"]}}, False),
        ({"audio": {"input": {"voice": "a"}}}, False),
    ],
)
def test_a_setting_is_said_in_any_of_its_places(settings: dict[str, object], heard: bool) -> None:
    assert says(settings, "voice") is heard


def test_a_key_is_found_in_whichever_letters_it_is_written() -> None:
    assert folded({"type": 1, "Type": 2, "TYPE": 3, "typ": 4}) == {"type": [1, 2, 3], "typ": [4]}
    assert folded({"\N{LATIN SMALL LETTER LONG S}peed": 1}) == {"speed": [1]}


def test_no_more_of_a_name_is_shown_than_identifies_it() -> None:
    assert shown("alloy") == "'alloy'"
    assert len(shown("x" * 9999)) == 64
