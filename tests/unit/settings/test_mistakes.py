"""Every class of mistake is told on its line, with what is allowed; a misspelt key is asked about."""

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from relay.settings import Problems, load
from relay.settings.schema import FILE_TABLE, LIMITS, TENANT, UPSTREAM
from relay.settings.tables import Table

MISTAKES = [
    ("chunk = 1", 11, "tenants[0].chunk: unknown key"),
    (
        "chunk_bytes = 1",
        11,
        "tenants[0].chunk_bytes: unknown key; it belongs in [plans.NAME] or [tenants.limits]",
    ),
    ("token = 1", 11, "tenants[0].token: unknown key; it belongs in [ops]"),
    (
        "[tenants.limits]\nchunk_byte = 1",
        12,
        'tenants[0].limits.chunk_byte: unknown key; did you mean "chunk_bytes"?',
    ),
    ("[listn]", 11, 'listn: unknown key; did you mean "listen"?'),
    ("[listen]\nport = 70000", 12, "listen.port: is 70000; must be an integer from 0 to 65535"),
    ('[listen]\nport = "80"', 12, "listen.port: is a string; must be an integer from 0 to 65535"),
    ("[listen]\nper_address = 0", 12, "listen.per_address: is 0; must be an integer of at least 1"),
    ("[listen]\ndrain_seconds = -1", 12, "listen.drain_seconds: is -1; must be a number of at least 0"),
    ("[listen]\nhost = ''", 12, 'listen.host: is ""; must be an IP address or a host name'),
    (
        "[listen]\ntrusted_proxies = [\n'10.0.0.0/8',\n'ten',\n]",
        14,
        'listen.trusted_proxies[1]: is "ten"; must be an IP address or a network such as "10.0.0.0/8"',
    ),
    (
        "[listen]\ntrusted_proxies = '10.0.0.0/8'",
        12,
        (
            "listen.trusted_proxies: is a string; must be an array, each of it an IP address or a network "
            'such as "10.0.0.0/8"'
        ),
    ),
    (
        "[listen]\ntls_key = '/key.pem'\ntls_cert = '/none'",
        13,
        "listen.tls_cert: the file /none cannot be read: No such file or directory",
    ),
    (
        "[ops]\ntoken = 'hunter2'",
        12,
        (
            'ops.token: is not a reference to a secret; must be "env:NAME" or "file:/path"; '
            "secrets are not kept in this file"
        ),
    ),
    (
        "[ops]\ntoken = 'env:NONE'",
        12,
        "ops.token: the environment variable NONE is not set; set NONE where the relay starts",
    ),
    ("[ops]\ntoken = 'env:EMPTY'", 12, "ops.token: the environment variable EMPTY is empty"),
    ("[ops]\ntoken = 'file:/empty'", 12, "ops.token: the file /empty is empty"),
    ("[ops]\ntoken = 'file:/binary'", 12, "ops.token: the file /binary is not text"),
    ("[models]\naliases = 1", 12, "models.aliases: is an integer; must be a table"),
    (
        "[models.aliases]\n'a b' = 'c'",
        12,
        'models.aliases."a b": is "a b"; must be a model\'s name: 1 to 128 visible characters',
    ),
    (
        "[models.aliases]\na = 1",
        12,
        "models.aliases.a: is an integer; must be a model's name: 1 to 128 visible characters",
    ),
    (
        "[plans.big]\nusd_per_day = 0",
        12,
        'plans.big.usd_per_day: is 0; must be a number above 0, or "unlimited"',
    ),
    (
        "[plans.big]\npatience = 'unlimitd'",
        12,
        (
            'plans.big.patience: is "unlimitd"; must be an integer of at least 1, or "unlimited"; '
            'did you mean "unlimited"?'
        ),
    ),
    ("[plans.'a b']", 11, 'plans."a b": is "a b"; must be 1 to 64 of the characters A-Z a-z 0-9 . _ -'),
    ("[plans]\nbig = 1", 12, "plans.big: is an integer; must be a table"),
    ("[[plans]]", 11, "plans: is an array; must be tables by name: [plans.NAME]"),
    ("[[listen]]", 11, "listen: is an array; must be a table"),
    ("upstreams = 1", 11, "tenants[0].upstreams: is an integer; must be an array of tables: [[upstreams]]"),
    ("upstreams = [1]", 11, "tenants[0].upstreams[0]: is an integer; must be a table"),
    ("models = []", 11, "tenants[0].models: is empty; name at least one"),
    (
        "origins = ['https://a.example/']",
        11,
        (
            'tenants[0].origins[0]: is "https://a.example/"; must be an origin such as "https://app.example" '
            'or "http://localhost:3000"; an origin has no path: "https://a.example"'
        ),
    ),
    (
        "[tenants.policy]\ninstructions = 'lock'",
        12,
        (
            'tenants[0].policy.instructions: is "lock"; must be "free" or "locked" or "prefixed"; '
            'did you mean "locked"?'
        ),
    ),
    ("[tenants.policy]\nvoices = []", 12, "tenants[0].policy.voices: is empty; name at least one"),
    (
        "[tenants.policy]\noutput_modalities = []",
        12,
        "tenants[0].policy.output_modalities: is empty; name at least one",
    ),
    (
        "[tenants.policy]\ntranscription_models = []",
        12,
        "tenants[0].policy.transcription_models: is empty; name at least one",
    ),
    (
        "[tenants.policy]\ninstructions_text = ' '",
        12,
        "tenants[0].policy.instructions_text: is blank; must be a text that is not blank",
    ),
    (
        "[tenants.policy]\nmost_tools = 'unlimited'",
        12,
        "tenants[0].policy.most_tools: is a string; must be an integer of at least 0",
    ),
]
"""What stands from line 11 on; the line that is blamed; what is said."""


