"""The official Python SDK, async, in its GA and its beta shape, and its class for Azure.

    python -m tests.clients.programs.openai_realtime openai|azure ga|beta

Rule: what users write is what is run: the resources of the connection (`session`, `conversation`, `response`),
not `send`.
"""

import asyncio
import base64
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import websockets
from openai import AsyncAzureOpenAI, AsyncOpenAI

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

PREVIEW = "2025-04-01-preview"
"""The last preview version of Azure's API; its path speaks the beta dialect."""
TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@dataclass(frozen=True)
class Tongue:
    """What differs between the dialects."""

    text: Mapping[str, Any]
    """Session fields: answer in text."""
    voice: Mapping[str, Any]
    """Session fields: answer aloud, let VAD end the turns, transcribe."""
    item: str
    """The event that acknowledges an item."""
    text_delta: str
    audio_delta: str
    transcript: str


GA = Tongue(
    text={"type": "realtime", "output_modalities": ["text"]},
    voice={
        "type": "realtime",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "turn_detection": {"type": "server_vad"},
                "transcription": {"model": "gpt-4o-transcribe"},
            }
        },
    },
    item="conversation.item.added",
    text_delta="response.output_text.delta",
    audio_delta="response.output_audio.delta",
    transcript="response.output_audio_transcript.done",
)
BETA = Tongue(
    text={"modalities": ["text"]},
    voice={
        "modalities": ["text", "audio"],
        "voice": "alloy",
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "turn_detection": {"type": "server_vad"},
        "input_audio_transcription": {"model": "whisper-1"},
    },
    item="conversation.item.created",
    text_delta="response.text.delta",
    audio_delta="response.audio.delta",
    transcript="response.audio_transcript.done",
)


