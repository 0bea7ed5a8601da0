"""`relay check` tells every mistake, and its exit status what the relay would do."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from relay.cli import main

EXAMPLE = Path(__file__).parents[3] / "deploy" / "examples" / "relay.toml"
ENVIRON = {"OPENAI_API_KEY": "sk-x", "RELAY_KEY_PEPPER": "p" * 64}
ONE_UPSTREAM = '[[upstreams]]\nname = "u"\nregion = "eu"\nurl = "wss://h/"\nkeys = ["env:OPENAI_API_KEY"]\n'


def check(file: Path, *options: str, **environ: str | None) -> Result:
    return CliRunner().invoke(main, ["check", str(file), *options], env={**ENVIRON, **environ})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "relay.toml"


def test_the_example_is_ok_and_summed_up() -> None:
    result = check(EXAMPLE)
    assert result.exit_code == 0
    assert result.stdout == f"{EXAMPLE}: OK: 3 upstreams, 2 tenants, 2 keys; regions: eu, us\n"


def test_every_mistake_is_a_line_and_they_are_counted(file: Path) -> None:
    file.write_text("[listen]\nport = 0.5\nprot = 1\n" + ONE_UPSTREAM)
    result = check(file)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{file}: warning: tenants: there is no tenant: nobody can connect",
        f"{file}:2: listen.port: is a float; must be an integer from 0 to 65535",
        f'{file}:3: listen.prot: unknown key; did you mean "port"?',
        f"{file}: 2 errors, 1 warning",
    ]


def test_warnings_alone_do_not_fail(file: Path) -> None:
    file.write_text(ONE_UPSTREAM)
    result = check(file)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{file}: warning: tenants: there is no tenant: nobody can connect",
        f"{file}: OK (1 warning): 1 upstream, 0 tenants, 0 keys; regions: eu",
    ]


def test_programs_get_one_object(file: Path) -> None:
    file.write_text("[listen]\nport = 0.5\n" + ONE_UPSTREAM)
    result = check(file, "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (told["ok"], told["errors"], told["warnings"], told["summary"]) == (False, 1, 1, None)
    assert told["problems"][1] == {
        "severity": "error",
        "file": str(file),
        "line": 2,
        "key": "listen.port",
        "wrong": "is a float",
        "allowed": "an integer from 0 to 65535",
        "hint": "",
    }


def test_programs_get_the_summary_of_a_file_that_is_right() -> None:
    told = json.loads(check(EXAMPLE, "--json").stdout)
    assert told["ok"]
    assert told["problems"] == []
    assert told["summary"] == {"upstreams": 3, "regions": ["eu", "us"], "tenants": 2, "keys": 2}


def test_a_secret_that_is_missing_is_named() -> None:
    result = check(EXAMPLE, RELAY_KEY_PEPPER=None)
    assert result.exit_code == 1
    assert "keys.peppers.1: the environment variable RELAY_KEY_PEPPER is not set" in result.stdout


def test_secrets_need_not_be_there_when_told_so() -> None:
    result = check(EXAMPLE, "--without-secrets", RELAY_KEY_PEPPER=None, OPENAI_API_KEY=None)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("options", [[], ["--without-secrets"]])
def test_a_file_that_is_no_text_is_refused(file: Path, options: list[str]) -> None:
    file.write_bytes(b"\xff")
    result = check(file, *options)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [f"{file}: is not text in UTF-8", f"{file}: 1 error, 0 warnings"]


def test_a_file_that_is_not_there_is_a_slip_of_the_command_line(file: Path) -> None:
    result = check(file)
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_brackets_in_a_key_are_no_markup(file: Path) -> None:
    file.write_text('[models.aliases]\n"[red]x y[/red]" = "a"\n' + ONE_UPSTREAM)
    assert 'models.aliases."[red]x y[/red]"' in check(file).stdout
