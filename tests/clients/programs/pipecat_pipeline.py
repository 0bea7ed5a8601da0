"""Pipecat: a pipeline round `OpenAIRealtimeLLMService`, without a transport.

Rule: words go in as the context's messages and speech as input frames, as a transport would put them in; what
comes out is looked at by an observer, which no frame has to pass through.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import websockets

# Installed in the environment of this client, and not in the one that types are checked in.
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema  # type: ignore[import-not-found]
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema  # type: ignore[import-not-found]
from pipecat.frames.frames import (  # type: ignore[import-not-found]
    BotStoppedSpeakingFrame,
    ErrorFrame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed  # type: ignore[import-not-found]
from pipecat.pipeline.pipeline import Pipeline  # type: ignore[import-not-found]
from pipecat.pipeline.worker import PipelineParams, PipelineWorker  # type: ignore[import-not-found]
from pipecat.processors.aggregators.llm_context import LLMContext  # type: ignore[import-not-found]
from pipecat.processors.aggregators.llm_response_universal import (  # type: ignore[import-not-found]
    LLMContextAggregatorPair,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor  # type: ignore[import-not-found]
from pipecat.services.openai.realtime import events  # type: ignore[import-not-found]
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService  # type: ignore[import-not-found]
from pipecat.workers.runner import WorkerRunner  # type: ignore[import-not-found]

from tests.clients.programs.telling import (
    BAD_KEY,
    HEARD,
    KEY,
    MODEL,
    PIECE_SECONDS,
    RATE,
    SAID,
    WEATHER,
    WS_URL,
    check,
    close_sessions,
    pieces,
    speech,
    tell,
)

HASTE = 4
"""Times faster than real: a turn of one second, in which the pipeline is done with where the turn began."""


class Ear(BaseObserver):  # type: ignore[misc]
    """Notes what the service says, each frame once."""

    def __init__(self, service: Any) -> None:
        super().__init__()
        self._service = service
        self.frames: asyncio.Queue[Any] = asyncio.Queue()

    async def on_push_frame(self, data: FramePushed) -> None:
        if data.source is self._service:
            self.frames.put_nowait(data.frame)

    async def until(self, *kinds: type[Any], words: str = "") -> list[Any]:
        """Return the frames up to where one of each of *kinds* has come, and *words* have been said."""
        frames: list[Any] = []
        awaited = set(kinds)
        while awaited or words not in said(frames):
            frame = await self.frames.get()
            if isinstance(frame, ErrorFrame) and ErrorFrame not in kinds:
                # More than one piece may have been under way to a connection that is gone.
                check(isinstance(frame.exception, websockets.exceptions.ConnectionClosed), str(frame))
            frames.append(frame)
            awaited.discard(type(frame))
        return frames


def said(frames: list[Any]) -> str:
    """Return the words of the agent."""
    return "".join(frame.text for frame in frames if type(frame) is LLMTextFrame)


class Loudspeaker(FrameProcessor):  # type: ignore[misc]
    """The end of an output transport: tells that what it was given to play has been played."""

    async def process_frame(self, frame: Any, direction: Any) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, TTSStoppedFrame):
            await self.push_frame(BotStoppedSpeakingFrame(), FrameDirection.UPSTREAM)


class Talk:
    """A pipeline that runs."""

    def __init__(self, service: Any, worker: Any, ear: Ear) -> None:
        self.service = service
        self.worker = worker
        self.ear = ear

    async def greeted(self) -> None:
        """Let the agent speak first, as bots do: the first context that a service is given sets it up."""
        await self.worker.queue_frame(LLMRunFrame())
        await self.ear.until(LLMFullResponseEndFrame, BotStoppedSpeakingFrame)

    async def speak(self) -> None:
        """Let the caller speak, at a pace: a turn that begins interrupts whatever the pipeline still holds."""
        for piece in pieces(speech()):
            await self.send(piece)
            await asyncio.sleep(PIECE_SECONDS / HASTE)

    async def send(self, piece: bytes) -> None:
        """Put *piece* in, as a transport would."""
        await self.worker.queue_frame(InputAudioRawFrame(audio=piece, sample_rate=RATE, num_channels=1))

    async def answer(self) -> list[Any]:
        """Return the frames of a spoken turn: what was understood, the answer, and that it was played."""
        return await self.ear.until(
            TranscriptionFrame, LLMFullResponseEndFrame, BotStoppedSpeakingFrame, words=HEARD
        )

    async def notice(self) -> None:
        """Speak in real time until the service sees that its connection is gone: it looks when it sends."""
        for piece in pieces(speech()):
            await self.send(piece)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PIECE_SECONDS):
                    await self.ear.until(ErrorFrame)
                    return
        raise AssertionError("the service did not notice")


@asynccontextmanager
async def talking(words: str = "", key: str = KEY) -> AsyncIterator[Talk]:
    """Run a pipeline whose context begins with *words*; without any it listens and speaks."""
    aloud = events.AudioConfiguration(
        input=events.AudioInput(
            transcription=events.InputAudioTranscription(),
            turn_detection=events.TurnDetection(),
        )
    )
    service = OpenAIRealtimeLLMService(
        api_key=key,
        base_url=WS_URL,
        settings=OpenAIRealtimeLLMService.Settings(
            model=MODEL,
            session_properties=events.SessionProperties(
                output_modalities=["text"] if words else ["audio"], audio=None if words else aloud
            ),
        ),
    )

    async def get_weather(params: Any) -> None:
        await params.result_callback(WEATHER)

    service.register_function("get_weather", get_weather)
    weather = FunctionSchema(
        name="get_weather",
        description="The weather in a city.",
        properties={"city": {"type": "string"}},
        required=["city"],
    )
    context = LLMContext(
        [{"role": "user", "content": words}] if words else [], ToolsSchema(standard_tools=[weather])
    )
    aggregators = LLMContextAggregatorPair(context)
    ear = Ear(service)
    worker = PipelineWorker(
        Pipeline([aggregators.user(), service, Loudspeaker(), aggregators.assistant()]),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
        observers=[ear],
        enable_rtvi=False,
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    try:
        yield Talk(service, worker, ear)
    finally:
        await worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def connect() -> str:
    async with talking(SAID) as talk:
        item = asyncio.get_running_loop().create_future()

        @talk.service.event_handler("on_conversation_item_created")  # type: ignore[untyped-decorator]
        async def created(_service: Any, item_id: str, _item: Any) -> None:
            if not item.done():
                item.set_result(item_id)

        # The first event is answered by the service itself; it configures the session and adds the context.
        await talk.worker.queue_frame(LLMRunFrame())
        check(await item, "no item was added to the conversation")
    return "session.created"


async def text() -> str:
    async with talking(SAID) as talk:
        await talk.worker.queue_frame(LLMRunFrame())
        return said(await talk.ear.until(LLMFullResponseEndFrame, words=SAID))


async def audio() -> str:
    async with talking() as talk:
        await talk.greeted()
        await talk.speak()
        return heard(await talk.answer())


def heard(frames: list[Any]) -> str:
    """Return what of a spoken turn is told."""
    understood = [frame.text for frame in frames if isinstance(frame, TranscriptionFrame)]
    voice = sum(len(frame.audio) for frame in frames if isinstance(frame, TTSAudioRawFrame))
    check(voice, "no audio came back")
    check(any(HEARD in words for words in understood), f"the transcripts are {understood}")
    return f"{voice} bytes of audio, {said(frames)!r}"


async def tool() -> str:
    async with talking("Use get_weather for Oslo, please.") as talk:
        await talk.worker.queue_frame(LLMRunFrame())
        return said(await talk.ear.until(LLMFullResponseEndFrame, words=WEATHER))


async def refusal() -> str:
    async with talking(SAID, BAD_KEY) as talk:
        failed = (await talk.ear.until(ErrorFrame))[-1]
        cause = failed.exception
        check(isinstance(cause, websockets.exceptions.InvalidStatus), f"{failed}")
        check(cause.response.status_code == 401, f"HTTP {cause.response.status_code}")
    return "HTTP 401"


async def reconnect() -> str:
    async with talking() as talk:
        await talk.greeted()
        await talk.speak()
        await talk.answer()
        await close_sessions()
        await talk.notice()
        await talk.service.reset_conversation()
        await talk.speak()
        heard(await talk.answer())
    return "by hand, with `reset_conversation()`"


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
