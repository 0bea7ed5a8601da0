"""Secrets come from the environment and from files, and no refusal repeats one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.settings.sources import UNREAD, World, Wrong, is_reference, read_text, resolve

FILES = {"/run/key": " sk-file\n", "/empty": "\n"}


def read(path: str) -> str:
    if path == "/binary":
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
    if path == "/odd":
        raise OSError("odd")
    if path not in FILES:
        raise FileNotFoundError(2, "No such file or directory", path)
    return FILES[path]


WORLD = World({"KEY": "sk-env\n", "EMPTY": " "}, read)
BLIND = World({}, read, looked_at=False)


def test_a_variable_is_read_without_the_space_around_it() -> None:
    assert resolve("env:KEY", WORLD) == "sk-env"


def test_a_file_is_read_without_the_space_around_it() -> None:
    assert resolve("file:/run/key", WORLD) == "sk-file"


@pytest.mark.parametrize(
    ("reference", "what"),
    [
        ("env:NONE", "the environment variable NONE is not set"),
        ("env:EMPTY", "the environment variable EMPTY is empty"),
        ("file:/none", "the file /none cannot be read: No such file or directory"),
        ("file:/odd", "the file /odd cannot be read: odd"),
        ("file:/empty", "the file /empty is empty"),
        ("file:/binary", "the file /binary is not text"),
    ],
)
def test_what_cannot_be_had_is_named(reference: str, what: str) -> None:
    wrong = resolve(reference, WORLD)
    assert isinstance(wrong, Wrong)
    assert wrong.what == what
    assert not wrong.misformed


@given(st.text(min_size=20).filter(lambda text: not is_reference(text)) | st.just("env:sk-proj-a1B2c3D4e5F6g7"))
def test_a_literal_secret_is_refused_and_not_repeated(secret: str) -> None:
    wrong = resolve(secret, WORLD)
    assert isinstance(wrong, Wrong)
    assert secret not in wrong.what + wrong.hint


def test_nothing_is_looked_up_when_only_the_form_counts() -> None:
    assert resolve("env:NONE", BLIND) == UNREAD
    assert resolve("file:/none", BLIND) == UNREAD
    assert read_text("/none", BLIND) == UNREAD
    assert isinstance(resolve("literal", BLIND), Wrong)
