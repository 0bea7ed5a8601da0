"""Canaries in every secret: none of them may turn up in a log, a metric, an answer or a close reason."""

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from relay.core import keys
from relay.core.keys import StoredKey
from relay.core.words import Secret
from relay.edge import logs
from relay.server import Relay
from relay.settings.secrecy import redactor_of
from relay.simulator.server import Simulator
from relay.simulator.settings import INSTANT
from tests.kit.relays import MODEL, config, new_key, settings
from tests.kit.wire import closed, connected, eventually, knock, refusal, say, until

CANARIES = {
    "UPSTREAM_KEY": "sk-canary-of-the-upstream-0123456789",
    "RELAY_KEY_PEPPER": "pepper-canary-0123456789-0123456789",
    "RELAY_ADMIN_TOKEN": "token-canary-0123456789-0123456789",
}


@pytest.fixture
def untouched() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("untouched")
async def test_no_canary_is_seen_again() -> None:
    token, presented = keys.mint(bytes(range(40)))
    pepper = Secret(CANARIES["RELAY_KEY_PEPPER"])
    line = StoredKey(presented.id, 1, keys.digest(pepper, presented.secret)).line()
    stranger = new_key()[0]
    written = io.StringIO()
    told: list[str] = []
    async with Simulator(INSTANT).running() as sim:
        read = settings(config(sim.url, line), CANARIES)
        logs.configure(redactor_of(read), logging.DEBUG, written)
        async with Relay(read).running() as relay:
            async with connected(relay, token) as client:
                await say(client, type="response.create", response={"output_modalities": ["text"]})
                await until(client, "response.done")
            for fault in (
                "close:4321:canary sk-canary-of-the-upstream-0123456789@1",
                "drop:rst@1",
                "mangle:frame@1",
                "reject:invalid_model:4000",
                "reject:invalid_api_key:3000",
                "refuse:401",
            ):
                sim.faults.add(fault, sessions=1)
                try:
                    async with knock(relay, token, f"?model={MODEL}&api-key={token}") as client:
                        told.append(str(await closed(client)))
                except Exception as no:  # noqa: BLE001 - whatever a client is told
                    told.append(repr(no) + str(getattr(getattr(no, "response", None), "body", "")))
            for carrier in (
                {"headers": {"Cookie": f"key={token}"}},
                {"subprotocols": ["realtime", f"openai-insecure-api-key.{stranger}"]},
            ):
                try:
                    async with knock(relay, None, **carrier) as client:
                        told.append(str([await client.recv(), await closed(client)]))
                except Exception as no:  # noqa: BLE001 - whatever a client is told
                    told.append(repr(no) + str(getattr(getattr(no, "response", None), "body", "")))
            told.append(str(await refusal(relay, stranger)))
            await eventually(lambda: len(relay.sessions) == 0)
            told.append(relay.metrics.exposition().decode())
            told.append(repr(read))
    assert "session ended" in written.getvalue()
    everything = written.getvalue() + "".join(told)
    for secret in (*CANARIES.values(), token, stranger, presented.secret.reveal()):
        assert secret not in everything, secret
