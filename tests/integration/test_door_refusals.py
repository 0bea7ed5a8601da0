"""Every refusal at the door, provoked over a real socket and asserted whole: status, body, headers, in-band."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from relay.edge.admission import Admission
from relay.server import Relay
from relay.simulator.server import Simulator
from relay.simulator.settings import INSTANT
from tests.kit.relays import MODEL, config, new_key, relay_and_simulator, relay_to, settings
from tests.kit.wire import append, closed, connected, event, eventually, knock, refusal

INVALID = "invalid_request_error"
BROWSER = ["realtime", "openai-insecure-api-key.{key}"]


async def in_band(relay: Relay, key: str, query: str = f"?model={MODEL}", **options: Any) -> tuple[Any, ...]:
    """Knock as a browser does. Return the error event and the close."""
    protocols = [entry.format(key=key) for entry in BROWSER]
    async with knock(relay, None, query, subprotocols=protocols, **options) as client:
        assert client.subprotocol == "realtime"
        told = await event(client)
        return told["error"], await closed(client)


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (None, "No API key was provided"),
        ("sk-somebody-elses", "this relay's keys begin with rlk_live_"),
        pytest.param(new_key()[0], "unknown or was revoked", id="nobody's"),
    ],
)
async def test_a_key_that_is_missing_or_unknown_is_401(key: str | None, says: str) -> None:
    async with relay_and_simulator() as (relay, _, sim):
        status, _, error = await refusal(relay, key)
        assert status == 401
        assert error["type"] == INVALID
        assert error["code"] == "invalid_api_key"
        assert error["param"] is None
        assert says in error["message"]
        assert key is None or key not in error["message"]
        assert not sim.sessions


async def test_a_browser_is_told_of_a_bad_key_in_band() -> None:
    async with relay_and_simulator() as (relay, _, _):
        error, close = await in_band(relay, new_key()[0])
        assert error["type"] == INVALID
        assert error["code"] == "invalid_api_key"
        assert error["status"] == 401
        assert error["param"] is None
        assert error["event_id"] is None
        assert close == (3000, "invalid_request_error.invalid_api_key")


@pytest.mark.parametrize(
    "carrier",
    [
        {"headers": {"Authorization": "Bearer {key}"}},
        {"headers": {"api-key": "{key}"}},
        {"headers": {"x-api-key": "{key}"}},
        {"subprotocols": ["realtime", "openai-insecure-api-key.{key}"]},
        {"query": f"?model={MODEL}&api-key={{key}}"},
    ],
)
async def test_every_carrier_of_a_key_opens_the_door(carrier: dict[str, Any]) -> None:
    async with relay_and_simulator() as (relay, key, sim):
        filled = json.loads(json.dumps(carrier).replace("{key}", key))
        async with connected(relay, None, filled.pop("query", f"?model={MODEL}"), **filled) as client:
            assert client.subprotocol == ("realtime" if "subprotocols" in carrier else None)
        assert key not in json.dumps(sim.sessions[-1].shown())


@pytest.mark.parametrize("path", ["/v1/realtime", "/realtime", "/openai/v1/realtime"])
async def test_every_path_of_the_contract_opens(path: str) -> None:
    async with relay_and_simulator() as (relay, key, _):
        async with connected(relay, key, path=path):
            pass
        async with connected(relay, key, f"?deployment={MODEL}&api-version=1", path="/openai/realtime"):
            pass


async def test_a_model_that_is_not_the_tenants_is_403() -> None:
    async with relay_and_simulator(tenant={"models": ["gpt-realtime-mini"]}) as (relay, key, sim):
        status, _, error = await refusal(relay, key)
        assert (status, error["type"], error["code"], error["param"]) == (403, INVALID, "not_allowed", "model")
        assert MODEL in error["message"]
        error, close = await in_band(relay, key)
        assert (error["code"], error["status"]) == ("not_allowed", 403)
        assert close == (4003, "invalid_request_error.not_allowed")
        assert not sim.sessions


async def test_a_region_outside_the_tenants_residency_is_403() -> None:
    async with relay_and_simulator(tenant={"regions": ["us"]}) as (relay, key, _):
        status, _, error = await refusal(relay, key, f"?model={MODEL}&relay_region=eu")
        assert (status, error["code"], error["param"]) == (403, "not_allowed", "relay_region")
        async with connected(relay, key, headers={"X-Relay-Region": "us"}) as client:
            assert client.response is not None
            assert client.response.headers["X-Relay-Region"] == "us"


async def test_residency_fails_closed_where_no_upstream_is_in_the_region() -> None:
    async with relay_and_simulator(tenant={"regions": ["eu"]}) as (relay, key, sim):
        status, _, error = await refusal(relay, key)
        assert (status, error["code"]) == (403, "not_allowed")
        assert not sim.sessions


async def test_an_origin_that_is_not_listed_is_refused_in_band() -> None:
    async with relay_and_simulator(tenant={"origins": ["https://app.acme.example"]}) as (relay, key, _):
        async with connected(relay, key, origin="https://app.acme.example"):
            pass
        async with knock(relay, key, origin="https://evil.example") as client:
            told = (await event(client))["error"]
            assert (told["type"], told["code"], told["status"]) == (INVALID, "not_allowed", 403)
            assert await closed(client) == (4003, "invalid_request_error.not_allowed")


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("", "model", "missing_model"),
        ("?model=", "model", "missing_model"),
        (f"?model={MODEL}&model=another", "model", "invalid_request"),
        (f"?model={MODEL}&intent=transcription", "model", "invalid_model"),
        ("?intent=conversation", "intent", "invalid_request"),
        (f"?model={MODEL}&relay_latency=none", "relay_latency", "invalid_request"),
        (f"?model={MODEL}&relay_session=a%20b", "relay_session", "invalid_request"),
        ("?model=%ff", None, "invalid_request"),
    ],
)
async def test_a_bad_query_is_400(query: str, param: str | None, code: str) -> None:
    async with relay_and_simulator() as (relay, key, _):
        status, _, error = await refusal(relay, key, query)
        assert (status, error["type"], error["code"], error["param"]) == (400, INVALID, code, param)


async def test_another_path_is_404() -> None:
    async with relay_and_simulator() as (relay, key, _):
        status, _, error = await refusal(relay, key, path="/v1/elsewhere")
        assert (status, error["code"]) == (404, "not_found")


async def test_a_call_of_nobodys_is_404() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        status, _, error = await refusal(relay, key, "?call_id=rtc_1")
        assert (status, error["code"], error["param"]) == (404, "not_found", "call_id")
        assert not sim.sessions


async def test_a_live_name_is_409_while_its_holder_answers() -> None:
    async with relay_and_simulator() as (relay, key, _):
        query = f"?model={MODEL}&relay_session=call-7"
        async with connected(relay, key, query) as first:
            status, _, error = await refusal(relay, key, query)
            assert (status, error["type"], error["code"]) == (409, INVALID, "session_conflict")
            assert error["param"] == "relay_session"
            error, close = await in_band(relay, key, query)
            assert (error["code"], close[0]) == ("session_conflict", 4009)
            await first.ping()
        await eventually(lambda: len(relay.sessions) == 0)
        async with connected(relay, key, query):
            pass


async def test_too_many_sessions_are_429_and_a_place_is_free_again_at_once() -> None:
    async with relay_and_simulator(plan={"concurrent_sessions": 2}) as (relay, key, _):
        async with connected(relay, key), connected(relay, key):
            status, headers, error = await refusal(relay, key)
            assert (status, error["type"], error["code"]) == (429, "rate_limit_error", "too_many_sessions")
            assert int(headers["retry-after"]) >= 1
            error, close = await in_band(relay, key)
            assert (error["code"], error["status"]) == ("too_many_sessions", 429)
            assert error["retry_after_ms"] > 0
            assert close == (1013, "rate_limit_error.too_many_sessions")
        await eventually(lambda: len(relay.sessions) == 0)
        async with connected(relay, key), connected(relay, key):
            pass


async def test_starts_that_come_too_fast_are_429() -> None:
    async with relay_and_simulator(plan={"session_starts_per_minute": 2}) as (relay, key, _):
        for _ in range(2):
            async with connected(relay, key):
                pass
        status, headers, error = await refusal(relay, key)
        assert (status, error["code"]) == (429, "too_many_sessions")
        assert 1 <= int(headers["retry-after"]) <= 32


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("refuse:500", 503, "upstream_unavailable"),
        ("refuse:503:7", 503, "upstream_unavailable"),
        ("refuse:429:9", 503, "upstream_unavailable"),
        ("refuse:401", 502, "upstream_unavailable"),
        ("refuse:302", 502, "upstream_unavailable"),
        ("reject:invalid_api_key:3000", 502, "upstream_unavailable"),
        ("reject:insufficient_quota", 502, "upstream_unavailable"),
        ("drop@0", 502, "upstream_unavailable"),
        ("close:1011@0", 502, "upstream_unavailable"),
        ("mangle:json@0", 502, "upstream_unavailable"),
    ],
)
async def test_an_upstream_that_says_no_is_told_as_ours(fault: str, status: int, code: str) -> None:
    async with relay_and_simulator() as (relay, key, sim):
        sim.faults.add(fault, sessions=10)
        got, headers, error = await refusal(relay, key)
        assert (got, error["type"], error["code"]) == (status, "server_error", code)
        assert "sk-" not in error["message"]
        if status == 503:
            assert int(headers["retry-after"]) >= 1
        assert len(relay.sessions) == 0
        assert relay.connections.open <= 1


async def test_a_model_that_the_upstream_does_not_serve_is_400_in_its_own_words() -> None:
    async with relay_and_simulator() as (relay, key, _):
        status, _, error = await refusal(relay, key, "?model=gpt-5")
        assert (status, error["type"], error["code"]) == (400, INVALID, "invalid_model")
        error, close = await in_band(relay, key, "?model=gpt-5")
        assert error["code"] == "invalid_model"
        assert close == (4000, "invalid_request_error.invalid_model")


async def test_an_upstream_that_says_nothing_is_504() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        sim.faults.add("silent@0", sessions=10)
        status, headers, error = await refusal(relay, key, open_timeout=12)
        assert (status, error["code"]) == (504, "upstream_unavailable")
        assert int(headers["retry-after"]) >= 1


async def test_an_upstream_that_is_not_there_is_502() -> None:
    async with relay_to("ws://127.0.0.1:9/v1/realtime") as (relay, key):
        status, _, error = await refusal(relay, key)
        assert (status, error["type"], error["code"]) == (502, "server_error", "upstream_unavailable")


async def test_the_next_upstream_is_tried_before_the_client_is_told() -> None:
    async with relay_and_simulator() as (_, _, sim):
        pair = [
            {"name": "down", "region": "us", "url": "ws://127.0.0.1:9/v1/realtime", "priority": 0},
            {"name": "up", "region": "eu", "url": sim.url, "priority": 1},
        ]
        async with relay_to(pair) as (relay, key), connected(relay, key) as client:
            assert client.response is not None
            assert client.response.headers["X-Relay-Region"] == "eu"


async def test_the_next_key_of_the_pool_is_used_at_once() -> None:
    async with relay_and_simulator() as (_, _, sim):
        pool = [
            {
                "name": "sim",
                "region": "us",
                "url": sim.url,
                "keys": ["env:SPENT_KEY", "env:UPSTREAM_KEY"],
            }
        ]
        token, line = new_key()
        read = settings(config(pool, line), {"SPENT_KEY": "sk-invalid-as-it-were"})
        async with Relay(read).running() as relay:
            async with connected(relay, token):
                pass
            async with connected(relay, token):
                pass
        refused = [r for r in sim.sessions if "sk-invalid" in json.dumps(r.shown())]
        assert len(refused) == 1


async def test_a_draining_relay_says_503_and_retry_after() -> None:
    async with relay_and_simulator() as (relay, key, _), connected(relay, key) as client:
        draining = asyncio.create_task(relay.drain())
        await asyncio.sleep(0)
        status, headers, error = await refusal(relay, key)
        assert (status, error["type"], error["code"]) == (503, "server_error", "relay_draining")
        assert int(headers["retry-after"]) >= 1
        error, close = await in_band(relay, key)
        assert (error["code"], close) == ("relay_draining", (1012, "server_error.relay_draining"))
        await client.close()
        await asyncio.wait_for(draining, 5)


async def test_an_upgrade_that_is_dialed_for_when_the_drain_begins_is_refused_and_waited_for() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        sim.faults.add("handshake:0.5", sessions=1)
        asking = asyncio.create_task(refusal(relay, key))
        await eventually(lambda: len(sim.sessions) == 1)
        await asyncio.wait_for(relay.drain(), 5)
        status, _, error = await asking
        assert (status, error["code"]) == (503, "relay_draining")
        await eventually(lambda: not sim.sessions[-1].shown()["open"])


async def test_a_key_that_is_revoked_while_its_session_is_dialed_for_is_refused() -> None:
    (token, line), (_, other_line) = new_key(), new_key()
    async with relay_and_simulator() as (_, _, sim):
        sim.faults.add("handshake:0.5", sessions=1)
        async with Relay(settings(config(sim.url, line))).running() as relay:
            asking = asyncio.create_task(refusal(relay, token))
            await eventually(lambda: len(sim.sessions) == 1)
            relay.reload(settings(config(sim.url, other_line)))
            assert (await asking)[0] == 401


async def test_an_upstream_never_has_more_sessions_than_it_may() -> None:
    async with relay_and_simulator() as (_, _, sim):
        few = [{"name": "few", "region": "us", "url": sim.url, "max_sessions": 2}]

        async def knocks(relay: Relay, key: str) -> int:
            with contextlib.suppress(InvalidStatus):
                async with knock(relay, key) as client:
                    await client.recv()
                    await asyncio.sleep(0.5)
                    return 1
            return 0

        async with relay_to(few) as (relay, key):
            assert sum(await asyncio.gather(*(knocks(relay, key) for _ in range(6)))) == 2
            await eventually(lambda: len(relay.sessions) == 0)
            async with connected(relay, key), connected(relay, key):
                pass


async def test_a_reload_that_cannot_be_gone_by_changes_nothing(tmp_path: Path) -> None:
    token, line = new_key()
    rubbish = tmp_path / "ca.pem"
    rubbish.write_text("no certificate")
    tls = {"name": "tls", "region": "us", "url": "wss://localhost:1/", "ca": str(rubbish)}
    async with (
        Simulator(INSTANT).running() as sim,
        Relay(settings(config(sim.url, line))).running() as relay,
    ):
        with pytest.raises(OSError, match="no certificate"):
            relay.reload(settings(config([tls], new_key()[1])))
        async with connected(relay, token):
            pass


async def test_a_holder_of_a_name_that_is_not_being_read_keeps_it() -> None:
    plan = {"audio_seconds_per_second": 0.5}
    async with relay_and_simulator(plan=plan) as (relay, key, _):
        query = f"?model={MODEL}&relay_session=call-8"
        async with connected(relay, key, query) as first:
            await first.send(append(bytes(40 * 48_000 // 2)))
            await first.send(append(bytes(40 * 48_000 // 2)))
            await eventually(lambda: any(live.session.flows[0].holds for live in relay.sessions))
            assert (await refusal(relay, key, query))[0] == 409


async def test_a_fault_of_the_relays_own_is_500_and_says_nothing_of_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def breaks(*_: Any) -> Any:
        raise RuntimeError("secret innards")

    monkeypatch.setattr(Admission, "admit", breaks)
    async with relay_and_simulator() as (relay, key, _):
        status, _, error = await refusal(relay, key)
        assert (status, error["type"], error["code"]) == (500, "server_error", "internal_error")
        assert "innards" not in error["message"]
        await eventually(lambda: relay.connections.open == 0)
