"""The models that are listed, over real sockets: each can be used, and the official client reads the list."""

from typing import Any

import pytest
from openai import NotFoundError

from tests.kit.relays import MODEL, relay_and_simulator, relay_to
from tests.kit.rest import OPAQUE, asking, official, rest_of
from tests.kit.wire import connected


async def test_the_official_client_lists_the_tenants_models_aliases_included() -> None:
    parts: dict[str, Any] = {"tenant": {"models": [MODEL]}, "aliases": {"gpt-4o-realtime-preview": MODEL}}
    async with relay_to(OPAQUE, **parts) as (relay, key), official(relay, key) as client:
        listed = [model async for model in client.models.list()]
        assert {(model.id, model.owned_by, model.object, model.created) for model in listed} == {
            (MODEL, "system", "model", 0),
            ("gpt-4o-realtime-preview", "relay", "model", 0),
        }
        assert (await client.models.retrieve(MODEL)).id == MODEL
        with pytest.raises(NotFoundError) as missing:
            await client.models.retrieve("gpt-other")
        assert missing.value.code == "model_not_found"


async def test_every_model_that_is_listed_opens_a_session() -> None:
    tenant = {"models": [MODEL, "gpt-realtime-2.1-mini"]}
    async with (
        relay_and_simulator(tenant=tenant, aliases={"voice": MODEL}) as (relay, key, _),
        asking(relay, key) as client,
    ):
        listed = [model["id"] for model in (await client.get("/v1/models")).json()["data"]]
        assert listed == [MODEL, "gpt-realtime-2.1-mini", "voice"]
        for model in listed:
            async with connected(relay, key, f"?model={model}"):
                pass


async def test_a_head_request_is_answered_as_a_get() -> None:
    async with rest_of() as (_, client):
        response = await client.head("/v1/models")
        assert response.status_code == 200
        assert response.content == b""
