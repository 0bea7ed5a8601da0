"""Hosts, URLs, origins, networks, keys and secrets: what is taken, how it is held, what is refused."""

from ipaddress import ip_network
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.core import hello as hellos
from relay.core import session_shapes
from relay.core.hello import Hello
from relay.core.keys import ENTROPY_BYTES, StoredKey, mint
from relay.core.refusals import Refused
from relay.core.words import Secret
from relay.settings.addresses import (
    FILE,
    HOST,
    ID,
    MODEL,
    NETWORK,
    ORIGIN,
    PEPPER_VERSION,
    PROXY_URL,
    SECRET,
    STORE_URL,
    STORED_KEY,
    UPSTREAM_URL,
    WORD,
)
from relay.settings.forms import Form
from relay.settings.sources import UNREAD, World, Wrong

ENVIRON = {"URL": "redis://:hush@cache:6379/1", "SPACED": "two words", "KEY": "sk-1", "PROXY": "http://u:p@h:1"}


def open_file(path: str) -> str:
    if path != "/there":
        raise FileNotFoundError(2, "No such file or directory")
    return "text"


WORLD = World(ENVIRON, open_file)
BLIND = World({}, open_file, looked_at=False)


def read(form: Form, raw: object) -> object:
    return form.read(raw, WORLD)


def refused(form: Form, raw: object) -> str:
    wrong = read(form, raw)
    assert isinstance(wrong, Wrong), raw
    return f"{wrong.what}; {wrong.hint}" if wrong.hint else wrong.what


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::1", "localhost", "relay.example.", "a_b.svc", "x"])
def test_a_host_is_an_address_or_a_name(host: str) -> None:
    assert read(HOST, host) == host


@pytest.mark.parametrize("host", ["", "-a", "a b", "[::1]", "a..b", "http://a", "é.example", "a" * 64])
def test_what_is_no_host_is_refused(host: str) -> None:
    assert refused(HOST, host).startswith('is "')


def test_a_file_has_to_be_there() -> None:
    assert read(FILE, "/there") == "/there"
    assert refused(FILE, "/none") == "the file /none cannot be read: No such file or directory"


def test_a_network_is_an_address_or_a_range() -> None:
    assert read(NETWORK, "10.0.0.0/8") == ip_network("10.0.0.0/8")
    assert read(NETWORK, "10.1.2.3") == ip_network("10.1.2.3/32")
    assert read(NETWORK, "fd00::/8") == ip_network("fd00::/8")
    assert refused(NETWORK, "10.0.0.1/8") == 'is "10.0.0.1/8"; the network is "10.0.0.0/8"'
    assert refused(NETWORK, "ten") == 'is "ten"'


@pytest.mark.parametrize(
    "url",
    [
        "wss://us.api.openai.com/v1/realtime",
        "ws://127.0.0.1:8090/v1/realtime",
        "ws://[::1]:1/",
        "wss://h/openai/realtime?api-version=2026",
    ],
)
def test_an_upstream_is_a_websocket_url(url: str) -> None:
    assert read(UPSTREAM_URL, url) == url


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("https://h/", 'has the scheme "https"'),
        ("h/v1", "has no scheme"),
        ("wss://", "has no host"),
        ("wss:///v1", "has no host"),
        ("wss://a..b/", 'has the host "a..b"'),
        ("wss://h:0/", "has the port 0"),
        ("wss://h:99999/", "is no URL: port out of range 0-65535"),
        ("wss://[::1/", "is no URL: invalid ipv6 url"),
        ("wss://h/#x", "has a fragment; end it before the #"),
        ("wss://h/ v1", "holds white space or characters that a URL spells otherwise"),
        ("wss://user:hush@h/", "holds a user or a password; upstreams are opened by `keys`"),
    ],
)
def test_what_is_no_websocket_url_is_refused(url: str, what: str) -> None:
    assert refused(UPSTREAM_URL, url) == what


def test_a_store_is_a_redis_url_or_a_secret() -> None:
    assert read(STORE_URL, "redis://cache:6379/1") == Secret("redis://cache:6379/1")
    assert read(STORE_URL, "unix:///run/redis.sock") == Secret("unix:///run/redis.sock")
    assert read(STORE_URL, "env:URL") == Secret(ENVIRON["URL"])
    assert STORE_URL.read("env:NONE", BLIND) == Secret(UNREAD)
    assert read(STORE_URL, "redis+sentinel://a,b/main") == Secret("redis+sentinel://a,b/main")
    assert refused(STORE_URL, "http://cache").startswith("is no store's URL: its scheme is one of redis,")
    assert refused(STORE_URL, "env:NONE").startswith("the environment variable NONE is not set")


def test_a_password_in_the_store_s_url_is_refused_and_not_repeated() -> None:
    assert refused(STORE_URL, "redis://:hush@cache") == "holds a password; secrets are not kept in this file"


