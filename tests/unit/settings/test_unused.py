"""A key that is accepted for what comes later says so."""

import pytest

from relay.settings import Problems, load

TEXT = """
[keys]
peppers = { 1 = "env:PEPPER" }
[[upstreams]]
name = "us-1"
region = "us"
url = "wss://us.api.openai.com/v1/realtime"
keys = ["env:KEY"]
warm = 2
"""


@pytest.mark.parametrize("key", ["upstreams[0].warm"])
def test_a_key_that_does_nothing_yet_is_a_warning(key: str) -> None:
    settings = load(TEXT, environ={"PEPPER": "p" * 40, "KEY": "sk-x"})
    assert not isinstance(settings, Problems)
    said = {warning.key: warning.wrong for warning in settings.warnings}
    assert "not used" in said[key]
