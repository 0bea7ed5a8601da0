import re
import shutil
import sys
from pathlib import Path

import pytest

from relay.bench.recipes import VARIANTS, Kind, missing, program, recipe
from relay.bench.tenancy import tenancy
from relay.core.keys import matches, parse, parse_stored
from relay.core.tenants import Policy
from relay.core.words import Secret
from relay.settings import Settings, load


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: None)


@pytest.fixture
def all_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: f"/usr/sbin/{name}")


def test_direct_runs_nothing_and_dials_the_upstream(tmp_path: Path) -> None:
    direct = recipe(Kind.DIRECT, tmp_path, upstream_port=9000, descriptors=20_000)
    assert (direct.port, direct.command) == (9000, ())


def test_the_relay_runs_as_its_users_run_it(tmp_path: Path) -> None:
    relay = recipe(Kind.RELAY, tmp_path, upstream_port=9000, descriptors=20_000)
    file = tmp_path / "relay.toml"
    assert relay.command == (sys.executable, "-m", "relay", "serve", "--config", str(file))
    assert "ws://127.0.0.1:9000/" in file.read_text()
    assert relay.headers["Authorization"].startswith("Bearer rlk_live_")
    assert relay.environment["RELAY_KEY_PEPPER"] not in file.read_text()


def test_the_variants_are_other_clients_of_the_relays_own_process(tmp_path: Path) -> None:
    relay = recipe(Kind.RELAY, tmp_path, upstream_port=9000, descriptors=20_000)
    assert relay.variants.keys() == set(VARIANTS)
    assert relay.variants[Kind.BETA] == {**relay.headers, "OpenAI-Beta": "realtime=v1"}
    assert relay.variants[Kind.STRICT] != relay.headers
    for kind in VARIANTS:
        with pytest.raises(ValueError, match="in the relay's own process"):
            recipe(kind, tmp_path, upstream_port=9000, descriptors=20_000)


@pytest.mark.usefixtures("all_installed")
def test_haproxy_gets_one_thread_and_room_for_every_session(tmp_path: Path) -> None:
    haproxy = recipe(Kind.HAPROXY, tmp_path, upstream_port=9000, descriptors=20_000)
    text = (tmp_path / "haproxy.cfg").read_text()
    assert haproxy.command[0] == "/usr/sbin/haproxy"
    assert "nbthread 1\n" in text
    assert "maxconn 9900\n" in text
    assert f"bind 127.0.0.1:{haproxy.port} " in text
    assert "127.0.0.1:9000\n" in text


@pytest.mark.usefixtures("all_installed")
def test_nginx_gets_one_process_and_keeps_to_its_directory(tmp_path: Path) -> None:
    nginx = recipe(Kind.NGINX, tmp_path, upstream_port=9000, descriptors=20_000)
    text = (tmp_path / "nginx.conf").read_text()
    assert "master_process off;" in text
    assert "worker_connections 20000;" in text
    assert f"listen 127.0.0.1:{nginx.port} " in text
    assert str(tmp_path) in nginx.command


def test_the_plain_relay_runs_as_a_program_of_its_own(tmp_path: Path) -> None:
    plain = recipe(Kind.WEBSOCKETS, tmp_path, upstream_port=9000, descriptors=20_000)
    assert plain.command[1:] == ("-m", "relay.bench.plain_websockets", str(plain.port), "9000")


@pytest.mark.usefixtures("nothing_installed")
def test_a_peer_that_is_absent_says_how_to_get_it() -> None:
    assert "apt-get install -y --no-install-recommends nginx-light" in str(missing(Kind.NGINX))
    with pytest.raises(FileNotFoundError, match="apt-get install"):
        program(Kind.HAPROXY)


@pytest.mark.usefixtures("nothing_installed")
def test_what_comes_with_the_project_is_never_absent() -> None:
    assert [missing(kind) for kind in (Kind.DIRECT, Kind.RELAY, Kind.WEBSOCKETS)] == [None] * 3


def test_each_tenants_key_opens_the_configuration_it_came_with() -> None:
    ours = tenancy(port=1, ops_port=2, upstream_port=3)
    lines = re.findall(r'^keys = \["(rlk_live_.*)"\]$', ours.toml, re.MULTILINE)
    for line, headers in zip(lines, (ours.headers, ours.strict_headers), strict=True):
        presented = parse(headers["Authorization"].removeprefix("Bearer "))
        assert presented is not None
        pepper = Secret(ours.environment["RELAY_KEY_PEPPER"])
        assert matches(presented, parse_stored(line), {1: pepper})


def test_the_restricted_tenant_is_restricted_in_all_there_is() -> None:
    ours = tenancy(port=1, ops_port=2, upstream_port=3)
    settings = load(ours.toml, environ=ours.environment)
    assert isinstance(settings, Settings)
    free, restricted = (tenant.policy for tenant in settings.catalog.tenants.values())
    assert free == Policy()
    own_defaults = {"hosted_tools", "most_tools", "tools_bytes", "tracing"}  # strict as they are
    for field in Policy.__struct_fields__:
        same = getattr(restricted, field) == getattr(free, field)
        assert same is (field in own_defaults), field
