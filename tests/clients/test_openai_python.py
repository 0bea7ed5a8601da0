"""The official Python SDK, async and sync, with only `base_url` and `api_key` changed."""

import asyncio
import base64
import hashlib
import json
import random
from array import array
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI

from relay.simulator.settings import SimulatorSettings
from tests.kit.relays import MODEL, relay_and_simulator
from tests.kit.wire import eventually

RATE = 24_000


def loud(seconds: float, seed: int = 1) -> bytes:
    """Return noise as loud as speech, no two samples' worth of it alike."""
    dice = random.Random(seed)
    return array("h", (dice.randint(-9000, 9000) for _ in range(int(RATE * seconds)))).tobytes()


def quiet(seconds: float) -> bytes:
    """Return silence."""
    return bytes(2 * int(RATE * seconds))


def pieces(audio: bytes, size: int = 4800) -> list[str]:
    """Cut into appends of 100 ms."""
    return [base64.b64encode(audio[i : i + size]).decode() for i in range(0, len(audio), size)]


async def text_turn(connection: Any) -> list[str]:
    await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
    await connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "Is there an echo?"}],
        }
    )
    await connection.response.create()
    words = []
    async for event in connection:
        if event.type == "response.output_text.delta":
            words.append(event.delta)
        elif event.type == "response.done":
            assert event.response.status == "completed"
            assert event.response.usage.total_tokens > 0
            return words
    raise AssertionError("the connection ended before the response")


async def test_a_text_turn() -> None:
    async with relay_and_simulator() as (relay, key, _):
        client = AsyncOpenAI(base_url=relay.url, api_key=key)
        async with client.realtime.connect(model=MODEL) as connection:
            created: Any = await connection.recv()
            assert created.type == "session.created"
            assert created.session.model == MODEL
            assert "Is there an echo?" in "".join(await text_turn(connection))


async def test_a_spoken_turn_comes_back_byte_for_byte() -> None:
    async with relay_and_simulator() as (relay, key, sim):
        client = AsyncOpenAI(base_url=relay.url, api_key=key)
        async with client.realtime.connect(model=MODEL) as connection:
            await connection.session.update(
                session={
                    "type": "realtime",
                    "audio": {"input": {"turn_detection": {"type": "server_vad"}}},
                }
            )
            spoken = quiet(0.5) + loud(1.0) + quiet(1.0)
            for piece in pieces(spoken):
                await connection.input_audio_buffer.append(audio=piece)
            heard, seen = b"", []
            async for event in connection:
                seen.append(event.type)
                if event.type == "response.output_audio.delta":
                    heard += base64.b64decode(event.delta)
                elif event.type == "response.done":
                    break
            assert "input_audio_buffer.speech_started" in seen
            assert "input_audio_buffer.speech_stopped" in seen
            assert heard
            assert heard in spoken
            assert loud(1.0) in heard
        record = sim.sessions[-1].shown()
        assert hashlib.sha256(spoken).hexdigest() in json.dumps(record)


async def test_audio_that_is_committed_by_hand_comes_back_byte_for_byte() -> None:
    async with relay_and_simulator() as (relay, key, _):
        client = AsyncOpenAI(base_url=relay.url, api_key=key)
        async with client.realtime.connect(model=MODEL) as connection:
            await connection.session.update(
                session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
            )
            spoken = loud(2.0, seed=7)
            for piece in pieces(spoken):
                await connection.input_audio_buffer.append(audio=piece)
            await connection.input_audio_buffer.commit()
            await connection.response.create()
            heard = b""
            async for event in connection:
                if event.type == "response.output_audio.delta":
                    heard += base64.b64decode(event.delta)
                elif event.type == "response.done":
                    break
            assert heard == spoken


async def test_a_function_is_called_and_its_result_is_spoken_of() -> None:
    weather: Any = {
        "type": "function",
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
    async with relay_and_simulator() as (relay, key, _):
        client = AsyncOpenAI(base_url=relay.url, api_key=key)
        async with client.realtime.connect(model=MODEL) as connection:
            await connection.session.update(
                session={
                    "type": "realtime",
                    "output_modalities": ["text"],
                    "tools": [weather],
                    "tool_choice": "required",
                }
            )
            await connection.response.create()
            call: Any = None
            async for event in connection:
                if event.type == "response.function_call_arguments.done":
                    call = event
                elif event.type == "response.done":
                    break
            assert "city" in json.loads(call.arguments)
            await connection.conversation.item.create(
                item={
                    "type": "function_call_output",
                    "call_id": call.call_id,
                    "output": "seventeen degrees",
                }
            )
            await connection.response.create(response={"tool_choice": "none"})
            said = ""
            async for event in connection:
                if event.type == "response.output_text.delta":
                    said += event.delta
                elif event.type == "response.done":
                    break
            assert "seventeen degrees" in said


async def test_speech_interrupts_a_response() -> None:
    unhurried = SimulatorSettings.instant(audio_pace=2.0)
    async with relay_and_simulator(unhurried) as (relay, key, _):
        client = AsyncOpenAI(base_url=relay.url, api_key=key)
        async with client.realtime.connect(model=MODEL) as connection:
            for piece in pieces(quiet(0.3) + loud(4.0) + quiet(0.6)):
                await connection.input_audio_buffer.append(audio=piece)
            interrupted = False
            event: Any = None
            async for event in connection:
                if event.type == "response.output_audio.delta" and not interrupted:
                    interrupted = True
                    for piece in pieces(loud(0.5, seed=3)):
                        await connection.input_audio_buffer.append(audio=piece)
                elif event.type == "response.done":
                    break
            assert interrupted
            assert event.response.status == "cancelled"
            assert event.response.status_details.reason == "turn_detected"


# The SDK was written for an older `websockets`, which does not mind how it is called.
@pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning")
async def test_the_sync_client_holds_a_text_turn() -> None:
    def talk(url: str, key: str) -> str:
        with OpenAI(base_url=url, api_key=key).realtime.connect(model=MODEL) as connection:
            connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
            connection.conversation.item.create(
                item={
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "Hello from the sync side"}],
                }
            )
            connection.response.create()
            said = ""
            for event in connection:
                if event.type == "response.output_text.delta":
                    said += event.delta
                elif event.type == "response.done":
                    return said
        raise AssertionError("the connection ended before the response")

    async with relay_and_simulator() as (relay, key, _):
        assert "Hello from the sync side" in await asyncio.to_thread(talk, relay.url, key)


@pytest.mark.parametrize("alias", ["gpt-4o-realtime-preview", "our-own-voice"])
async def test_an_alias_is_what_the_client_sees_and_the_upstream_does_not(alias: str) -> None:
    async with relay_and_simulator(aliases={alias: MODEL}) as (relay, key, sim):
        client = AsyncOpenAI(base_url=relay.url, api_key=key)
        async with client.realtime.connect(model=alias) as connection:
            created: Any = await connection.recv()
            assert created.session.model == alias
            # The agents SDKs name the model in every update.
            await connection.session.update(session={"type": "realtime", "model": alias})
            updated: Any = await connection.recv()
            assert updated.type == "session.updated"
            assert updated.session.model == alias
        await eventually(lambda: not sim.sessions[-1].shown()["open"])
        assert alias not in json.dumps(sim.sessions[-1].shown())
