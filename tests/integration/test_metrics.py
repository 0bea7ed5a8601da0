"""What `/metrics` says, against what the far end saw."""

import asyncio
import re
import time

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from relay import server
from relay.core.tenants import AUDIO_BURST
from relay.core.words import TenantId
from relay.edge.metrics import OTHER, TENANTS, Metrics
from relay.edge.pipe import SAMPLE
from relay.server import Relay
from relay.simulator.server import Simulator
from relay.simulator.settings import SimulatorSettings
from tests.kit.relays import MODEL, new_key, relay_and_simulator, relay_to
from tests.kit.wire import append, closed, connected, event, eventually, knock, refusal, say, until

SERIES = [
    "relay_sessions_open", "relay_sessions_ended_total", "relay_session_duration_seconds",
    "relay_handshakes_total", "relay_handshake_seconds", "relay_refusals_total", "relay_events_total",
    "relay_bytes_total", "relay_audio_seconds_total", "relay_added_latency_seconds",
    "relay_first_token_seconds", "relay_first_audio_seconds", "relay_upstream_connect_seconds",
    "relay_upstream_healthy", "relay_upstream_choices_total", "relay_paused_seconds_total",
    "relay_write_buffer_bytes", "relay_stalls_total", "relay_pings_total", "relay_limit_decisions_total",
    "relay_tokens_total", "relay_cost_usd_total", "relay_event_loop_lag_seconds", "relay_draining",
    "relay_build_info",
]  # fmt: skip


