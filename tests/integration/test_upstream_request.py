"""What goes upstream with a dial, and what never does."""

from typing import Any

import httpx
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI

from relay.core.guest import safety_identifier
from relay.core.words import TenantId
from relay.simulator.server import Simulator
from relay.simulator.settings import SimulatorSettings
from tests.kit.relays import MODEL, relay_and_simulator, relay_to
from tests.kit.wire import connected, event, knock, say, until

TENANT_S_OWN = {
    "OpenAI-Organization": "org-tenant",
    "OpenAI-Project": "proj-tenant",
    "OpenAI-Beta": "realtime=v1",
    "X-Relay-Region": "us",
    "X-Forwarded-For": "203.0.113.7",
    "Cookie": "a=b",
    "X-Tenant-Id": "acme",
}


def last(sim: Simulator) -> dict[str, Any]:
    return sim.sessions[-1].shown()


async def test_the_tenant_s_own_headers_stay_here() -> None:
    async with relay_and_simulator() as (relay, key, sim), connected(relay, key, headers=TENANT_S_OWN):
        assert {name.lower() for name in TENANT_S_OWN}.isdisjoint(last(sim)["headers"])
        assert last(sim)["subprotocols"] == []
        assert key not in str(last(sim))


@pytest.mark.parametrize(
    ("plan", "told"),
    [({}, safety_identifier(TenantId("acme"))), ({"trust_safety_identifier": True}, "user-7")],
)
async def test_the_safety_identifier_is_the_tenant_s_unless_the_plan_trusts_the_client_s(
    plan: dict[str, Any], told: str
) -> None:
    async with (
        relay_and_simulator(plan=plan) as (relay, key, sim),
        connected(relay, key, headers={"OpenAI-Safety-Identifier": "user-7"}),
    ):
        assert last(sim)["headers"]["openai-safety-identifier"] == [told]


async def test_parameters_that_the_relay_does_not_know_go_along() -> None:
    async with (
        relay_and_simulator() as (relay, key, sim),
        connected(relay, key, f"?model={MODEL}&feature=x%26y&relay_latency=low"),
    ):
        assert last(sim)["query"] == {"model": [MODEL], "feature": ["x&y"]}


async def test_a_transcription_session_is_one_to_the_upstream() -> None:
    async with (
        relay_and_simulator() as (relay, key, sim),
        knock(relay, key, "?intent=transcription") as client,
    ):
        created = await event(client)
        assert created["session"]["type"] == "transcription"
        assert last(sim)["query"] == {"intent": ["transcription"]}
        await say(
            client,
            type="session.update",
            session={
                "type": "transcription",
                "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}},
            },
        )
        assert (await until(client, "session.updated"))["session"]["type"] == "transcription"


async def test_a_beta_transcription_session_is_told_in_the_beta_s_words() -> None:
    async with (
        relay_and_simulator() as (relay, key, _),
        knock(relay, key, "?intent=transcription", headers={"OpenAI-Beta": "realtime=v1"}) as client,
    ):
        assert (await event(client))["type"] == "transcription_session.created"
        await say(
            client,
            type="transcription_session.update",
            session={"input_audio_transcription": {"model": "gpt-4o-transcribe"}},
        )
        updated = await until(client, "transcription_session.updated")
        assert updated["session"]["input_audio_transcription"]["model"] == "gpt-4o-transcribe"


async def test_a_translation_is_dialed_at_its_own_path() -> None:
    async with (
        relay_and_simulator() as (relay, key, sim),
        knock(relay, key, "?model=gpt-realtime-translate", path="/v1/realtime/translations") as client,
    ):
        assert (await event(client))["type"] == "session.created"
        assert last(sim)["path"] == "/v1/realtime/translations"


async def test_a_call_goes_to_the_tenant_s_own_upstream_and_to_no_other() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        async with httpx.AsyncClient() as plain:
            answer = await plain.get(f"{relay.url}/realtime?call_id=rtc_1", headers={"api-key": key})
            assert answer.status_code == 426
        own = [{"name": "own", "region": "us", "url": sim.url, "keys": ["env:UPSTREAM_KEY"]}]
        async with relay_to(sim.url, tenant={"upstreams": own}) as (theirs, their_key):
            async with knock(theirs, their_key, "?call_id=rtc_1") as client:
                await say(client, type="session.update", session={"type": "realtime"})
                assert (await event(client))["type"] in {"session.updated", "error", "session.created"}
            assert last(sim)["query"]["call_id"] == ["rtc_1"]


# --- Azure, on either side ------------------------------------------------------------------------

AZURE = SimulatorSettings.instant(azure=True, models=("my-voice", "my-stt"))
NAMES = {MODEL: "my-voice", "gpt-4o-transcribe": "my-stt"}


async def test_a_client_of_today_talks_to_an_azure_upstream_by_openai_s_names() -> None:
    upstream = Simulator(AZURE)
    async with upstream.running() as sim:
        azure = [{"name": "az", "region": "eu", "url": sim.url, "dialect": "azure", "models": NAMES}]
        async with relay_to(azure) as (relay, key):
            client = AsyncOpenAI(base_url=relay.url, api_key=key)
            async with client.realtime.connect(model=MODEL) as connection:
                created: Any = await connection.recv()
                assert created.session.model == MODEL
                transcription: Any = {"model": "gpt-4o-transcribe"}
                await connection.session.update(
                    session={"type": "realtime", "audio": {"input": {"transcription": transcription}}}
                )
                updated: Any = await connection.recv()
                assert updated.type == "session.updated"
                assert updated.session.audio.input.transcription.model == "gpt-4o-transcribe"
            seen = last(sim)
            assert seen["query"] == {"model": ["my-voice"]}
            assert seen["path"] == "/openai/v1/realtime"
            assert "authorization" not in seen["headers"]
            assert '"my-stt"' in seen["messages"][0]


async def test_an_azure_client_comes_with_its_path_its_header_and_its_deployment() -> None:
    async with relay_and_simulator(aliases={"my-deployment": MODEL}) as (relay, key, sim):
        client = AsyncAzureOpenAI(
            azure_endpoint=f"http://127.0.0.1:{relay.port}",
            websocket_base_url=f"ws://127.0.0.1:{relay.port}/openai",
            api_key=key,
            api_version="2025-08-28",
        )
        async with client.realtime.connect(model="my-deployment") as connection:
            created: Any = await connection.recv()
            assert created.session.model == "my-deployment"
        assert last(sim)["query"] == {"model": [MODEL]}


@pytest.mark.parametrize("carrier", ["header", "query"])
async def test_azure_s_preview_path_speaks_beta(carrier: str) -> None:
    query = f"?api-version=2025-04-01-preview&deployment={MODEL}"
    async with relay_and_simulator() as (relay, key, _):
        options: dict[str, Any] = {"path": "/openai/realtime"}
        if carrier == "header":
            options["headers"] = {"api-key": key}
        else:
            query += f"&api-key={key}"
        async with knock(relay, None, query, **options) as client:
            session = (await event(client))["session"]
            assert session["modalities"] == ["text", "audio"]
