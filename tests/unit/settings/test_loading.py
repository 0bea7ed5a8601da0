"""Every key of the contract is read into its place, and a file that cannot be read is a problem."""

import os
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from math import inf
from pathlib import Path

import pytest
import tomlkit

from relay.core.tenants import Plan, Policy, Upstream
from relay.core.words import Secret, TenantId
from relay.settings import Listen, Ops, Problems, Settings, Store, load, load_file
from relay.settings.schema import FILE_TABLE, LIMITS
from relay.settings.tables import NamedTables, Table, Tables

EVERYTHING = f"""\
[listen]
host = "::"
port = 443
tls_cert = "/cert.pem"
tls_key = "/key.pem"
max_connections = 500
per_address = 5
trusted_proxies = ["10.0.0.0/8", "192.0.2.1"]
memory_limit = 536870912
drain_seconds = 10
drain_spread_seconds = 2.5
[ops]
host = "0.0.0.0"
port = 9000
token = "env:LONG"
[store]
url = "rediss://cache/0"
[keys]
peppers = {{ 1 = "env:PEPPER", 2 = "file:/secret" }}
sealing_key = "env:LONG"
retired_sealing_keys = ["file:/secret"]
[models.aliases]
"gpt-4o-realtime-preview" = "gpt-realtime-2.1"
[[upstreams]]
name = "us-1"
region = "us"
url = "wss://us.example/v1/realtime"
keys = ["env:SECRET", "file:/secret"]
dialect = "azure"
models = {{ "gpt-realtime-2.1" = "deployment" }}
weight = 2
priority = 1
max_sessions = 100
starts_per_minute = 60.5
price_factor = 1.1
proxy = "http://proxy:3128"
ca = "/cert.pem"
warm = 3
[plans.gold]
concurrent_sessions = 1
session_starts_per_minute = 2
session_seconds = 3
idle_seconds = 4
chunk_bytes = 5
message_bytes = 6
audio_seconds_per_second = 7
bytes_per_second = 8
events_per_second = 9
responses_per_minute = 10
tokens_per_minute = 11
tokens_per_day = 12
usd_per_day = 13.5
patience = "unlimited"
client_secrets_per_minute = 14
client_secret_uses = 1
store_down = "refuse"
trust_safety_identifier = true
[[tenants]]
id = "acme"
plan = "gold"
keys = ["rlk_live_aaaaaaaaaaaa:v2:{"0" * 64}"]
models = ["gpt-realtime-2.1"]
regions = ["eu"]
origins = ["https://app.example"]
[[tenants.upstreams]]
name = "own"
region = "eu"
url = "wss://own.example/v1/realtime"
keys = ["env:SECRET"]
[tenants.policy]
tools = ["look_up"]
hosted_tools = true
most_tools = 16
tools_bytes = 4096
voices = ["marin", "cedar"]
output_modalities = ["text"]
instructions = "prefixed"
instructions_text = "Be kind."
turn_detection = "semantic_vad"
transcription_models = ["gpt-transcribe"]
max_output_tokens = 100
tracing = "pass"
locked = ["turn_detection", "speed"]
unknown_events = "refuse"
[tenants.limits]
chunk_bytes = 500
tokens_per_day = "unlimited"
"""


def test_every_key_is_read(loaded: Callable[[str], Settings]) -> None:
    settings = loaded(EVERYTHING)
    gold = Plan(
        name="gold",
        concurrent_sessions=1,
        session_starts_per_minute=2,
        session_seconds=3,
        idle_seconds=4,
        chunk_bytes=5,
        message_bytes=6,
        audio_seconds_per_second=7,
        bytes_per_second=8,
        events_per_second=9,
        responses_per_minute=10,
        tokens_per_minute=11,
        tokens_per_day=12,
        usd_per_day=13.5,
        patience=inf,
        client_secrets_per_minute=14,
        client_secret_uses=1,
        store_down="refuse",
        trust_safety_identifier=True,
    )
    assert settings.listen == Listen(
        host="::",
        port=443,
        tls_cert="/cert.pem",
        tls_key="/key.pem",
        max_connections=500,
        per_address=5,
        trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("192.0.2.1")),
        memory_limit=536_870_912,
        drain_seconds=10,
        drain_spread_seconds=2.5,
    )
    assert settings.ops == Ops(host="0.0.0.0", port=9000, token=Secret("l" * 32))
    assert settings.store == Store(url=Secret("rediss://cache/0"))
    assert settings.sealing_key == Secret("l" * 32)
    assert settings.retired_sealing_keys == (Secret("s" * 32),)
    assert settings.plans == {"gold": gold, "standard": Plan(name="standard")}
    catalog = settings.catalog
    assert catalog.peppers == {1: Secret("p" * 32), 2: Secret("s" * 32)}
    assert catalog.aliases == {"gpt-4o-realtime-preview": "gpt-realtime-2.1"}
    assert catalog.upstreams == (
        Upstream(
            name="us-1",
            region="us",
            url="wss://us.example/v1/realtime",
            keys=(Secret("sk-secret"), Secret("s" * 32)),
            dialect="azure",
            models={"gpt-realtime-2.1": "deployment"},
            weight=2,
            priority=1,
            max_sessions=100,
            starts_per_minute=60.5,
            price_factor=1.1,
            proxy=Secret("http://proxy:3128"),
            ca="/cert.pem",
            warm=3,
        ),
    )
    acme = catalog.tenants[TenantId("acme")]
    assert acme.plan.name == "gold"
    assert (acme.plan.chunk_bytes, acme.plan.tokens_per_day, acme.plan.message_bytes) == (500, inf, 6)
    assert acme.models == frozenset({"gpt-realtime-2.1"})
    assert acme.regions == frozenset({"eu"})
    assert acme.origins == {"https://app.example"}
    assert [upstream.name for upstream in acme.upstreams] == ["own"]
    assert acme.policy == Policy(
        tools=frozenset({"look_up"}),
        hosted_tools=True,
        most_tools=16,
        tools_bytes=4096,
        voices=("marin", "cedar"),
        output_modalities=frozenset({"text"}),
        instructions="prefixed",
        instructions_text="Be kind.",
        turn_detection="semantic_vad",
        transcription_models=frozenset({"gpt-transcribe"}),
        max_output_tokens=100,
        tracing="pass",
        locked=frozenset({"turn_detection", "speed"}),
        unknown_events="refuse",
    )
    assert catalog.keys["aaaaaaaaaaaa"] == (acme.keys[0], "acme")


