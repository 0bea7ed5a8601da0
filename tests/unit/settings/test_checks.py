"""What keys mean together: an error where nothing could work, a warning where it is hardly meant."""

from collections.abc import Callable
from typing import get_args

import pytest

from relay.core.dialects.dialect import UpstreamSpeech
from relay.core.rules import LOCKABLE

Told = Callable[[str], list[str]]
ZEROES = "0" * 64
UPSTREAM = '[[upstreams]]\nname = "{}"\nregion = "eu"\nurl = "{}"\nkeys = ["env:SECRET"]\n'

DOUBTS = [
    (
        "[listen]\ntls_cert = '/cert.pem'",
        "relay.toml:12: listen.tls_cert: stands without tls_key; set both or neither",
    ),
    (
        "[listen]\ntls_key = '/key.pem'",
        "relay.toml:12: listen.tls_key: stands without tls_cert; set both or neither",
    ),
    (
        "[listen]\nper_address = 5\ntrusted_proxies = []",
        (
            "relay.toml:12: listen.per_address: needs listen.trusted_proxies; "
            'name the proxies in front of the relay, or "127.0.0.1" if there are none'
        ),
    ),
    ("[ops]\nport = 8080", "relay.toml:12: ops.port: is 8080, the same as listen.port; take another port"),
    ("[listen]\nport = 8081", "relay.toml: ops.port: is 8081, the same as listen.port; take another port"),
    (
        "[listen]\ndrain_spread_seconds = 2000",
        "relay.toml:12: warning: listen.drain_spread_seconds: is longer than the drain itself",
    ),
    (
        UPSTREAM.format("us-1", "wss://h/"),
        'relay.toml:12: upstreams[1].name: "us-1" is taken; the first is on line 4',
    ),
    (
        UPSTREAM.replace("upstreams", "tenants.upstreams").format("us-1", "wss://h/"),
        'relay.toml:12: tenants[0].upstreams[0].name: "us-1" is taken; the first is on line 4',
    ),
    (
        UPSTREAM.format("two", "ws://10.0.0.1/"),
        (
            "relay.toml:14: warning: upstreams[1].url: ws:// to another machine: audio and keys cross "
            "the network in the clear; use wss://"
        ),
    ),
    ("[plans.big]", "relay.toml:11: warning: plans.big: no tenant has this plan"),
    (
        "plan = 'standrd'",
        'relay.toml:11: tenants[0].plan: there is no plan "standrd"; did you mean "standard"?',
    ),
    ("plan = 'xyz'", 'relay.toml:11: tenants[0].plan: there is no plan "xyz"; the plans are "standard"'),
    (
        "[plans.standard]\naudio_seconds_per_second = 3.5",
        (
            "relay.toml:12: warning: plans.standard.audio_seconds_per_second: is below 4: clients that send "
            "recordings or a backlog will be slowed noticeably"
        ),
    ),
    (
        "[tenants.limits]\naudio_seconds_per_second = 1",
        (
            "relay.toml:12: warning: tenants[0].limits.audio_seconds_per_second: is below 4: clients that send "
            "recordings or a backlog will be slowed noticeably"
        ),
    ),
    (
        f"[[tenants]]\nid = 'acme'\nkeys = ['rlk_live_bbbbbbbbbbbb:v1:{ZEROES}']",
        'relay.toml:12: tenants[1].id: "acme" is taken; the first is on line 9',
    ),
    (
        f"[[tenants]]\nid = 'other'\nkeys = ['rlk_live_bbbbbbbbbbbb:v1:{ZEROES}']",
        'relay.toml:12: tenants[1].id: "other" is what metrics call the smaller tenants together',
    ),
    (
        "[[tenants]]\nid = 'globex'",
        "relay.toml:11: warning: tenants[1]: has no key: it cannot connect; `relay keys new` makes one",
    ),
    (
        f"[[tenants]]\nid = 'globex'\nkeys = [\n'rlk_live_aaaaaaaaaaaa:v1:{ZEROES}']",
        'relay.toml:14: tenants[1].keys[0]: "aaaaaaaaaaaa" is taken; the first is on line 10',
    ),
    (
        f"[[tenants]]\nid = 'globex'\nkeys = ['rlk_live_bbbbbbbbbbbb:v2:{ZEROES}']",
        (
            "relay.toml:13: warning: tenants[1].keys[0]: nobody can use this key: it was made with pepper 2; "
            'the peppers are "1"'
        ),
    ),
    (
        "regions = ['eu', 'us']",
        (
            'relay.toml:11: warning: tenants[0].regions: no upstream of this tenant is in "eu"; '
            'its upstreams are in "us"'
        ),
    ),
    ("[models.aliases]\na = 'a'", "relay.toml:12: warning: models.aliases.a: is an alias of itself"),
    (
        "[models.aliases]\na = 'b'\nb = 'c'",
        'relay.toml:12: warning: models.aliases.a: "b" is an alias too, and is not followed',
    ),
    (
        "[ops]\ntoken = 'env:SHORT'",
        (
            "relay.toml:12: warning: ops.token: the secret is shorter than 32 characters; "
            "make one with: openssl rand -hex 32"
        ),
    ),
    (
        "[tenants.policy]\ninstructions = 'prefixed'",
        (
            "relay.toml:12: tenants[0].policy.instructions: needs instructions_text; "
            "say what is put before a client's"
        ),
    ),
    (
        "[tenants.policy]\ninstructions = 'locked'",
        (
            "relay.toml:12: warning: tenants[0].policy.instructions: there is no instructions_text: sessions "
            "have the instructions that the upstream gives by default"
        ),
    ),
    (
        "[tenants.policy]\ninstructions = 'prefixed'\ninstructions_text = 'x'\nlocked = ['instructions']",
        (
            "relay.toml:14: warning: tenants[0].policy.locked: locks instructions, so nothing is put before "
            "a client's"
        ),
    ),
]


