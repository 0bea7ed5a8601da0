"""The official client holds conversations with the simulator, as its own documentation shows it."""

import asyncio
import base64
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI
from openai.types.realtime import RealtimeServerEvent

from relay.simulator.audio import Encoding, tone
from relay.simulator.server import Simulator
from tests.integration.simulator.client import MODEL

SPEECH = tone(800, Encoding.PCM)


@pytest.fixture
async def openai(sim: Simulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="sk-test", base_url=f"{sim.http_url}/v1") as client:
        yield client


async def test_a_written_turn(openai: AsyncOpenAI) -> None:
    async with openai.realtime.connect(model=MODEL) as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await connection.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Say hello!"}],
            }
        )
        await connection.response.create()
        words = ""
        async for event in connection:
            if event.type == "response.output_text.delta":
                words += event.delta
            elif event.type == "response.done":
                assert event.response.status == "completed"
                break
    assert words == "You said: Say hello!"


async def test_a_spoken_turn_found_by_voice_detection(openai: AsyncOpenAI) -> None:
    async with openai.realtime.connect(model=MODEL) as connection:
        await connection.input_audio_buffer.append(audio=base64.b64encode(SPEECH + bytes(48_000)).decode())
        heard = b""
        async for event in connection:
            if event.type == "response.output_audio.delta":
                heard += base64.b64decode(event.delta)
            elif event.type == "response.done":
                break
    assert heard.startswith(SPEECH)


async def test_an_error_is_the_clients_error_event(openai: AsyncOpenAI) -> None:
    async with openai.realtime.connect(model="gpt-4o") as connection:
        event: RealtimeServerEvent = await connection.recv()
    assert event.type == "error"
    assert event.error.code == "invalid_model"


async def test_models_and_client_secrets(openai: AsyncOpenAI, sim: Simulator) -> None:
    assert MODEL in [model.id async for model in openai.models.list()]
    secret = await openai.realtime.client_secrets.create(session={"type": "realtime", "model": MODEL})
    async with (
        AsyncOpenAI(api_key=secret.value, base_url=f"{sim.http_url}/v1") as browser,
        browser.realtime.connect(model=MODEL) as connection,
    ):
        assert (await connection.recv()).type == "session.created"


async def test_the_example_of_the_documentation_runs(
    sim: Simulator,
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text()
    example = page.split("```python\n")[1].split("```")[0]
    assert "http://127.0.0.1:8090" in example
    example = example.replace("http://127.0.0.1:8090", sim.http_url)
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", example, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = (stream.decode() for stream in await program.communicate())
    assert (program.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "response.done"
