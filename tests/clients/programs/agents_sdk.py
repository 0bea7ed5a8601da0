"""The OpenAI Agents SDK for Python: a `RealtimeRunner` whose model is told another address.

Rule: turns are held through the session (`send_message`, `send_audio`, a `function_tool`); the model's raw
events are looked at only for what the session does not pass on.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import websockets

# Installed in the environment of this client, and not in the one that types are checked in.
from agents import function_tool  # type: ignore[import-not-found]
from agents.realtime import RealtimeAgent, RealtimeRunner  # type: ignore[import-not-found]

from tests.clients.programs.telling import (
    BAD_KEY,
    HEARD,
    KEY,
    MODEL,
    SAID,
    WEATHER,
    WS_URL,
    check,
    close_sessions,
    pieces,
    speech,
    tell,
)

TEXT: Mapping[str, Any] = {"output_modalities": ["text"]}
VOICE: Mapping[str, Any] = {
    "output_modalities": ["audio"],
    "audio": {
        "input": {
            "format": "pcm16",
            "turn_detection": {"type": "server_vad"},
            "transcription": {"model": "gpt-4o-transcribe"},
        }
    },
}


async def get_weather(city: str) -> str:
    """Return the weather in a city."""
    del city
    return WEATHER


@asynccontextmanager
async def talking(settings: Mapping[str, Any], key: str = KEY) -> AsyncIterator[Any]:
    """Hold a session with an agent that knows the weather."""
    agent = RealtimeAgent(name="Weather", instructions="Be brief.", tools=[function_tool(get_weather)])
    runner = RealtimeRunner(agent)
    session = await runner.run(
        model_config={
            "url": f"{WS_URL}?model={MODEL}",
            "api_key": key,
            "initial_model_settings": {"model_name": MODEL, **settings},
        }
    )
    async with session:
        yield session


async def raw(session: Any) -> AsyncIterator[tuple[Any, dict[str, Any]]]:
    """Read the session's events, and beside each the server's event that it passes on, if it does."""
    async for event in session:
        check(event.type != "error", f"the session says {getattr(event, 'error', event)}")
        forwarded = event.type == "raw_model_event" and event.data.type == "raw_server_event"
        yield event, event.data.data if forwarded else {}


async def connect() -> str:
    async with talking(TEXT) as session:
        async for _, server in raw(session):
            if server.get("type") == "session.updated":
                check(server["session"]["model"] == MODEL, f"the model is {server['session']['model']}")
                check(server["session"]["output_modalities"] == ["text"], f"{server['session']}")
                return "session.updated"
    raise AssertionError("the session ended")


async def text() -> str:
    async with talking(TEXT) as session:
        return await turn(session, SAID, SAID)


async def turn(session: Any, say: str, expected: str) -> str:
    """Say something, and read up to the end of the response that contains *expected*."""
    await session.send_message(say)
    said = ""
    async for _, server in raw(session):
        if server.get("type") == "response.output_text.delta":
            said += server["delta"]
        elif server.get("type") == "response.done" and expected in said:
            return said
    raise AssertionError(f"the session ended; the reply is {said!r}")


async def audio() -> str:
    heard, understood = b"", ""
    async with talking(VOICE) as session:
        for piece in pieces(speech()):
            await session.send_audio(piece)
        transcript, done = "", False
        async for event, server in raw(session):
            if event.type == "audio":
                heard += event.audio.data
            elif server.get("type") == "response.output_audio_transcript.done":
                transcript = server["transcript"]
            elif server.get("type") == "conversation.item.input_audio_transcription.completed":
                understood = server["transcript"]
            elif server.get("type") == "response.done":
                done = True
            if done and understood:
                break
    check(heard, "no audio came back")
    check(HEARD in understood, f"the transcript is {understood!r}")
    check(HEARD in transcript, f"the answer is {transcript!r}")
    return f"{len(heard)} bytes of audio, {transcript!r}"


async def tool() -> str:
    async with talking(TEXT) as session:
        return await turn(session, "Use get_weather for Oslo, please.", WEATHER)


async def refusal() -> str:
    try:
        async with talking(TEXT, BAD_KEY):
            pass
    except websockets.exceptions.InvalidStatus as refused:
        check(refused.response.status_code == 401, f"HTTP {refused.response.status_code}")
        return "HTTP 401"
    raise AssertionError("a wrong key was let in")


async def reconnect() -> str:
    try:
        async with talking(TEXT) as session:
            async for _, server in raw(session):
                if server.get("type") == "session.updated":
                    await close_sessions()
        raise AssertionError("the close was taken for an end in good order")
    except websockets.exceptions.ConnectionClosedError as closed:
        check(closed.rcvd is not None and closed.rcvd.code == 1012, f"{closed}")
    async with talking(TEXT) as session:
        await turn(session, SAID, SAID)
    return "by hand, after `ConnectionClosedError`"


if __name__ == "__main__":
    asyncio.run(
        tell(
            {
                "connect": connect,
                "text": text,
                "audio": audio,
                "tool": tool,
                "refusal": refusal,
                "reconnect": reconnect,
            }
        )
    )
