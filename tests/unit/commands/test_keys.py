"""`relay keys`: a key is shown once, works at once, and is gone when revoked; the file keeps its looks."""

import errno
import fcntl
import os
import re
import stat
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay.cli import main
from relay.core.keys import parse
from relay.core.tenants import Catalog
from relay.settings import Settings, load_file

PEPPER = "p" * 64
ENVIRON = {"RELAY_KEY_PEPPER": PEPPER, "OPENAI_API_KEY": "sk-x"}
ZEROES = "0" * 64
TEXT = f"""\
# Our relay.
[keys]
peppers = {{ 1 = "env:OLD_PEPPER", 2 = "env:RELAY_KEY_PEPPER" }}   # rotated in May

[[upstreams]]
name = "us-1"
region = "us"
url = "wss://up.example/v1/realtime"
keys = ["env:OPENAI_API_KEY"]

[[tenants]]
id = "acme"   # the first
keys = [
    # the phone line
    "rlk_live_aaaaaaaaaaaa:v1:{ZEROES}",
    "rlk_live_aaaabbbbbbbb:v2:{ZEROES}",
]

[[tenants]]
id = "globex"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "relay.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def keys(verb: str, config: Path, *rest: str, **environ: str | None) -> Result:
    return CliRunner().invoke(main, ["keys", verb, "--config", str(config), *rest], env={**ENVIRON, **environ})


def catalog(config: Path) -> Catalog:
    settings = load_file(str(config), {**ENVIRON, "OLD_PEPPER": "o" * 64})
    assert isinstance(settings, Settings), settings.text()
    return settings.catalog


def refusal(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit), result.exception
    return result.stderr.removeprefix("Error: ").strip()


def lines_but_digests(text: str) -> list[str]:
    return [line for line in text.splitlines() if not re.search(r"rlk_live_\w+:v", line)]


def test_a_new_key_opens_its_tenant_s_door(config: Path) -> None:
    result = keys("new", config, "--tenant", "acme")
    assert result.exit_code == 0, result.output
    presented = parse(result.stdout.strip())
    assert presented is not None
    tenant = catalog(config).find(presented)
    assert tenant is not None
    assert tenant.id == "acme"


def test_standard_output_is_the_key_alone_and_the_file_never_holds_it(config: Path) -> None:
    result = keys("new", config, "--tenant", "acme")
    token = result.stdout.strip()
    presented = parse(token)
    assert presented is not None
    assert token not in result.stderr
    assert "is not shown again" in result.stderr
    assert "SIGHUP" in result.stderr
    assert presented.secret.reveal() not in config.read_text(encoding="utf-8")


def test_a_new_key_leaves_comments_and_layout(config: Path) -> None:
    keys("new", config, "--tenant", "acme")
    assert lines_but_digests(config.read_text(encoding="utf-8")) == lines_but_digests(TEXT)


def test_a_new_key_is_made_with_the_highest_pepper(config: Path) -> None:
    keys("new", config, "--tenant", "globex")
    ((key, _),) = [entry for entry in catalog(config).keys.values() if entry[1] == "globex"]
    assert key.pepper == 2


def test_the_file_s_mode_stays_and_nothing_is_left_beside_it(config: Path) -> None:
    config.chmod(0o640)
    keys("new", config, "--tenant", "acme")
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert list(config.parent.iterdir()) == [config]


def test_a_link_to_the_file_stays_a_link(config: Path) -> None:
    link = config.parent / "link.toml"
    link.symlink_to(config)
    keys("new", link, "--tenant", "acme")
    assert link.is_symlink()
    assert len(catalog(config).keys) == 3


def test_line_ends_stay_as_they_are(config: Path) -> None:
    config.write_bytes(TEXT.replace("\n", "\r\n").encode())
    keys("new", config, "--tenant", "acme")
    content = config.read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n")


def test_printing_only_writes_nothing(config: Path) -> None:
    result = keys("new", config, "--tenant", "acme", "--print-only")
    token, line = result.stdout.splitlines()
    presented = parse(token)
    assert presented is not None
    assert line.startswith(f"rlk_live_{presented.id}:v2:")
    assert config.read_text(encoding="utf-8") == TEXT
    assert "Nothing was written" in result.stderr


def test_an_unknown_tenant_is_asked_about(config: Path) -> None:
    told = refusal(keys("new", config, "--tenant", "acmee"))
    assert told == 'there is no tenant "acmee"; did you mean "acme"? (the tenants are acme, globex)'
    assert refusal(keys("list", config, "--tenant", "zzzz")) == (
        'there is no tenant "zzzz"; the tenants are acme, globex'
    )


def test_a_file_without_tenants_says_so(config: Path) -> None:
    config.write_text(TEXT[: TEXT.index("[[tenants]]")], encoding="utf-8")
    assert refusal(keys("new", config, "--tenant", "acme")).endswith("the file has no [[tenants]]")


def test_a_missing_pepper_says_what_to_export(config: Path) -> None:
    told = refusal(keys("new", config, "--tenant", "acme", RELAY_KEY_PEPPER=None))
    assert told.startswith("the environment variable RELAY_KEY_PEPPER is not set; ")
    assert "export RELAY_KEY_PEPPER=$(openssl rand -hex 32)" in told
    assert config.read_text(encoding="utf-8") == TEXT


def test_other_secrets_need_not_be_at_hand(config: Path) -> None:
    assert keys("new", config, "--tenant", "acme", OPENAI_API_KEY=None).exit_code == 0


def test_a_file_with_mistakes_is_not_touched(config: Path) -> None:
    wrong = TEXT + "plam = 'x'\n"
    config.write_text(wrong, encoding="utf-8")
    for verb, rest in (("new", ["--tenant", "acme"]), ("list", []), ("revoke", ["aaaaaaaaaaaa"])):
        told = refusal(keys(verb, config, *rest))
        assert told.startswith("the file is not valid; nothing was done")
        assert 'tenants[1].plam: unknown key; did you mean "plan"?' in told
    assert config.read_text(encoding="utf-8") == wrong


def test_a_file_that_is_no_text_is_refused(config: Path) -> None:
    config.write_bytes(b"\xff")
    assert refusal(keys("list", config)) == f"{config} is not text in UTF-8"


def test_a_file_that_cannot_be_opened_is_refused(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_keywords: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert refusal(keys("list", config)) == f"{config} cannot be read: Permission denied"


def test_a_full_disk_leaves_the_old_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    told = refusal(keys("new", config, "--tenant", "acme"))
    assert told == f"{config} cannot be written: No space left on device; nothing was done"
    assert config.read_text(encoding="utf-8") == TEXT
    assert list(config.parent.iterdir()) == [config]


def test_a_layout_that_cannot_be_kept_is_left_to_the_operator(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tomlkit.dumps", lambda _document: "x = 1")
    told = refusal(keys("revoke", config, "aaaaaaaaaaaa"))
    assert told.startswith(
        "the file's layout could not be kept; nothing was written: remove from the keys of acme"
    )


def test_whoever_comes_second_waits_and_loses_nothing(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = os.open(config.parent, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)
    asked, flock = threading.Event(), fcntl.flock

    def ask(handle: int, operation: int) -> None:
        asked.set()
        flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", ask)
    results: list[Result] = []
    second = threading.Thread(target=lambda: results.append(keys("new", config, "--tenant", "acme")))
    second.start()
    assert asked.wait(timeout=30)
    config.write_text(TEXT.replace("aaaabbbbbbbb", "cccccccccccc"), encoding="utf-8")
    os.close(directory)
    second.join(timeout=30)
    assert [result.exit_code for result in results] == [0]
    assert len(catalog(config).keys) == 3
    assert "cccccccccccc" in catalog(config).keys


def test_a_directory_that_cannot_be_opened_is_refused(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert refusal(keys("revoke", config, "aaaaaaaaaaaa")) == f"{config} cannot be locked: Permission denied"


def test_keys_are_listed_without_their_digests(config: Path) -> None:
    result = keys("list", config)
    assert result.stdout == "rlk_live_aaaaaaaaaaaa  acme  v1\nrlk_live_aaaabbbbbbbb  acme  v2\n"


def test_one_tenant_s_keys_are_listed(config: Path) -> None:
    assert keys("list", config, "--tenant", "acme").stdout.count("\n") == 2
    none = keys("list", config, "--tenant", "globex")
    assert (none.exit_code, none.stdout) == (0, "")
    assert "There is no key" in none.stderr


def test_a_key_whose_pepper_is_gone_is_marked(config: Path) -> None:
    config.write_text(TEXT.replace('1 = "env:OLD_PEPPER", ', ""), encoding="utf-8")
    marked = [line for line in keys("list", config).stdout.splitlines() if "nobody can use it" in line]
    assert [line.split()[0] for line in marked] == ["rlk_live_aaaaaaaaaaaa"]


@pytest.mark.parametrize(
    "named",
    ["aaaaaaaaaaaa", "rlk_live_aaaaaaaaaaaa", "aaaaa", "rlk_live_aaaaa", f"rlk_live_aaaaaaaaaaaa:v1:{ZEROES}"],
)
def test_a_key_is_revoked_by_any_of_its_names(config: Path, named: str) -> None:
    result = keys("revoke", config, named)
    assert result.exit_code == 0, result.output
    assert "rlk_live_aaaaaaaaaaaa of acme is revoked" in result.stderr
    assert "SIGHUP" in result.stderr
    assert set(catalog(config).keys) == {"aaaabbbbbbbb"}
    assert lines_but_digests(config.read_text(encoding="utf-8")) == lines_but_digests(TEXT)


def test_a_key_is_revoked_by_itself_and_not_repeated(config: Path) -> None:
    token = keys("new", config, "--tenant", "globex").stdout.strip()
    result = keys("revoke", config, token)
    assert result.exit_code == 0
    assert token not in result.output
    assert set(catalog(config).keys) == {"aaaaaaaaaaaa", "aaaabbbbbbbb"}


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("zzzzzz", "there is no such key; `relay keys list` prints those there are"),
        ("aaa", "give at least 4 characters of the key's id"),
        ("rlk_live_", "give at least 4 characters of the key's id"),
        ("aaaa", "this may mean rlk_live_aaaaaaaaaaaa, rlk_live_aaaabbbbbbbb; give more of the id"),
    ],
)
def test_what_names_no_one_key_revokes_none(config: Path, named: str, told: str) -> None:
    assert refusal(keys("revoke", config, named)) == told
    assert config.read_text(encoding="utf-8") == TEXT


def test_a_file_that_is_not_there_is_a_slip_of_the_command_line(tmp_path: Path) -> None:
    result = keys("list", tmp_path / "none.toml")
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


@pytest.mark.parametrize("words", [["--help"], ["new", "--help"], ["list", "--help"], ["revoke", "--help"]])
def test_help_teaches(words: list[str]) -> None:
    result = CliRunner().invoke(main, ["keys", *words])
    assert result.exit_code == 0
    assert "Usage:" in result.stdout