class Conversation:
    """One client, and each step as its users would write it."""

    def __init__(self, make: str, dialect: str) -> None:
        self.azure = make == "azure"
        self.beta = dialect == "beta"
        self.tongue = BETA if self.beta else GA

    def client(self, key: str) -> Any:
        """Return the client: made for OpenAI but for its address and key."""
        if self.azure:
            return AsyncAzureOpenAI(
                azure_endpoint=f"https://{urlsplit(URL).netloc}", api_version=PREVIEW, api_key=key
            )
        return AsyncOpenAI(base_url=URL, api_key=key)

    @asynccontextmanager
    async def connected(self, key: str = KEY, **options: Any) -> AsyncIterator[Any]:
        """Hold a session. Yields once `session.created` was read."""
        client = self.client(key)
        realtime = client.beta.realtime if self.beta else client.realtime
        async with realtime.connect(model=MODEL, **options) as connection:
            created = await connection.recv()
            if created.type == "error":
                raise PermissionError(created.error.code)
            check(created.type == "session.created", f"the first event is {created.type}")
            check(created.session.model == MODEL, f"the session's model is {created.session.model}")
            yield connection

    async def connect(self) -> str:
        async with self.connected() as connection:
            await connection.session.update(session=self.tongue.text)
            updated = await connection.recv()
            check(updated.type == "session.updated", f"{updated.type} follows the update")
            session = updated.session.to_dict()
            modalities = session.get("modalities" if self.beta else "output_modalities")
            check(modalities == ["text"], f"the session is {session}")
        return "session.created, session.updated"

    async def text(self) -> str:
        async with self.connected() as connection:
            return await self.text_turn(connection)

    async def text_turn(self, connection: Any) -> str:
        """Say something in text, and read the reply."""
        await connection.session.update(session=self.tongue.text)
        content = [{"type": "input_text", "text": SAID}]
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await connection.response.create()
        seen, said = await self.response(connection)
        check(self.tongue.item in seen, f"no {self.tongue.item} among {seen}")
        check(SAID in said, f"the reply is {said!r}")
        return said

    async def response(self, connection: Any) -> tuple[list[str], str]:
        """Read to the end of a response. Return the types of the events, and the words."""
        seen, said = [], ""
        async for event in connection:
            seen.append(event.type)
            check(event.type != "error", f"the relay says {event}")
            if event.type == self.tongue.text_delta:
                said += event.delta
            elif event.type == "response.done":
                check(event.response.status == "completed", f"the response is {event.response.status}")
                check(event.response.usage.total_tokens, "the response has no usage")
                return seen, said
        raise AssertionError(f"the connection ended after {seen}")

    async def audio(self) -> str:
        heard, transcript, understood = b"", "", ""
        async with self.connected() as connection:
            await connection.session.update(session=self.tongue.voice)
            for piece in pieces(speech()):
                await connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode())
            done = False
            async for event in connection:
                check(event.type != "error", f"the relay says {event}")
                if event.type == self.tongue.audio_delta:
                    heard += base64.b64decode(event.delta)
                elif event.type == self.tongue.transcript:
                    transcript = event.transcript
                elif event.type == "conversation.item.input_audio_transcription.completed":
                    understood = event.transcript
                elif event.type == "response.done":
                    done = True
                if done and understood:
                    break
        check(heard, "no audio came back")
        check(HEARD in understood, f"the transcript is {understood!r}")
        check(HEARD in transcript, f"the answer is {transcript!r}")
        return f"{len(heard)} bytes of audio, {transcript!r}"

    async def tool(self) -> str:
        async with self.connected() as connection:
            session = {**self.tongue.text, "tools": [TOOL], "tool_choice": "required"}
            await connection.session.update(session=session)
            await connection.response.create()
            call: Any = None
            async for event in connection:
                check(event.type != "error", f"the relay says {event}")
                if event.type == "response.output_item.done" and event.item.type == "function_call":
                    call = event.item
                elif event.type == "response.done":
                    break
            check(call is not None and call.name == "get_weather", f"the call is {call}")
            output = {"type": "function_call_output", "call_id": call.call_id, "output": WEATHER}
            await connection.conversation.item.create(item=output)
            await connection.response.create(response={"tool_choice": "none"})
            _, said = await self.response(connection)
        check(WEATHER in said, f"the answer is {said!r}")
        return said

    async def refusal(self) -> str:
        try:
            async with self.connected(BAD_KEY):
                pass
        except websockets.exceptions.InvalidStatus as refused:
            check(refused.response.status_code == 401, f"HTTP {refused.response.status_code}")
            return "HTTP 401"
        raise AssertionError("a wrong key was let in")

    async def reconnect(self) -> str:
        if self.beta:
            return await self.connect_again()
        told: list[int] = []
        try:
            session = self.connected(on_reconnecting=lambda event: told.append(event.close_code))
            async with session as connection:
                await close_sessions()
                created = await anext(aiter(connection))
                check(created.type == "session.created", f"{created.type} follows the reconnect")
                await self.text_turn(connection)
        except TypeError as unknown:
            # Version 1 has no such option: its users catch the end and connect again.
            check("on_reconnecting" in str(unknown), f"{unknown}")
            return await self.connect_again()
        check(told == [1012], f"the SDK was told {told}")
        return "by itself, with `on_reconnecting`"

    async def connect_again(self) -> str:
        """Be closed, and connect again, as users of an SDK do that does not do it for them."""
        try:
            async with self.connected() as connection:
                await close_sessions()
                async for _ in connection:
                    pass
            raise AssertionError("the close was taken for an end in good order")
        except websockets.exceptions.ConnectionClosedError as closed:
            check(closed.rcvd is not None and closed.rcvd.code == 1012, f"{closed}")
        async with self.connected() as connection:
            await self.text_turn(connection)
        return "by hand, after `ConnectionClosedError`"


if __name__ == "__main__":
    conversation = Conversation(*sys.argv[1:])
    asyncio.run(
        tell(
            {
                "connect": conversation.connect,
                "text": conversation.text,
                "audio": conversation.audio,
                "tool": conversation.tool,
                "refusal": conversation.refusal,
                "reconnect": conversation.reconnect,
            }
        )
    )