async def scrape(relay: Relay) -> dict[tuple[str, ...], float]:
    """Return every sample: name and label values, by label, to its value."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{relay.ops_port}/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(relay: Relay, name: str, **labels: str) -> float:
    """Return one sample as it is now; 0.0 where it has not begun."""
    return relay.metrics.registry.get_sample_value(name, labels) or 0.0


async def test_every_series_of_the_contract_is_there_from_the_start() -> None:
    async with relay_and_simulator() as (relay, _, _):
        text = relay.metrics.exposition().decode()
        for name in SERIES:
            assert re.search(rf"^# TYPE {name} ", text, re.MULTILINE), name


async def test_events_in_are_forwarded_refused_dropped_or_replaced_and_nothing_else() -> None:
    async with relay_and_simulator(plan={"chunk_bytes": 1000}) as (relay, key, sim):
        async with connected(relay, key) as client:
            for size in (500, 1500, 900):
                await client.send(append(bytes(size)))
            await client.send("nonsense")
            await say(client, type="response.create", response={"output_modalities": ["text"]})
            await until(client, "rate_limits.updated")
        await eventually(lambda: len(relay.sessions) == 0)
        samples = await scrape(relay)
        up = {key[2:]: value for key, value in samples.items() if key[:2] == ("relay_events_total", "up")}
        down = {key[2:]: value for key, value in samples.items() if key[:2] == ("relay_events_total", "down")}
        seen = sim.sessions[-1].shown()
        assert sum(up.values()) == 5
        assert up["audio", "forwarded"] == seen["received"]["input_audio_buffer.append"] == 2
        assert up["audio", "refused"] == up["other", "refused"] == 1
        assert sum(value for key, value in up.items() if key[1] == "forwarded") == sum(
            seen["received"].values()
        )
        assert sum(down.values()) == sum(seen["sent"].values())
        assert samples["relay_refusals_total", "audio_chunk_too_large", "acme"] == 1
        assert samples["relay_refusals_total", "invalid_json", "acme"] == 1
        assert samples["relay_audio_seconds_total", "up", "acme"] == 1400 / 48_000


async def test_live_sessions_count_before_they_end() -> None:
    async with relay_and_simulator() as (relay, key, _), connected(relay, key) as client:
        await say(client, type="input_audio_buffer.clear")
        await event(client)
        samples = await scrape(relay)
        assert samples["relay_sessions_open", "us", "acme"] == 1
        assert samples["relay_events_total", "up", "buffer", "forwarded"] == 1
        assert samples["relay_upstream_healthy", "sim-1"] == 1
        assert samples["relay_handshakes_total", "accepted"] == 1


async def test_tokens_and_money_are_what_the_upstream_reported() -> None:
    async with relay_and_simulator() as (relay, key, _), connected(relay, key) as client:
        await say(client, type="response.create", response={"output_modalities": ["text"]})
        usage = (await until(client, "response.done"))["response"]["usage"]
        samples = await scrape(relay)
        model = "gpt-realtime-2.1"
        text_in, text_out = usage["input_tokens"], usage["output_tokens"]
        assert samples["relay_tokens_total", "text_in", model, "acme"] == text_in
        assert samples["relay_tokens_total", "text_out", model, "acme"] == text_out
        assert samples["relay_cost_usd_total", model, "acme"] == (4 * text_in + 24 * text_out) / 1e6
        assert samples["relay_first_token_seconds_count", model, "us"] == 1


async def test_who_went_first_and_why_is_told() -> None:
    async with relay_and_simulator(plan={"idle_seconds": 1}) as (relay, key, sim):
        sim.faults.add("close:1000@2", sessions=1)
        async with connected(relay, key) as client:
            await say(client, type="input_audio_buffer.clear")
            assert (await closed(client))[0] == 1000
        async with connected(relay, key):
            pass
        async with connected(relay, key) as client:
            assert (await closed(client))[0] == 1001
        await eventually(lambda: len(relay.sessions) == 0)
        samples = await scrape(relay)
        assert samples["relay_sessions_ended_total", "upstream", "upstream_left"] == 1
        assert samples["relay_sessions_ended_total", "client", "client_left"] == 1
        assert samples["relay_sessions_ended_total", "relay", "idle"] == 1
        assert samples["relay_limit_decisions_total", "refused", "idle_seconds"] == 1
        assert samples["relay_session_duration_seconds_count",] == 3
        assert 1 <= samples["relay_session_duration_seconds_sum",] < 10  # the idle one had its second


async def test_every_upgrade_request_is_timed_whatever_became_of_it() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        sim.faults.add("handshake:0.2", sessions=1)
        async with connected(relay, key):
            pass
        await refusal(relay, new_key()[0])
        await refusal(relay, None)
        samples = await scrape(relay)
        assert samples["relay_handshakes_total", "accepted"] == 1
        assert samples["relay_handshakes_total", "refused"] == 2
        assert samples["relay_handshake_seconds_count",] == 3
        assert samples["relay_handshake_seconds_bucket", "0.1"] == 2  # the upstream's time is in the third
        assert samples["relay_handshake_seconds_sum",] >= 0.2


async def test_every_try_of_an_upstream_counts_by_how_it_ended() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        sim.faults.add("reject:invalid_model:4000", sessions=1)
        assert (await refusal(relay, key))[0] == 400
        async with connected(relay, key):
            pass
        for fault in ("refuse:503", "refuse:401"):
            sim.faults.add(fault, sessions=1)
            await refusal(relay, key)
        samples = await scrape(relay)
        for why in ("tell_client", "accepted", "next_upstream", "next_key"):
            assert samples["relay_upstream_choices_total", "sim-1", why] == 1, why
        assert samples["relay_upstream_choices_total", "sim-1", "paced"] == 0
        assert samples["relay_upstream_connect_seconds_count", "sim-1"] == 1


async def test_an_upstream_that_may_take_no_more_starts_counts_as_paced() -> None:
    async with Simulator(SimulatorSettings.instant()).running() as sim:
        upstream = {"name": "sim-1", "region": "us", "url": sim.url, "starts_per_minute": 1}
        async with relay_to([upstream]) as (relay, key):
            async with connected(relay, key):
                pass
            assert (await refusal(relay, key))[0] == 503
            samples = await scrape(relay)
    assert samples["relay_upstream_choices_total", "sim-1", "accepted"] == 1
    assert samples["relay_upstream_choices_total", "sim-1", "paced"] == 1


async def test_one_message_in_so_many_is_timed() -> None:
    async with relay_and_simulator() as (relay, key, _):
        async with connected(relay, key) as client:
            for _ in range(3 * SAMPLE):
                await client.send(append(bytes(200)))
            await say(client, type="input_audio_buffer.clear")
            await until(client, "input_audio_buffer.cleared")
        samples = await scrape(relay)
        # `session.created` came down before, so that each one timed is an append.
        assert samples["relay_added_latency_seconds_count", "up"] == 3
        assert samples["relay_added_latency_seconds_count", "down"] == 0
        assert 0 < samples["relay_added_latency_seconds_sum", "up"] < 1


async def test_a_loop_that_was_held_up_is_seen_to_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LAG_LOOK", 0.02)
    async with relay_and_simulator() as (relay, _, _):
        await eventually(lambda: value(relay, "relay_event_loop_lag_seconds_count") >= 2)
        calm = value(relay, "relay_event_loop_lag_seconds_sum")
        asyncio.get_running_loop().call_soon(time.sleep, 0.3)
        await eventually(lambda: value(relay, "relay_event_loop_lag_seconds_sum") - calm >= 0.25)


async def test_a_client_that_is_paced_is_counted_for_as_long_as_it_was_not_read() -> None:
    async with relay_and_simulator(plan={"audio_seconds_per_second": 2}) as (relay, key, _):
        async with connected(relay, key) as client:
            for seconds in (AUDIO_BURST / 2, AUDIO_BURST / 2 + 1):  # one second too many: half a second's wait
                await client.send(append(bytes(int(seconds * 48_000))))
            await say(client, type="input_audio_buffer.clear")
            await until(client, "input_audio_buffer.cleared")
        samples = await scrape(relay)
        assert 0.3 < samples["relay_paused_seconds_total", "pace", "client"] < 2
        assert samples["relay_paused_seconds_total", "pace", "upstream"] == 0


async def test_a_client_that_does_not_read_shows_in_buffers_stalls_and_pauses() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        sim.faults.add("flood:400:65536@1", sessions=1)  # 26 MB: more than the kernel takes on
        async with knock(relay, key, max_queue=1) as client:
            client.transport.pause_reading()
            await eventually(lambda: value(relay, "relay_stalls_total", side="client"))
            stuck = await scrape(relay)
            assert stuck["relay_write_buffer_bytes", "client"] > 0
            assert stuck["relay_write_buffer_bytes", "upstream"] == 0
            assert stuck["relay_stalls_total", "client"] >= 1
            assert stuck["relay_stalls_total", "upstream"] == 0
            assert stuck["relay_paused_seconds_total", "congestion", "client"] == 0
            client.transport.resume_reading()
            for _ in range(401):
                await event(client)
            await eventually(lambda: value(relay, "relay_write_buffer_bytes", side="client") == 0)
        over = await scrape(relay)
        paused = ("relay_paused_seconds_total", "congestion", "upstream")
        assert over[paused] > stuck[paused]
        assert over["relay_events_total", "down", "audio", "forwarded"] == 400


async def test_pings_count_by_who_sent_them_and_whether_they_were_answered() -> None:
    pinging = SimulatorSettings.instant(ping_interval_seconds=0.05)
    async with relay_and_simulator(pinging) as (relay, key, _), connected(relay, key) as client:
        for _ in range(3):
            await (await client.ping())
        await eventually(lambda: value(relay, "relay_pings_total", leg="upstream", result="answered") >= 2)
        samples = await scrape(relay)
        assert samples["relay_pings_total", "client", "answered"] == 3
        assert samples["relay_pings_total", "client", "dropped"] == 0
        assert samples["relay_pings_total", "upstream", "dropped"] == 0


async def test_speech_that_comes_down_is_counted_in_seconds() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        async with connected(relay, key) as client:
            await say(client, type="response.create")
            await until(client, "response.done")
        samples = await scrape(relay)
        sent = sim.sessions[-1].shown()["audio_sent"]["bytes"]
        assert sent > 0
        assert samples["relay_audio_seconds_total", "down", "acme"] == pytest.approx(sent / 48_000)
        assert samples["relay_audio_seconds_total", "up", "acme"] == 0
        assert samples["relay_first_audio_seconds_count", MODEL, "us"] == 1


async def test_a_refusal_at_the_door_bears_the_name_of_a_tenant_that_is_known() -> None:
    async with relay_and_simulator(tenant={"regions": ["us"]}) as (relay, key, _):
        assert (await refusal(relay, key, f"?model={MODEL}&relay_region=mars"))[0] == 403
        for stranger in (new_key()[0], "sk-of-another-house", None):
            assert (await refusal(relay, stranger))[0] == 401
        samples = await scrape(relay)
        assert samples["relay_refusals_total", "not_allowed", "acme"] == 1
        assert samples["relay_refusals_total", "not_allowed", OTHER] == 0
        assert samples["relay_refusals_total", "invalid_key", OTHER] == 3
        assert ("relay_refusals_total", "invalid_key", "acme") not in samples


async def test_each_no_for_the_days_budget_counts_once() -> None:
    async with relay_and_simulator(plan={"tokens_per_day": 1}) as (relay, key, _):
        decided = {"limit": "day_budget", "decision": "refused"}
        async with connected(relay, key) as spender, connected(relay, key) as late:
            assert value(relay, "relay_limit_decisions_total", **decided) == 0
            await say(spender, type="response.create", response={"output_modalities": ["text"]})
            assert (await closed(spender))[0] == 1008
            await eventually(lambda: len(relay.sessions) == 1)
            assert value(relay, "relay_limit_decisions_total", **decided) == 1
            await say(late, type="response.create", response={"output_modalities": ["text"]})
            assert (await closed(late))[0] == 1008
            await eventually(lambda: len(relay.sessions) == 0)
            assert value(relay, "relay_limit_decisions_total", **decided) == 2
        assert (await refusal(relay, key))[0] == 429
        assert value(relay, "relay_limit_decisions_total", **decided) == 3
        assert value(relay, "relay_sessions_ended_total", reason="budget_spent", first="relay") == 2


async def test_a_stranger_makes_no_series_of_its_own() -> None:
    async with relay_and_simulator() as (relay, key, _):
        before = len(await scrape(relay))
        for number in range(5):
            await refusal(relay, key, f"?model=made-up-{number}")
        await asyncio.sleep(0)
        assert len(await scrape(relay)) <= before + 40  # the tenant's own, and no model's
        assert "made-up" not in relay.metrics.exposition().decode()


def test_tenants_beyond_the_bound_share_a_label() -> None:
    metrics = Metrics(list, [])
    labels = {metrics.tenant_label(TenantId(f"tenant-{number}")) for number in range(10_000)}
    assert len(labels) == TENANTS + 1
    assert OTHER in labels
    assert metrics.tenant_label(TenantId("tenant-0")) == "tenant-0"
