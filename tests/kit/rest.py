"""A relay's REST paths, and plain HTTP clients to ask them with."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
from openai import AsyncOpenAI

from relay.server import Relay
from tests.kit.relays import MODEL, relay_to

ORIGIN = "https://app.acme.example"
SECRETS = "/v1/realtime/client_secrets"
SPEECH = {"type": "realtime", "model": MODEL}
OPAQUE = "ws://127.0.0.1:9/v1/realtime"
"""Of an upstream that nothing here dials."""


@contextlib.asynccontextmanager
async def asking(relay: Relay, key: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Open a plain HTTP client that shows *key*."""
    headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
    base = relay.url.removesuffix("/v1")
    async with httpx.AsyncClient(
        base_url=base, headers=headers, trust_env=False, verify=False, timeout=15
    ) as client:
        yield client


@contextlib.asynccontextmanager
async def rest_of(**parts: Any) -> AsyncIterator[tuple[Relay, httpx.AsyncClient]]:
    """Run a relay with nothing behind it. Yields it and a client with its tenant's key."""
    async with relay_to(OPAQUE, **parts) as (relay, key), asking(relay, key) as client:
        yield relay, client


@contextlib.asynccontextmanager
async def official(relay: Relay, key: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=relay.url, api_key=key, max_retries=0) as client:
        yield client


def told(response: httpx.Response, status: int) -> dict[str, Any]:
    """Return the error of a refusal, whose form is checked."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert set(error) == {"type", "code", "message", "param"}
    assert error["message"]
    return error


async def minted(client: httpx.AsyncClient, session: dict[str, Any] | None = None, **relay: Any) -> str:
    body = {"session": SPEECH if session is None else session, **({"relay": relay} if relay else {})}
    response = await client.post(SECRETS, json=body)
    assert response.status_code == 200, response.text
    value = response.json()["value"]
    assert isinstance(value, str)
    return value