def test_the_example_of_every_key_leaves_none_out() -> None:
    """Whoever adds a key to the schema has to read it in the test above."""

    def missing(written: Mapping[str, object], table: Table, at: str) -> list[str]:
        lost = [f"{at}{name}" for name in table.keys if name not in written and table.keys is not LIMITS]
        for name, value in written.items():
            inner = table.keys[name].shape
            if isinstance(inner, NamedTables) and isinstance(value, Mapping):
                lost += [f"{at}{name}.{key}" for key in inner.of.keys if key not in value["gold"]]
            elif isinstance(inner, Table) and isinstance(value, Mapping):
                lost += missing(value, inner, f"{at}{name}.")
            elif isinstance(inner, Tables) and isinstance(value, list) and f"{at}{name}" != "tenants.upstreams":
                lost += missing(value[0], inner.of, f"{at}{name}.")
        return lost

    assert missing(tomlkit.parse(EVERYTHING).unwrap(), FILE_TABLE, "") == []


def test_what_is_left_out_has_its_default(right: str, loaded: Callable[[str], Settings]) -> None:
    settings = loaded(right)
    assert settings.listen == Listen()
    assert settings.ops == Ops()
    assert settings.store == Store()
    assert settings.sealing_key is None
    assert settings.retired_sealing_keys == ()
    assert settings.warnings == ()
    assert settings.catalog.tenants[TenantId("acme")].plan == Plan(name="standard")


def test_the_standard_plan_may_be_written(right: str, loaded: Callable[[str], Settings]) -> None:
    settings = loaded(right + "[plans.standard]\npatience = 3")
    assert settings.catalog.tenants[TenantId("acme")].plan == Plan(name="standard", patience=3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = 1\nb = [", "relay.toml:2: is not TOML: invalid value at the end"),
        ("a = 1\na = 2\n", "relay.toml:2: is not TOML: cannot overwrite a value at column 6"),
        ("a = 1\n???", "relay.toml:2: is not TOML: invalid statement at column 1"),
        ("a = " + "9" * 5000, "relay.toml: a number has thousands of digits"),
        ("a = " + "[" * 50_000, "relay.toml: arrays or tables are nested too deeply"),
    ],
)
def test_what_is_no_toml_is_told_with_its_place(told: Callable[[str], list[str]], text: str, says: str) -> None:
    assert told(text) == [says]


def test_no_secret_is_in_what_is_told_or_shown(right: str, loaded: Callable[[str], Settings]) -> None:
    assert "sk-secret" not in repr(loaded(right))
    outcome = load(right.replace("env:SECRET", "sk-secret"), environ={})
    assert isinstance(outcome, Problems)
    assert "sk-secret" not in repr(outcome)


def test_a_file_is_edited_without_its_secrets(right: str) -> None:
    settings = load(right + "[listen]\ntls_cert = '/none'\ntls_key = '/none'", environ={}, look_around=False)
    assert isinstance(settings, Settings)
    assert settings.warnings == ()


def test_a_file_is_read_with_the_environment_of_the_process(
    right: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "relay.toml"
    path.write_text(right, encoding="utf-8")
    for name in ("PEPPER", "SECRET"):
        monkeypatch.setitem(os.environ, name, "x" * 32)
    settings = load_file(str(path))
    assert isinstance(settings, Settings)
    assert settings.name == str(path)
    assert isinstance(load_file(str(path), environ={}), Problems)


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    gone = load_file(str(tmp_path / "gone.toml"), {})
    assert isinstance(gone, Problems)
    assert gone.text() == f"{tmp_path}/gone.toml: cannot be read: No such file or directory"
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    refused = load_file(str(binary), {})
    assert isinstance(refused, Problems)
    assert refused.text() == f"{binary}: is not text in UTF-8"
