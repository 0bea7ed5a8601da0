"""The simulator as an Azure resource: its path, its key carriers, and its refusals before the 101."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from relay.simulator.server import Simulator
from relay.simulator.settings import SimulatorSettings
from tests.integration.simulator.client import talking

VOICE = "my-voice"
WHISPER = "my-whisper"
KEY = "resource-key"


@pytest.fixture
async def azure() -> AsyncIterator[Simulator]:
    settings = SimulatorSettings.instant(azure=True, models=(VOICE, WHISPER), keys=frozenset({KEY}))
    async with Simulator(settings).running() as running:
        yield running


async def refusal(azure: Simulator, query: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """Knock where the answer is no. Return the status and the body's `error`."""
    with pytest.raises(InvalidStatus) as refused:
        async with talking(azure, query, **options):
            pass
    response = refused.value.response
    error: dict[str, Any] = json.loads(response.body or b"")["error"]
    return response.status_code, error


async def test_a_session_is_held_at_azures_path_with_azures_key(azure: Simulator) -> None:
    assert azure.url.endswith("/openai/v1/realtime")
    async with talking(azure, f"model={VOICE}", key="", headers={"api-key": KEY}) as client:
        assert (await client.until("session.created"))["session"]["model"] == VOICE
    async with talking(azure, f"model={VOICE}&api-key={KEY}", key="") as client:
        await client.until("session.created")
    assert [session.key for session in azure.sessions] == [KEY, KEY]


async def test_a_bad_key_is_a_401_at_the_handshake(azure: Simulator) -> None:
    for headers in ({"api-key": "another"}, {}):
        status, error = await refusal(azure, f"model={VOICE}", key="", headers=headers)
        assert (status, error["code"]) == (401, "401")
        assert "Access denied" in error["message"]


async def test_a_deployment_that_is_not_there_is_a_404(azure: Simulator) -> None:
    status, error = await refusal(azure, "model=gpt-realtime-2.1", key=KEY)
    assert (status, error["code"]) == (404, "DeploymentNotFound")
    status, error = await refusal(azure, "", key=KEY)
    assert (status, error["code"]) == (400, "missing_model")


async def test_openais_own_paths_are_not_there(azure: Simulator) -> None:
    status, _ = await refusal(azure, f"model={VOICE}", key=KEY, path="/translations")
    assert status == 404
    openais = f"ws://127.0.0.1:{azure.port}/v1/realtime?model={VOICE}"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(openais, additional_headers={"api-key": KEY}, proxy=None):
            pass
    assert refused.value.response.status_code == 404


async def test_a_transcription_names_a_deployment(azure: Simulator) -> None:
    async with talking(azure, f"model={VOICE}", key=KEY) as client:
        await client.until("session.created")
        heard = {"transcription": {"model": "whisper-1"}}
        await client.send("session.update", session={"type": "realtime", "audio": {"input": heard}})
        error = (await client.until("error"))["error"]
        assert error["code"] == "DeploymentNotFound"
        assert error["param"] == "session.audio.input.transcription.model"
        session = await client.update(audio={"input": {"transcription": {"model": WHISPER}}})
        assert session["session"]["audio"]["input"]["transcription"] == {"model": WHISPER}


async def test_an_order_to_reject_is_still_told_in_band(azure: Simulator) -> None:
    async with talking(azure, f"model={VOICE}&sim_fault=reject:server_error", key=KEY) as client:
        assert (await client.until("error"))["error"]["code"] == "server_error"


async def test_without_the_switch_a_key_in_the_query_opens_nothing(sim: Simulator) -> None:
    async with talking(sim, "model=gpt-realtime-2.1&api-key=sk-test", key="") as client:
        assert (await client.until("error"))["error"]["code"] == "invalid_api_key"


async def test_the_official_client_finds_it_by_azures_base_url(azure: Simulator) -> None:
    async with (
        AsyncOpenAI(api_key=KEY, base_url=f"{azure.http_url}/openai/v1") as openai,
        openai.realtime.connect(model=VOICE) as connection,
    ):
        assert (await connection.recv()).type == "session.created"
