"""RFC 6455 conformance of the client-facing leg: Autobahn's cases through the whole relay to an echo and back.

The gate that reads events is replaced by one that passes everything; all else is the relay as it runs.
"""

import contextlib
from collections.abc import AsyncIterator

import pytest
from kosoku import FailureError, run_fuzzingclient
from websockets.asyncio.server import ServerConnection, serve

from relay.core.actions import FORWARD, Actions
from relay.core.downlink import Downlink
from relay.core.refusals import Reason
from relay.core.uplink import Uplink
from relay.core.words import Seconds
from relay.edge import admission
from tests.kit.relays import relay_to

EXPECTED = {
    "12.*": "permessage-deflate is declined: 660 us for 32 KB of audio that base64 has made incompressible",
    "13.*": "likewise",
    "7.1.2": "a second close frame in the same packet: the parser answers 1002 where silence is asked for",
}
"""Cases left out, each with its reason."""


class PassUp(Uplink):
    def judge(self, message: memoryview, text: bool, now: Seconds) -> Actions:
        del now
        try:
            str(message, "utf-8" if text else "latin-1")
        except UnicodeDecodeError:
            self.over = Reason.INVALID_TEXT
            return ()
        return FORWARD


class PassDown(Downlink):
    def judge(self, message: memoryview, text: bool, now: Seconds) -> Actions:
        del message, text, now
        return FORWARD


@contextlib.asynccontextmanager
async def echo() -> AsyncIterator[str]:
    async def repeat(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async with serve(repeat, "127.0.0.1", 0, max_size=None, compression=None, ping_interval=None) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/"


@pytest.fixture(autouse=True)
def pass_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "Uplink", PassUp)
    monkeypatch.setattr(admission, "Downlink", PassDown)


@pytest.mark.timeout(300)
async def test_no_case_fails_but_those_with_a_reason() -> None:
    plan = {
        "message_bytes": 64 * 1024 * 1024,
        "bytes_per_second": "unlimited",
        "concurrent_sessions": "unlimited",
        "session_starts_per_minute": "unlimited",
    }
    async with echo() as url:
        own = [{"name": "echo", "region": "us", "url": url, "keys": ["env:UPSTREAM_KEY"]}]
        async with relay_to(url, plan=plan, tenant={"upstreams": own}) as (relay, key):
            door = f"ws://127.0.0.1:{relay.port}/v1/realtime?call_id=rtc_1&api-key={key}"
            try:
                results = await run_fuzzingclient(door, exclude_cases=list(EXPECTED))
                failed = []
            except FailureError as failure:
                results = failure.results
                failed = [
                    f"{case.case_id}: {case.behavior.value} / {case.behavior_close.value}: {case.result}"
                    for case in results
                    if not case.passed
                ]
            assert failed == []
            assert len(results) >= 240
