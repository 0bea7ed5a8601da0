"""What `/metrics` says, against what the far end saw."""

import asyncio
import re

import httpx
from prometheus_client.parser import text_string_to_metric_families

from relay.core.words import TenantId
from relay.edge.metrics import OTHER, TENANTS, Metrics
from relay.server import Relay
from tests.kit.relays import relay_and_simulator
from tests.kit.wire import append, closed, connected, event, eventually, refusal, say, until

SERIES = [
    "relay_sessions_open",
    "relay_sessions_ended_total",
    "relay_session_duration_seconds",
    "relay_handshakes_total",
    "relay_handshake_seconds",
    "relay_refusals_total",
    "relay_events_total",
    "relay_bytes_total",
    "relay_audio_seconds_total",
    "relay_added_latency_seconds",
    "relay_first_token_seconds",
    "relay_first_audio_seconds",
    "relay_upstream_connect_seconds",
    "relay_upstream_healthy",
    "relay_upstream_choices_total",
    "relay_paused_seconds_total",
    "relay_write_buffer_bytes",
    "relay_stalls_total",
    "relay_pings_total",
    "relay_limit_decisions_total",
    "relay_tokens_total",
    "relay_cost_usd_total",
    "relay_event_loop_lag_seconds",
    "relay_draining",
    "relay_build_info",
]


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
