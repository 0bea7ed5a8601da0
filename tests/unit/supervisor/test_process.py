"""What the supervisor reads for its workers: a file that is sound, and names a store."""

from pathlib import Path

import pytest

from relay.settings import Problems
from relay.supervisor.process import read_for_workers
from tests.kit.relays import ENVIRON, config, new_key


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "relay.toml"


def problems(path: Path) -> str:
    read = read_for_workers(path)
    assert isinstance(read, Problems)
    return read.text()


def test_a_sound_file_is_read_with_the_text_that_workers_are_given(path: Path) -> None:
    text = config("ws://127.0.0.1:9/v1/realtime", new_key()[1]) + '[store]\nurl = "redis://127.0.0.1:1"\n'
    path.write_text(text)
    read = read_for_workers(path)
    assert not isinstance(read, Problems)
    settings, given = read
    assert given == text
    assert settings.name == str(path)


def test_without_a_store_the_remedy_is_told(path: Path) -> None:
    path.write_text(config("ws://127.0.0.1:9/v1/realtime", new_key()[1]))
    said = problems(path)
    assert said.startswith(f"{path}: store.url: is not set")
    assert "redis://" in said
    assert "--workers 1" in said


def test_what_is_wrong_with_the_file_is_told_as_ever(path: Path) -> None:
    path.write_text("[listen]\nprot = 1\n")
    assert f"{path}:2: listen.prot" in problems(path)


def test_a_file_that_cannot_be_read_is_told(path: Path) -> None:
    assert problems(path) == f"{path}: cannot be read: No such file or directory"
    path.write_bytes(b"\xff\xfe")
    assert problems(path) == f"{path}: is not text in UTF-8"
