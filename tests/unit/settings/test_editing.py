"""A key comes and goes, and everything else in the file stays as it was, to the letter."""

import tomllib
from pathlib import Path

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from tomlkit.exceptions import TOMLKitError

from relay.core.words import Secret
from relay.settings.editing import newest_pepper, with_key, without_key
from relay.settings.sources import Wrong

NEW = "rlk_live_nnnnnnnnnnnn:v1:" + "0" * 64

NO_KEYS = """\
# the tenants
[[tenants]]
id = "acme"   # our first
plan = "gold"

# what it has beyond its plan
[tenants.limits]
patience = 3

[[tenants]]
id = "globex"
keys = ["other"]
"""
NO_KEYS_AFTER = NO_KEYS.replace("# our first\n", f'# our first\nkeys = [\n    "{NEW}",\n]\n')
ON_ONE_LINE = 'x = 1\n[[tenants]]\nid = "acme"\nkeys = ["one", "two"]  # both\nplan = "gold"\n'
ON_MANY = """\
[[tenants]]
id = "acme"
keys = [  # made by hand
    "one",  # first

    # for the phone line
    "two",
]
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (NO_KEYS, NO_KEYS_AFTER),
        (ON_ONE_LINE, ON_ONE_LINE.replace('"two"', f'"two", "{NEW}"')),
        (ON_MANY, ON_MANY.replace('"two",\n', f'"two",\n    "{NEW}",\n')),
        (
            ON_MANY.replace("\n", "\r\n"),
            ON_MANY.replace('"two",\n', f'"two",\n    "{NEW}",\n').replace("\n", "\r\n"),
        ),
        ('[[tenants]]\nid = "acme"\nkeys = []\n', f'[[tenants]]\nid = "acme"\nkeys = ["{NEW}"]\n'),
        ('tenants = [ { id = "acme" } ]', f'tenants = [ {{ id = "acme", keys = ["{NEW}"]}} ]'),
    ],
)
def test_a_key_is_added_and_nothing_else_changes(before: str, after: str) -> None:
    assert with_key(before, "acme", NEW) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ON_ONE_LINE, ON_ONE_LINE.replace('"one", ', "")),
        (ON_MANY, ON_MANY.replace('\n    "one",  # first\n', "\n")),
    ],
)
def test_a_key_is_removed_and_nothing_else_changes(before: str, after: str) -> None:
    assert without_key(before, "acme", "one") == after


LINES = st.lists(st.text(st.sampled_from("abc"), min_size=1, max_size=4), unique=True, max_size=5)


@given(LINES, st.booleans(), st.booleans())
def test_what_was_added_is_removed_again(lines: list[str], multiline: bool, inline: bool) -> None:
    keys = tomlkit.array()
    keys.extend(lines)
    keys.multiline(multiline)
    text = (
        f"tenants = [{{ id = 'acme', keys = {keys.as_string()} }}]"
        if inline
        else (
            f"# head\n[[tenants]]\nid = 'acme'\nkeys = {keys.as_string()}\n# tail\n[[tenants]]\nid = 'globex'\n"
        )
    )
    added = with_key(text, "acme", NEW)
    assert isinstance(added, str)
    assert tomllib.loads(added)["tenants"][0]["keys"] == [*lines, NEW]
    removed = without_key(added, "acme", NEW)
    assert isinstance(removed, str)
    assert tomllib.loads(removed) == tomllib.loads(text)
    assert [line for line in removed.splitlines() if "#" in line] == [
        line for line in text.splitlines() if "#" in line
    ]


@pytest.mark.parametrize("broken", ["x = [", "x = 2\n", ""])
def test_a_layout_that_would_not_survive_is_left_to_the_operator(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tomlkit, "dumps", lambda _document: broken)
    told = with_key(ON_MANY, "acme", NEW)
    assert told == Wrong("the file's layout could not be kept", f"add to the keys of acme: {NEW}")


def test_a_document_that_the_editor_does_not_take_is_left_to_the_operator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_text: str) -> None:
        raise TOMLKitError("no")

    monkeypatch.setattr(tomlkit, "parse", refuse)
    told = without_key(ON_MANY, "acme", "one")
    assert told == Wrong("the file's layout could not be kept", "remove from the keys of acme: one")


PEPPERS = '[keys]\npeppers = { 9 = "env:NINE", 10 = "env:TEN" }\n'


def test_the_highest_pepper_makes_new_keys() -> None:
    assert newest_pepper(PEPPERS, {"NINE": "nine", "TEN": "ten"}) == (10, Secret("ten"))


def test_a_pepper_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "pepper").write_text("hush\n", encoding="utf-8")
    text = f'[keys]\npeppers = {{ 1 = "file:{tmp_path}/pepper" }}'
    assert newest_pepper(text, {}) == (1, Secret("hush"))


def test_a_missing_pepper_says_how_to_make_one() -> None:
    told = newest_pepper(PEPPERS, {"NINE": "nine"})
    assert isinstance(told, Wrong)
    assert told.what == "the environment variable TEN is not set"
    assert told.hint.endswith("make one with: export TEN=$(openssl rand -hex 32)")
    told = newest_pepper('[keys]\npeppers = { 1 = "file:/none/pepper" }', {})
    assert isinstance(told, Wrong)
    assert told.hint.endswith("make one with: openssl rand -hex 32 > /none/pepper")


@pytest.mark.parametrize("text", ["", "[keys]", "[keys]\npeppers = {}"])
def test_a_file_without_peppers_says_how_to_have_one(text: str) -> None:
    told = newest_pepper(text, {})
    assert isinstance(told, Wrong)
    assert 'peppers = { 1 = "env:RELAY_KEY_PEPPER" }' in told.hint
