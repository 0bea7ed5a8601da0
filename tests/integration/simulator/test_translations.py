"""Translation sessions over real sockets, judged by the official models and opened with secrets."""

import base64
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI
from openai.types.realtime import (
    RealtimeTranslationClientSecretCreateResponse,
    RealtimeTranslationServerEvent,
)

from relay.simulator.server import Simulator
from relay.simulator.settings import KnownSpeech, SimulatorSettings
from relay.voice import pcm, sample
from tests.integration.simulator.client import MODEL, Client, talking
from tests.integration.simulator.official import event_types, judge_translation

TRANSLATE = "gpt-realtime-translate"
PATH = "/v1/realtime/translations/client_secrets"
KEY = {"Authorization": "Bearer sk-test"}


def translating(
    sim: Simulator, query: str = f"model={TRANSLATE}", **options: Any
) -> AbstractAsyncContextManager[Client]:
    return talking(sim, query, path="/translations", judge=judge_translation, **options)


@pytest.fixture
async def http(sim: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sim.http_url, trust_env=False, headers=KEY) as client:
        yield client


async def test_the_sample_comes_back_with_its_words_and_every_event_is_sent() -> None:
    known = KnownSpeech(sample.words(), pcm.seconds(sample.speech()))
    settings = SimulatorSettings.instant(known_speech=(known,))
    said = sample.speech() + pcm.silence(1.0)
    async with Simulator(settings).running() as sim, translating(sim) as client:
        await client.until("session.created")
        await client.send(
            "session.update",
            session={
                "audio": {
                    "input": {"transcription": {"model": "gpt-realtime-whisper"}},
                    "output": {"language": "es"},
                }
            },
        )
        updated = await client.until("session.updated")
        assert updated["session"]["audio"]["output"] == {"language": "es"}
        await client.send("response.create")
        await client.until("error")
        for at in range(0, len(said), 9_600):
            audio = base64.b64encode(said[at : at + 9_600]).decode()
            await client.send("session.input_audio_buffer.append", audio=audio)
        await client.send("session.close")
        await client.until("session.closed")
        assert await client.closed() == (1000, "")
        assert sim.sessions[-1].heard.sha256() == sim.sessions[-1].spoken.sha256()
        assert not [message for message in sim.sessions[-1].messages if "append" in message]

    def told(kind: str) -> list[str]:
        return [event["delta"] for event in client.seen if event["type"] == kind]

    assert b"".join(base64.b64decode(delta) for delta in told("session.output_audio.delta")) == said
    assert "".join(told("session.output_transcript.delta")) == sample.words()
    assert "".join(told("session.input_transcript.delta")) == sample.words()
    assert set(client.types()) == event_types(RealtimeTranslationServerEvent)


@pytest.mark.parametrize(
    ("query", "code"),
    [(f"model={MODEL}", "invalid_model"), ("", "missing_model"), ("model=x", "invalid_model")],
)
async def test_only_a_translation_model_translates(sim: Simulator, query: str, code: str) -> None:
    async with translating(sim, query) as client:
        assert (await client.until("error"))["error"]["code"] == code
        assert await client.closed() == (4000, f"invalid_request_error.{code}")


async def test_a_translation_model_holds_no_conversation(sim: Simulator) -> None:
    async with talking(sim, f"model={TRANSLATE}") as client:
        assert (await client.until("error"))["error"]["code"] == "invalid_model"


async def test_a_bad_key_is_refused_as_everywhere(sim: Simulator) -> None:
    async with translating(sim, key="invalid") as client:
        assert (await client.until("error"))["error"]["code"] == "invalid_api_key"
        assert (await client.closed())[0] == 3000


async def test_a_client_reads_at_its_own_pace_and_loses_nothing(sim: Simulator) -> None:
    audio = bytes(range(256)) * 12_000
    async with translating(sim) as client:
        for at in range(0, len(audio), 48_000):
            data = base64.b64encode(audio[at : at + 48_000]).decode()
            await client.send("session.input_audio_buffer.append", audio=data)
        await client.send("session.close")
        await client.until("session.closed")
    deltas = [event["delta"] for event in client.seen if event["type"] == "session.output_audio.delta"]
    assert b"".join(map(base64.b64decode, deltas)) == audio


async def test_the_official_client_mints_a_secret_that_opens_a_translation(sim: Simulator) -> None:
    async with AsyncOpenAI(api_key="sk-test", base_url=f"{sim.http_url}/v1") as openai:
        minted = await openai.realtime.translations.client_secrets.create(
            session={"model": TRANSLATE, "audio": {"output": {"language": "es"}}},
            expires_after={"anchor": "created_at", "seconds": 60},
        )
    assert minted.value.startswith("ek_")
    whole = RealtimeTranslationClientSecretCreateResponse.model_validate(minted.model_dump(), strict=True)
    assert whole.session.model == TRANSLATE
    for query in ("", f"model={TRANSLATE}"):
        async with translating(sim, query, key=minted.value) as client:
            session = (await client.until("session.created"))["session"]
        assert session["audio"]["output"] == {"language": "es"}
    async with talking(sim, "", key=minted.value) as client:
        assert (await client.until("error"))["error"]["code"] == "invalid_model"


async def test_a_secret_of_another_kind_brings_no_session(sim: Simulator, http: httpx.AsyncClient) -> None:
    body = {"session": {"type": "realtime", "model": TRANSLATE, "instructions": "x"}}
    secret = (await http.post("/v1/realtime/client_secrets", json=body)).json()
    async with translating(sim, key=secret["value"]) as client:
        assert (await client.until("session.created"))["session"]["type"] == "translation"


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "missing_required_parameter", "session"),
        ({"session": {}}, "missing_required_parameter", "session.model"),
        ({"session": {"model": 5}}, "missing_required_parameter", "session.model"),
        ({"session": {"model": TRANSLATE, "voice": "x"}}, "unknown_parameter", "session.voice"),
        ({"session": {"model": TRANSLATE, "type": "realtime"}}, "invalid_value", "session.type"),
        (
            {"session": {"model": TRANSLATE}, "expires_after": {"seconds": 60}},
            "missing_required_parameter",
            "expires_after.anchor",
        ),
    ],
)
async def test_a_secret_that_cannot_be_is_a_400(
    http: httpx.AsyncClient, body: dict[str, Any], code: str, param: str
) -> None:
    answer = await http.post(PATH, json=body)
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == (code, param)


async def test_a_bad_key_mints_nothing(sim: Simulator) -> None:
    async with httpx.AsyncClient(base_url=sim.http_url, trust_env=False) as client:
        assert (await client.post(PATH, json={"session": {"model": TRANSLATE}})).status_code == 401