def test_a_proxy_is_a_url_or_a_secret() -> None:
    assert read(PROXY_URL, "http://proxy:3128") == Secret("http://proxy:3128")
    assert read(PROXY_URL, "env:PROXY") == Secret("http://u:p@h:1")
    assert refused(PROXY_URL, "http://u:hush@h") == "holds a password; secrets are not kept in this file"
    assert refused(PROXY_URL, "socks://h") == 'has the scheme "socks"'


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
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_an_origin_is_held_as_browsers_send_it(raw: str, origin: str) -> None:
    assert read(ORIGIN, raw) == origin


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        ("*", 'is "*"; name every origin: there are no wildcards'),
        ("https://*.example", 'is "https://*.example"; name every origin: there are no wildcards'),
        ("app.example", 'is "app.example"'),
        ("null", 'is "null"'),
        ("https://", 'is "https://"'),
        ("https://u@h", 'is "https://u@h"'),
        ("https://h:x", 'is "https://h:x"'),
        ("https://[::1", 'is "https://[::1"'),
        ("https://a b", 'is "https://a b"'),
        ("https://app.example/", 'is "https://app.example/"; an origin has no path: "https://app.example"'),
        ("https://h?q", 'is "https://h?q"; an origin has no path: "https://h"'),
    ],
)
def test_what_is_no_origin_is_refused(raw: str, what: str) -> None:
    assert refused(ORIGIN, raw) == what


def test_a_secret_is_a_reference_to_one() -> None:
    assert read(SECRET, "env:KEY") == Secret("sk-1")
    assert read(SECRET, "file:/there") == Secret("text")
    assert refused(SECRET, "sk-1") == "is not a reference to a secret; secrets are not kept in this file"
    assert refused(SECRET, "env:SPACED") == (
        "what env:SPACED holds has white space or characters beyond ASCII inside"
    )


def test_a_tenant_s_key_is_held_by_its_digest() -> None:
    line = f"rlk_live_aaaaaaaaaaaa:v1:{'0' * 64}"
    assert read(STORED_KEY, line) == StoredKey("aaaaaaaaaaaa", 1, bytes(32))


def test_a_key_in_place_of_its_digest_is_refused_and_not_repeated() -> None:
    token, parts = mint(bytes(ENTROPY_BYTES))
    told = refused(STORED_KEY, token)
    assert told == "is a key itself, or a part of one; store its digest: `relay keys new` writes it"
    assert parts.secret.reveal() not in told
    assert refused(STORED_KEY, "x") == "is no key's digest; `relay keys new` makes a key and writes the line"


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    [
        (ID, ["a", "Acme_1.2-x", "a" * 64], ["", "a b", "a/b", "é", "a" * 65]),
        (MODEL, ["gpt-realtime-2.1", "ft:gpt/x"], ["", "a b", "é", "a" * 129]),
        (WORD, ["lookup_order"], ["", "a b"]),
        (PEPPER_VERSION, ["1", "999999999"], ["0", "01", "-1", "x", "1000000000"]),
    ],
)
def test_names_keep_to_their_characters(form: Form, right: list[str], wrong: list[str]) -> None:
    assert [read(form, name) for name in right] == right
    assert all(isinstance(read(form, name), Wrong) for name in wrong)


@pytest.mark.parametrize("name", ["gpt-realtime-2.1", "ft:gpt/x", "our~model(1)", "a+b&c=d", "m" * 128])
def test_a_model_that_can_be_configured_can_be_asked_for_and_minted(name: str) -> None:
    assert read(MODEL, name) == name
    hello = hellos.read("/v1/realtime", urlencode({"model": name}), [])
    assert isinstance(hello, Hello)
    assert hello.model == name
    assert session_shapes.fault({"type": "realtime", "model": name}, str) is None


@pytest.mark.parametrize("name", ["a b", "é", "m" * 129, "m\n"])
def test_a_model_that_cannot_be_configured_can_neither_be_asked_for_nor_minted(name: str) -> None:
    assert isinstance(read(MODEL, name), Wrong)
    assert isinstance(hellos.read("/v1/realtime", urlencode({"model": name}), []), Refused)
    assert session_shapes.fault({"type": "realtime", "model": name}, str) is not None


URL_LIKE = st.text(st.sampled_from("wshtp:/[]@#?%.*1a é\n\x00"), max_size=20)


@given(
    st.text() | URL_LIKE | URL_LIKE.map("wss://".__add__) | URL_LIKE.map("redis://".__add__),
    st.sampled_from(
        [HOST, FILE, NETWORK, UPSTREAM_URL, STORE_URL, PROXY_URL, ORIGIN, SECRET, STORED_KEY, ID, MODEL]
    ),
)
def test_any_text_is_read_or_refused(raw: str, form: Form) -> None:
    form.read(raw, WORLD)
    form.read(raw, BLIND)
