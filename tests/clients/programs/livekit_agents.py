"""LiveKit Agents with its OpenAI plugin: an `AgentSession` without a room.

Rule: the session is the one that users start; only its ears and its mouth are ours, a recording and a bucket.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

# Installed in the environment of this client, and not in the one that types are checked in.
import aiohttp  # type: ignore[import-not-found]
from livekit import rtc  # type: ignore[import-not-found]
from livekit.agents import (  # type: ignore[import-not-found]
    Agent,
    AgentSession,
    APIConnectionError,
    APIConnectOptions,
    function_tool,
)
from livekit.agents.voice import io  # type: ignore[import-not-found]
from livekit.plugins import openai  # type: ignore[import-not-found]
from openai.types.beta.realtime.session import TurnDetection
from openai.types.realtime import AudioTranscription

from tests.clients.programs.telling import (
    BAD_KEY,
    HEARD,
    KEY,
    MODEL,
    RATE,
    SAID,
    URL,
    WEATHER,
    check,
    close_sessions,
    pieces,
    speech,
    tell,
)


class Recording(io.AudioInput):  # type: ignore[misc]
    """A caller who speaks once, and then keeps the line open."""

    def __init__(self) -> None:
        super().__init__(label="recording")
        self._pieces = pieces(speech())

    async def __anext__(self) -> rtc.AudioFrame:
        piece = next(self._pieces, None)
        if piece is None:
            await asyncio.Event().wait()
        assert piece is not None
        return rtc.AudioFrame(piece, RATE, 1, len(piece) // 2)


class Bucket(io.AudioOutput):  # type: ignore[misc]
    """A loudspeaker that is done at once."""

    def __init__(self) -> None:
        super().__init__(label="bucket", capabilities=io.AudioOutputCapabilities(pause=False))
        self.heard = bytearray()
        self._seconds = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self.heard += bytes(frame.data)
        self._seconds += frame.duration

    def flush(self) -> None:
        super().flush()
        if self._seconds:
            self.on_playback_finished(playback_position=self._seconds, interrupted=False)
            self._seconds = 0.0

    def clear_buffer(self) -> None:
        self._seconds = 0.0


class Weatherman(Agent):  # type: ignore[misc]
    """An agent with one tool."""

    def __init__(self) -> None:
        super().__init__(instructions="Be brief.")

    @function_tool  # type: ignore[untyped-decorator]
    async def get_weather(self, city: str) -> str:
        """Return the weather in a city."""
        del city
        return WEATHER


@asynccontextmanager
async def talking(key: str = KEY, *, aloud: bool = False, retries: int = 3) -> AsyncIterator[Any]:
    """Hold a session with the agent."""
    model = openai.realtime.RealtimeModel(
        model=MODEL,
        base_url=URL,
        api_key=key,
        modalities=["audio", "text"] if aloud else ["text"],
        input_audio_transcription=AudioTranscription(model="gpt-4o-transcribe"),
        turn_detection=TurnDetection(type="server_vad", create_response=True, interrupt_response=True),
        conn_options=APIConnectOptions(max_retry=retries),
    )
    session: Any = AgentSession(llm=model, vad=None)
    if aloud:
        session.input.audio = Recording()
        session.output.audio = Bucket()
    async with session:
        await session.start(Weatherman())
        yield session
    await model.aclose()


async def reply(session: Any, say: str) -> str:
    """Say something. Return the agent's words."""
    result = await session.run(user_input=say)
    words = [event.item.text_content for event in result.events if event.type == "message"]
    return " ".join(filter(None, words))


def coming(emitter: Any, name: str) -> asyncio.Queue[Any]:
    """Return a queue of the events of that name from now on."""
    events: asyncio.Queue[Any] = asyncio.Queue()
    emitter.on(name, lambda event=None: events.put_nowait(event))
    return events


async def connect() -> str:
    async with talking() as session:
        seen = coming(session.current_agent.realtime_llm_session, "openai_server_event_received")
        event = await seen.get()
        check(event["type"] == "session.created", f"the first event is {event['type']}")
        check(event["session"]["model"] == MODEL, f"the model is {event['session']['model']}")
    return "session.created"


async def text() -> str:
    async with talking() as session:
        said = await reply(session, SAID)
    check(SAID in said, f"the reply is {said!r}")
    return said


async def audio() -> str:
    async with talking(aloud=True) as session:
        understood = coming(session, "user_input_transcribed")
        items = coming(session, "conversation_item_added")
        words = transcript = ""
        while HEARD not in words:
            words = (await understood.get()).transcript
        while HEARD not in transcript:
            item = (await items.get()).item
            transcript = (item.text_content or "") if item.role == "assistant" else ""
        heard = len(session.output.audio.heard)
        check(heard, "no audio came back")
    return f"{heard} bytes of audio, {transcript!r}"


async def tool() -> str:
    async with talking() as session:
        said = await reply(session, "Use get_weather for Oslo, please.")
    check(WEATHER in said, f"the answer is {said!r}")
    return said


async def refusal() -> str:
    cause: Any = None
    with contextlib.suppress(APIConnectionError):  # raised once more when the session is left
        # The retries that the plugin would make of this take six seconds.
        async with talking(BAD_KEY, retries=0) as session:
            cause = (await coming(session, "error").get()).error.error.__cause__
    check(isinstance(cause, aiohttp.WSServerHandshakeError) and cause.status == 401, f"{cause!r}")
    return "HTTP 401"


async def reconnect() -> str:
    async with talking() as session:
        check(SAID in await reply(session, SAID), "no reply before the close")
        realtime = session.current_agent.realtime_llm_session
        back, replayed = coming(realtime, "session_reconnected"), coming(realtime, "remote_item_added")
        await close_sessions()
        await back.get()
        # Before what was said is acknowledged, the plugin would put the next words in front of it.
        for _ in ("what was said", "the reply"):
            await replayed.get()
        said = await reply(session, "Still there?")
    check("Still there?" in said, f"the reply is {said!r}")
    return "by itself, conversation replayed"


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
