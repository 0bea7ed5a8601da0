"""Origins: held as browsers send them, or told to be none; hosts likewise."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.core.origins import NoOrigin, is_host, read


@pytest.mark.parametrize(
    ("raw", "origin"),
    [
        ("https://app.example", "https://app.example"),
        ("HTTPS://App.Example", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://app.example:80", "https://app.example:80"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"),
    ],
)
def test_an_origin_is_read_as_browsers_send_it(raw: str, origin: str) -> None:
    assert read(raw) == origin


NO_WILDCARDS = "name every origin: there are no wildcards"


@pytest.mark.parametrize(
    ("raw", "hint"),
    [
        ("*", NO_WILDCARDS),
        ("https://*.example", NO_WILDCARDS),
        ("https://app.example/", 'an origin has no path: "https://app.example"'),
        ("https://App.example:443/page?q#f", 'an origin has no path: "https://app.example"'),
        ("https://h?q", 'an origin has no path: "https://h"'),
        ("https://h#f", 'an origin has no path: "https://h"'),
        ("", ""),
        ("null", ""),
        ("app.example", ""),
        ("https://", ""),
        ("https://u@h", ""),
        ("https://h:x", ""),
        ("https://[::1", ""),
        ("https://a b", ""),
        ("https://-a", ""),
        ("https://a\n", ""),
        ("https://é.example", ""),
    ],
)
def test_what_is_none_is_told_so_and_perhaps_what_is_meant(raw: str, hint: str) -> None:
    assert read(raw) == NoOrigin(hint)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::1", "localhost", "relay.example.", "a_b.svc", "x"])
def test_a_host_is_an_address_or_a_name(host: str) -> None:
    assert is_host(host)


@pytest.mark.parametrize("host", ["", "-a", "a b", "[::1]", "a..b", "é.example", "a" * 64])
def test_what_is_neither_is_no_host(host: str) -> None:
    assert not is_host(host)


@given(st.text() | st.text(st.sampled_from("hts:/[]@#?%.*1aA é\n")).map("https://".__add__))
def test_what_was_read_is_read_again_as_the_same_and_has_no_path(raw: str) -> None:
    origin = read(raw)
    if isinstance(origin, str):
        assert read(origin) == origin
        assert origin == origin.lower()
        assert urlsplit(origin)[2:] == ("", "", "")
