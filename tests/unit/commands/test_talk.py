"""Which key of the environment `relay talk` shows to whom."""

import pytest

from relay.commands import talk


@pytest.fixture(autouse=True)
def both_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_KEY", "rlk_relay")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-provider")


def key(url: str, given: str | None = None) -> str | None:
    found = talk._key(given, url)
    return None if found is None else found.reveal()


@pytest.mark.parametrize("host", ["api.openai.com", "eu.api.openai.com:443"])
def test_the_api_itself_gets_the_providers_key(host: str) -> None:
    assert key(f"wss://{host}/v1/realtime") == "sk-provider"


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "relay.example", "openai.com.example", "myopenai.com", "x.openai.azure.com"]
)
def test_every_other_host_gets_the_relays_key(host: str) -> None:
    assert key(f"wss://{host}/v1/realtime") == "rlk_relay"


@pytest.mark.parametrize(
    ("missing", "url"),
    [("RELAY_KEY", "ws://127.0.0.1:8080/v1/realtime"), ("OPENAI_API_KEY", "wss://api.openai.com/v1/realtime")],
)
def test_neither_key_stands_in_for_the_other(monkeypatch: pytest.MonkeyPatch, missing: str, url: str) -> None:
    monkeypatch.delenv(missing)
    assert key(url) is None


def test_a_key_that_is_given_goes_wherever_it_is_sent() -> None:
    assert key("wss://relay.example/v1/realtime", "given") == "given"
