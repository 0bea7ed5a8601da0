"""Pydantic AI: `agent.realtime(model).session()`, with a provider that is told another address.

Rule: replies are read from the session's own history, as an application keeps them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

# Installed in the environment of this client, and not in the one that types are checked in.
from pydantic_ai import Agent  # type: ignore[import-not-found]
from pydantic_ai.exceptions import ModelAPIError  # type: ignore[import-not-found]
from pydantic_ai.messages import (  # type: ignore[import-not-found]
    RealtimeSessionReconnectEvent,
    RealtimeTurnCompleteEvent,
)
from pydantic_ai.providers.openai import OpenAIProvider  # type: ignore[import-not-found]
from pydantic_ai.realtime import ReconnectPolicy  # type: ignore[import-not-found]
from pydantic_ai.realtime.openai import OpenAIRealtimeModel  # type: ignore[import-not-found]

from tests.clients.programs.telling import (
    BAD_KEY,
    HEARD,
    KEY,
    MODEL,
    SAID,
    URL,
    WEATHER,
    check,
    close_sessions,
    pieces,
    speech,
    tell,
)


@asynccontextmanager
async def talking(key: str = KEY, **settings: Any) -> AsyncIterator[Any]:
    """Hold a session with an agent that knows the weather."""
    agent = Agent(instructions="Be brief.")

    @agent.tool_plain  # type: ignore[untyped-decorator]
    def get_weather(city: str) -> str:
        """Return the weather in a city."""
        del city
        return WEATHER

    model = OpenAIRealtimeModel(MODEL, provider=OpenAIProvider(base_url=URL, api_key=key))
    async with agent.realtime(model, model_settings=settings).session() as session:
        yield session


def history(session: Any) -> str:
    """Return the words of both sides so far."""
    parts = [part for message in session.all_messages() for part in message.parts]
    return "\n".join(str(getattr(part, "content", None) or getattr(part, "transcript", "")) for part in parts)


async def turn(session: Any, say: str) -> str:
    """Say something. Return the words of both sides once the model has answered."""
    await session.send(say)
    await session.wait_for_reply()
    return history(session)


async def connect() -> str:
    # The session is entered when `session.created` and `session.updated` have been read.
    async with talking(output_modality="text") as session:
        check(not session.closed, "the session is closed")
    return "session.created, session.updated"


async def text() -> str:
    async with talking(output_modality="text") as session:
        said = await turn(session, SAID)
    check(said.count(SAID) == 2, f"the conversation is {said!r}")
    return said.splitlines()[-1]


async def audio() -> str:
    heard = bytearray()
    async with talking() as session:

        async def listen() -> None:
            async for chunk in session.stream_audio():
                heard.extend(chunk)

        listening = asyncio.create_task(listen())
        for piece in pieces(speech()):
            await session.send_audio(piece)
        async for event in session:
            if isinstance(event, RealtimeTurnCompleteEvent) and history(session).count(HEARD) == 2:
                break
        said = history(session)
    await listening
    check(heard, "no audio came back")
    return f"{len(heard)} bytes of audio, {said.splitlines()[-1]!r}"


async def tool() -> str:
    async with talking(output_modality="text") as session:
        said = await turn(session, "Use get_weather for Oslo, please.")
    check(WEATHER in said.splitlines()[-1], f"the conversation is {said!r}")
    return said.splitlines()[-1]


async def refusal() -> str:
    try:
        async with talking(BAD_KEY):
            pass
    except ModelAPIError as refused:
        check(getattr(refused, "status_code", None) == 401, f"{refused!r}")
        return "HTTP 401"
    raise AssertionError("a wrong key was let in")


async def reconnect() -> str:
    async with talking(output_modality="text", reconnect=ReconnectPolicy()) as session:
        await turn(session, SAID)
        await close_sessions()
        async for event in session:
            if isinstance(event, RealtimeSessionReconnectEvent):
                check(event.state_restored, "the conversation was lost")
                break
        said = await turn(session, "Still there?")
    check(said.count("Still there?") == 2, f"the conversation is {said!r}")
    return "by itself, with a `ReconnectPolicy`"


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