@pytest.mark.parametrize(("text", "line", "says"), MISTAKES)
def test_a_mistake_is_told_on_its_line(
    right: str, told: Callable[[str], list[str]], text: str, line: int, says: str
) -> None:
    errors = [one for one in told(right + text) if "warning:" not in one]
    assert errors == [f"relay.toml:{line}: {says}"]


def test_all_mistakes_are_told_at_once(told: Callable[[str], list[str]]) -> None:
    said = told(
        "[listen]\nport = 1.5\nprot = 1\n"
        "[[upstreams]]\nname = 'u'\nregion = 'r'\nweight = 0\n"
        "[[tenants]]\nid = 'a b'\n"
    )
    assert [one.split(": ")[0:2] for one in said if "warning" not in one] == [
        ["relay.toml:2", "listen.port"],
        ["relay.toml:3", "listen.prot"],
        ["relay.toml:4", "upstreams[0].keys"],
        ["relay.toml:4", "upstreams[0].url"],
        ["relay.toml:7", "upstreams[0].weight"],
        ["relay.toml:9", "tenants[0].id"],
    ]


TABLES = {
    "": FILE_TABLE,
    "[listen]": FILE_TABLE.keys["listen"].shape,
    "[ops]": FILE_TABLE.keys["ops"].shape,
    "[keys]": FILE_TABLE.keys["keys"].shape,
    "[plans.big]": Table(about="", keys=LIMITS),
    "[tenants.limits]": Table(about="", keys=LIMITS),
    "[[upstreams]]": UPSTREAM,
    "[[tenants]]": TENANT,
}


@given(st.sampled_from(sorted(TABLES)), st.data())
def test_a_misspelt_key_is_asked_about(header: str, data: st.DataObject) -> None:
    table = TABLES[header]
    assert isinstance(table, Table)
    key = data.draw(st.sampled_from(sorted(table.keys)))
    at = data.draw(st.integers(0, len(key) - 1))
    letter = data.draw(st.characters(codec="ascii", categories=["Ll"]))
    misspelt = data.draw(
        st.sampled_from(
            [
                key[:at] + key[at + 1 :],
                key[:at] + letter + key[at:],
                key[:at] + letter + key[at + 1 :],
                key[:at] + key[at : at + 2][::-1] + key[at + 2 :],
            ]
        )
    )
    assume(misspelt not in table.keys)
    outcome = load(f"[[tenants]]\n{header}\n{misspelt} = 1" if header else f"{misspelt} = 1", environ={})
    assert isinstance(outcome, Problems)
    (problem,) = (one for one in outcome.errors if one.wrong == "unknown key")
    assert problem.line == (3 if header else 1)
    assert (
        any(problem.hint == f'did you mean "{known}"?' for known in table.keys) or "belongs in" in problem.hint
    )
