"""What may be typed as a URL, and what is dialed for it."""

import pytest

from relay.voice import address


def dial(url: str, model: str | None = None) -> str:
    return address.dialed(url, model=model, default_model="m")


@pytest.mark.parametrize(
    ("typed", "dialed"),
    [
        ("ws://h:1/v1/realtime", "ws://h:1/v1/realtime?model=m"),
        ("http://h:1", "ws://h:1/v1/realtime?model=m"),
        ("https://h/v1/", "wss://h/v1/realtime?model=m"),
        ("wss://h/openai/v1", "wss://h/openai/v1/realtime?model=m"),
        ("wss://h/my/path", "wss://h/my/path?model=m"),
        ("wss://h/v1/realtime?model=x", "wss://h/v1/realtime?model=x"),
        ("wss://h/v1/realtime?call_id=rtc_1", "wss://h/v1/realtime?call_id=rtc_1"),
        ("wss://h/v1/realtime?relay_region=eu", "wss://h/v1/realtime?relay_region=eu&model=m"),
    ],
)
def test_a_url_is_completed_and_never_overruled(typed: str, dialed: str) -> None:
    assert dial(typed) == dialed


def test_a_model_that_was_asked_for_replaces_the_urls() -> None:
    assert dial("wss://h/v1/realtime?model=x&a=1", model="y") == "wss://h/v1/realtime?a=1&model=y"


@pytest.mark.parametrize(
    "typed",
    ["", "h:1", "ftp://h/x", "ws://", "ws://h:x/", "ws://h:99999/", "ws://[h/", "ws://u:p@h/", "ws://h/#x"],
)
def test_what_is_no_realtime_url_is_refused(typed: str) -> None:
    with pytest.raises(address.UnusableUrlError):
        dial(typed)


def test_a_key_in_the_query_is_not_shown() -> None:
    assert address.shown("ws://h/p?api-key=sk-1&model=m") == "ws://h/p?api-key=***&model=m"


@pytest.mark.parametrize(
    ("url", "place"), [("ws://h/p", "h:80"), ("wss://h/p", "h:443"), ("ws://[::1]:9/", "[::1]:9")]
)
def test_a_place_is_host_and_port(url: str, place: str) -> None:
    assert address.place(url) == place


def test_only_plain_text_over_a_network_exposes_a_key() -> None:
    assert address.exposes_key("ws://relay.example/v1/realtime")
    assert not address.exposes_key("wss://relay.example/v1/realtime")
    assert not any(map(address.exposes_key, ("ws://127.0.0.1:1/", "ws://[::1]/", "ws://localhost/")))


def test_only_the_apis_own_hosts_are_the_api() -> None:
    assert address.is_openai("wss://eu.api.openai.com/v1/realtime")
    assert not address.is_openai("wss://openai.com.example/v1/realtime")
