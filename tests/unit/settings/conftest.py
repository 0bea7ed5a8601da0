"""A configuration that is right, and what is told about one that is not."""

from collections.abc import Callable, Mapping

import pytest

from relay.settings import Problems, Settings, load

DIGEST = "0" * 64
RIGHT = f"""\
[keys]
peppers = {{ 1 = "env:PEPPER" }}
[[upstreams]]
name = "us-1"
region = "us"
url = "wss://up.example/v1/realtime"
keys = ["env:SECRET"]
[[tenants]]
id = "acme"
keys = ["rlk_live_aaaaaaaaaaaa:v1:{DIGEST}"]
"""
"""Ten lines; what a test adds starts on line 11, in the tenant's table."""

ENVIRON = {"PEPPER": "p" * 32, "SECRET": "sk-secret", "LONG": "l" * 32, "SHORT": "short", "EMPTY": " \n"}
FILES = {"/cert.pem": "certificate", "/key.pem": "key", "/secret": "s" * 32 + "\n", "/empty": "\n"}


def read(path: str) -> str:
    """Return one of `FILES`; one that is binary and one that is forbidden besides."""
    if path == "/binary":
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
    if path not in FILES:
        raise FileNotFoundError(2, "No such file or directory", path)
    return FILES[path]


@pytest.fixture
def right() -> str:
    """Return a whole configuration without a mistake."""
    return RIGHT


@pytest.fixture
def environ() -> Mapping[str, str]:
    """Return an environment that it is right in."""
    return ENVIRON


@pytest.fixture
def loaded() -> Callable[[str], Settings]:
    """Return a function: a configuration without errors -> what is read."""

    def loaded(text: str) -> Settings:
        outcome = load(text, environ=ENVIRON, read=read)
        assert isinstance(outcome, Settings), outcome.text()
        return outcome

    return loaded


@pytest.fixture
def told() -> Callable[[str], list[str]]:
    """Return a function: a configuration -> all that is said about it, errors and warnings."""

    def told(text: str) -> list[str]:
        outcome = load(text, environ=ENVIRON, read=read)
        problems = outcome.all if isinstance(outcome, Problems) else outcome.warnings
        return [problem.text() for problem in problems]

    return told