@pytest.mark.parametrize(("text", "says"), DOUBTS)
def test_a_doubt_is_told_once_and_alone(right: str, told: Told, text: str, says: str) -> None:
    assert told(right + text) == [says]


FINE = [
    "[listen]\ndrain_seconds = 10",
    "[listen]\ntls_cert = '/cert.pem'\ntls_key = '/key.pem'",
    "[listen]\nper_address = 5\ntrusted_proxies = ['127.0.0.1']",
    "[listen]\nport = 0\n[ops]\nport = 0",
    UPSTREAM.format("a", "ws://127.0.0.1:1/") + UPSTREAM.format("b", "ws://[::1]/"),
    UPSTREAM.format("a", "ws://localhost/") + UPSTREAM.format("b", "ws://up.localhost/"),
    "[plans.standard]\naudio_seconds_per_second = 'unlimited'",
    "regions = ['us']",
    "regions = ['eu']\n" + UPSTREAM.replace("upstreams", "tenants.upstreams").format("own", "wss://h/"),
    "[models.aliases]\na = 'c'\nb = 'c'",
    "[ops]\ntoken = 'env:LONG'",
    "[tenants.policy]\ninstructions = 'prefixed'\ninstructions_text = 'x'\nlocked = ['voice']",
    "[tenants.policy]\ninstructions = 'locked'\ninstructions_text = 'x'\nlocked = ['instructions']",
    "[tenants.policy]\nturn_detection = 'none'\nvoices = ['marin']\noutput_modalities = ['text']",
]


@pytest.mark.parametrize("text", FINE)
def test_what_is_meant_is_not_doubted(right: str, told: Told, text: str) -> None:
    assert told(right + text) == []


def test_there_has_to_be_an_upstream(told: Told) -> None:
    assert told("") == [
        "relay.toml: warning: tenants: there is no tenant: nobody can connect",
        "relay.toml: upstreams: there is no upstream; add [[upstreams]] with name, region, url and keys",
    ]


def test_tenants_with_upstreams_of_their_own_need_no_shared_one(right: str, told: Told) -> None:
    own = UPSTREAM.replace("upstreams", "tenants.upstreams").format("own", "wss://h/")
    start, end = right.index("[[upstreams]]"), right.index("[[tenants]]")
    without = right[:start] + right[end:]
    assert told(without + own) == []
    assert any("there is no upstream" in one for one in told(without))


def test_keys_without_any_pepper_are_of_no_use(right: str, told: Told) -> None:
    assert told(right.replace('peppers = { 1 = "env:PEPPER" }', "")) == [
        (
            "relay.toml:10: warning: tenants[0].keys[0]: nobody can use this key: it was made with pepper 1; "
            "there is none in keys.peppers"
        )
    ]


def test_a_pepper_that_is_not_set_is_not_told_as_missing_besides(right: str, told: Told) -> None:
    (said,) = told(right.replace("env:PEPPER", "env:NONE"))
    assert said.startswith("relay.toml:2: keys.peppers.1: the environment variable NONE is not set")


@pytest.mark.parametrize("setting", LOCKABLE)
def test_whatever_a_session_may_say_can_be_locked(right: str, told: Told, setting: str) -> None:
    assert told(right + f"[tenants.policy]\nlocked = ['{setting}']") == []


def test_what_cannot_be_locked_is_an_error(right: str, told: Told) -> None:
    (said,) = told(right + "[tenants.policy]\nlocked = ['voice', 'turn_detectoin']")
    assert said.startswith('relay.toml:12: tenants[0].policy.locked[1]: is "turn_detectoin"; must be ')
    assert said.endswith('did you mean "turn_detection"?')


@pytest.mark.parametrize("dialect", get_args(UpstreamSpeech))
def test_every_dialect_of_an_upstream_can_be_named(right: str, told: Told, dialect: str) -> None:
    named = right.replace('region = "us"', f'region = "us"\ndialect = "{dialect}"')
    assert told(named) == []


def test_names_that_could_not_be_read_are_not_compared(right: str, told: Told) -> None:
    said = told(right.replace('region = "us"', "region = 1").replace('"us-1"', "1") + "regions = ['us', 2]")
    assert [one.split(": ")[1] for one in said] == [
        "upstreams[0].name",
        "upstreams[0].region",
        "tenants[0].regions[1]",
    ]


def test_a_key_that_could_not_be_read_leaves_the_others_in_place(right: str, told: Told) -> None:
    said = told(right.replace('keys = ["rlk', 'keys = ["x", "rlk').replace(":v1:", ":v7:"))
    assert len(said) == 2
    assert said[0].startswith("relay.toml:10: tenants[0].keys[0]: is no key's digest")
    assert said[1].startswith("relay.toml:10: warning: tenants[0].keys[1]: nobody can use this key")


@pytest.mark.parametrize(
    "text",
    [
        "[listen]\ntls_cert = '/cert.pem'\ntls_key = '/none'",
        "[listen]\nper_address = 1\ntrusted_proxies = 'ten'",
        "[[tenants]]\nid = 'globex'\nkeys = 1",
        "[tenants.policy]\ninstructions = 'prefixed'\ninstructions_text = ''",
    ],
)
def test_what_is_wrong_itself_is_not_told_as_missing_besides(right: str, told: Told, text: str) -> None:
    assert len(told(right + text)) == 1
