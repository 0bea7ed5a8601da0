"""A GA client on an upstream with errors of its own shape reads GA's, at the door and in a session."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai.types.realtime import RealtimeErrorEvent
from websockets.asyncio.server import ServerConnection, serve

from tests.kit.relays import relay_to
from tests.kit.upstreams import scripted
from tests.kit.wire import connected, event, refusal, say, until

INVALID = "invalid_request_error"
AGED = {"type": "max_duration", "message": "Words of xAI.", "event_id": "event_of_xai"}

IN_SESSION = [
    (
        "xai",
        {"type": "error", "event_id": "event_1", "error": AGED},
        {"type": INVALID, "code": "session_expired", "message": "Words of xAI."},
    ),
    (
        "vllm",
        {"type": "error", "error": "Words of vLLM.", "code": "invalid_audio"},
        {"type": INVALID, "code": "invalid_audio", "message": "Words of vLLM."},
    ),
    (
        "vllm",
        {"type": "error", "error": "Words of vLLM.", "code": None},
        {"type": "server_error", "code": None, "message": "Words of vLLM."},
    ),
]


def upstream(url: str, dialect: str) -> list[dict[str, Any]]:
    """Return the configuration of an upstream at *url* that speaks *dialect*."""
    return [{"name": "other-1", "region": "us", "url": url, "dialect": dialect}]


def says(said: dict[str, Any]) -> Any:
    """Return a handler that answers whatever it is told with *said*."""

    async def handler(connection: ServerConnection) -> None:
        async for _ in connection:
            await connection.send(json.dumps(said))

    return handler


@contextlib.asynccontextmanager
async def refusing(said: dict[str, Any], code: int) -> AsyncIterator[str]:
    """Serve an upstream whose first event is *said*, and which then closes. Yields the URL."""

    async def refuse(connection: ServerConnection) -> None:
        await connection.send(json.dumps(said))
        await connection.close(code, "refused")

    async with serve(refuse, "127.0.0.1", 0, compression=None) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v1/realtime"


@pytest.mark.parametrize(("dialect", "said", "error"), IN_SESSION)
async def test_an_error_in_a_session_is_whole_and_the_session_lives(
    dialect: str, said: dict[str, Any], error: dict[str, Any]
) -> None:
    async with (
        scripted(says(said)) as url,
        relay_to(upstream(url, dialect)) as (relay, key),
        connected(relay, key) as client,
    ):
        for _ in range(2):
            await say(client, type="input_audio_buffer.clear")
            told = await until(client, "error")
            RealtimeErrorEvent.model_validate(told, strict=True)
            assert told["error"] == {**error, "param": None, "event_id": None}
            assert "code" not in told


@pytest.mark.parametrize("dialect", ["xai", "vllm"])
async def test_every_other_event_passes_word_for_word(dialect: str) -> None:
    said = {"type": "transcription.delta", "delta": "error", "error": "x", "code": "x"}
    async with (
        scripted(says(said)) as url,
        relay_to(upstream(url, dialect)) as (relay, key),
        connected(relay, key) as client,
    ):
        await say(client, type="input_audio_buffer.clear")
        assert await event(client) == said


async def test_secrets_in_an_upstreams_words_are_masked_in_any_dialect() -> None:
    said = {
        "type": "error",
        "error": "No such key: sk-live-abcdefghijklmnopqrstuvwx.",
        "code": "processing_error",
    }
    async with (
        scripted(says(said)) as url,
        relay_to(upstream(url, "vllm")) as (relay, key),
        connected(relay, key) as client,
    ):
        await say(client, type="input_audio_buffer.clear")
        told = (await until(client, "error"))["error"]
        assert told["type"] == "server_error"
        assert "abcdefghijklmnopqrstuvwx" not in told["message"]


@pytest.mark.parametrize(
    ("dialect", "said", "code"),
    [
        (
            "xai",
            {"type": "error", "error": {"type": INVALID, "code": "invalid_model", "message": "Unknown model."}},
            "invalid_model",
        ),
        (
            "vllm",
            {"type": "error", "error": "Unknown model.", "code": "model_not_validated"},
            "model_not_validated",
        ),
    ],
)
async def test_a_refusal_in_the_first_event_is_the_doors_400(
    dialect: str, said: dict[str, Any], code: str
) -> None:
    async with (
        refusing(said, 4000) as url,
        relay_to(upstream(url, dialect)) as (relay, key),
    ):
        status, _, error = await refusal(relay, key)
        assert (status, error) == (
            400,
            {"type": INVALID, "code": code, "message": "Unknown model.", "param": None},
        )


async def test_an_upstream_that_blames_itself_is_the_doors_503() -> None:
    said = {"type": "error", "error": "CUDA out of memory", "code": "processing_error"}
    async with (
        refusing(said, 1011) as url,
        relay_to(upstream(url, "vllm")) as (relay, key),
    ):
        status, headers, error = await refusal(relay, key)
        assert (status, error["type"], error["code"]) == (503, "server_error", "upstream_unavailable")
        assert "retry-after" in headers
        assert "CUDA" not in error["message"]
