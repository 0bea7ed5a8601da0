"""The admin API on the operator's port: what an operator changes, and the line that it leaves."""

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path

import httpx
import pytest
import structlog

from relay.server import Relay
from relay.settings import Problems, load_file
from relay.simulator.server import Simulator
from relay.simulator.settings import SimulatorSettings
from tests.kit.admin import TOKEN, administered
from tests.kit.relays import ENVIRON, config, new_key, relay_and_simulator
from tests.kit.wire import closed, connected, refusal, say, until


async def test_one_session_is_closed_and_the_others_go_on() -> None:
    async with relay_and_simulator() as (relay, key, _), administered(relay) as admin:
        async with connected(relay, key) as doomed:
            first = next(iter(relay.sessions)).id
            async with connected(relay, key) as other:
                assert await admin.ask("DELETE", f"sessions/{first}") == {"closed": 1}
                assert await closed(doomed) == (1001, "operator")
                await say(other, type="input_audio_buffer.clear")
                await until(other, "input_audio_buffer.cleared")
                assert len(relay.sessions) == 1
        assert (await admin.problem(f"sessions/{first}", 404, "DELETE"))["code"] == "not_found"
        metrics = relay.metrics.exposition().decode()
        assert 'relay_sessions_ended_total{first="relay",reason="operator"} 1.0' in metrics


async def test_the_sessions_of_a_tenant_are_closed_and_nobody_elses() -> None:
    token, line = new_key()
    plan = {"concurrent_sessions": 2}
    other = {"id": "globex", "plan": "standard", "keys": [line]}
    async with (
        relay_and_simulator(plan=plan, more_tenants=[other]) as (relay, key, _),
        administered(relay) as admin,
        connected(relay, key) as one,
        connected(relay, key) as two,
        connected(relay, token),
    ):
        assert await admin.ask("DELETE", "tenants/acme/sessions") == {"closed": 2}
        for client in (one, two):
            assert (await closed(client))[0] == 1001
        rows = (await admin.get("sessions"))["data"]
        assert [row["tenant"] for row in rows] == ["globex"]
        async with connected(relay, key), connected(relay, key):  # what they held is back
            assert len(relay.sessions) == 3
        await admin.problem("tenants/nobody/sessions", 404, "DELETE")


async def test_a_drain_takes_no_new_sessions_and_lets_the_open_ones_end() -> None:
    async with (
        relay_and_simulator() as (relay, key, _),
        administered(relay) as admin,
        connected(relay, key) as client,
    ):
        for _ in range(2):  # asked again, it goes on
            assert await admin.ask("POST", "drain", 202) == {"draining": True, "sessions": 1}
        assert (await refusal(relay, key))[0] == 503
        assert (await admin.http.get("/readyz")).status_code == 503
        assert (await admin.get("overview"))["draining"] is True
        told = await admin.get("explain?tenant=acme")
        assert told["answer"]["refusal"]["refusal"] == "draining"
        await say(client, type="input_audio_buffer.clear")
        await until(client, "input_audio_buffer.cleared")


async def test_the_configuration_is_read_again_and_a_bad_one_is_refused_with_its_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    token, line = new_key()
    other, more = new_key()
    path = tmp_path / "relay.toml"
    async with contextlib.AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator(SimulatorSettings.instant()).running())
        path.write_text(config(sim.url, line))
        read = load_file(str(path))
        assert not isinstance(read, Problems)
        relay = await stack.enter_async_context(Relay(read).running())
        admin = await stack.enter_async_context(administered(relay))
        client = await stack.enter_async_context(connected(relay, token))

        path.write_text(config(sim.url, line).replace("us", "us\n"))
        error = (await admin.ask("POST", "reload", 409))["error"]
        assert error["code"] == "configuration_refused"
        assert error["problems"][0].startswith(str(path))
        assert len(relay.sessions) == 1

        path.write_text(config(sim.url, line, more_tenants=[{"id": "new", "plan": "standard", "keys": [more]}]))
        told = await admin.ask("POST", "reload")
        assert (told["tenants"], told["sessions_ended"]) == (2, 0)
        async with connected(relay, other):
            assert (await admin.get("tenants/new"))["used"]["sessions"] == 1

        path.write_text(config(sim.url, more))
        assert (await admin.ask("POST", "reload"))["sessions_ended"] == 1
        assert await closed(client) == (3000, "key_revoked")


async def test_whatever_changes_something_leaves_one_line_and_looking_leaves_none() -> None:
    async with relay_and_simulator() as (relay, key, _), administered(relay) as admin, connected(relay, key):
        live = next(iter(relay.sessions)).id
        with structlog.testing.capture_logs() as lines:
            await admin.get("overview")
            await admin.get("sessions")
            await admin.ask("DELETE", f"sessions/{live}")
            await admin.ask("DELETE", "sessions/nobody", 404)
            await admin.ask("POST", "drain?colour=red", 400)
            await admin.ask("POST", "reload", 409)
        told = [line for line in lines if line["event"] == "admin"]
        assert [(line["call"], line["status"]) for line in told] == [
            ("closeSession", 200),
            ("closeSession", 404),
            ("drain", 400),
            ("reload", 409),
        ]
        assert (told[0]["id"], told[0]["closed"], told[0]["by"]) == (live, 1, "127.0.0.1")
        assert TOKEN not in str(lines)


async def test_a_process_that_is_drained_ends_as_on_sigterm(tmp_path: Path) -> None:
    _, line = new_key()
    path = tmp_path / "relay.toml"
    async with Simulator(SimulatorSettings.instant()).running() as sim:
        path.write_text(config(sim.url, line))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "relay", "serve", "--config", str(path),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env={**os.environ, **ENVIRON},
        )  # fmt: skip
        try:
            assert process.stdout is not None
            up = json.loads(await asyncio.wait_for(process.stdout.readline(), 15))
            async with httpx.AsyncClient(trust_env=False, headers={"Authorization": f"Bearer {TOKEN}"}) as http:
                told = await http.post(f"http://127.0.0.1:{up['ops_port']}/admin/drain")
            assert told.json() == {"draining": True, "sessions": 0}
            assert await asyncio.wait_for(process.wait(), 15) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
