"""The gates of a session as the tests make them: real ones, with everything but the fact in question plain."""

import json
from collections.abc import Callable
from typing import Any

import msgspec

from relay.core.allowance import Allowance
from relay.core.audio import AudioFormat
from relay.core.dialects.dialect import GA, ClientDialect, UpstreamDialect
from relay.core.downlink import Downlink
from relay.core.events import Kind, Outcome
from relay.core.policy import Rules
from relay.core.redaction import Redactor
from relay.core.tenants import Plan, Policy
from relay.core.turns import Turns
from relay.core.uplink import Gate, Uplink
from relay.core.usage import Price, PriceTable
from relay.core.words import Secret, SessionId

PLAN = Plan(name="standard")
EPOCH = 86_400.0 * 20_000
"""Wall time at the tests' zero: midnight, UTC, so that days are easy to count."""
PRICES = PriceTable(
    {"gpt-x": Price(text_in=1.0, text_out=10.0, per_minute=0.6, source="test", as_of="2026-01-01")}
)


def plan(**limits: Any) -> Plan:
    return msgspec.structs.replace(PLAN, **limits)


def wire(event: object) -> memoryview:
    return memoryview(json.dumps(event, ensure_ascii=False).encode())


def append(audio: str, **more: object) -> memoryview:
    return wire({"type": "input_audio_buffer.append", "audio": audio, **more})


def uplink(
    limits: Plan = PLAN,
    policy: Policy | None = None,
    *,
    asked: str | None = "gpt-x",
    served: str | None = "gpt-x",
    allowance: Allowance | None = None,
    turns: Turns | None = None,
    client: ClientDialect = GA,
    upstream: UpstreamDialect = GA,
) -> Uplink:
    return Uplink(
        plan=limits,
        rules=Rules(policy or Policy(), asked, served),
        allowance=allowance or Allowance(limits),
        turns=turns or Turns(),
        session=SessionId("s1"),
        epoch=EPOCH,
        client=client,
        upstream=upstream,
    )


def downlink(
    limits: Plan = PLAN,
    *,
    asked: str | None = "gpt-x",
    served: str | None = "gpt-x",
    allowance: Allowance | None = None,
    turns: Turns | None = None,
    set_input_format: Callable[[AudioFormat], None] = lambda _: None,
    client: ClientDialect = GA,
    upstream: UpstreamDialect = GA,
    **more: Any,
) -> Downlink:
    return Downlink(
        asked=asked,
        served=served,
        allowance=allowance or Allowance(limits),
        turns=turns or Turns(),
        prices=PRICES,
        price_factor=1.0,
        redact=Redactor([Secret("hush-hush")]),
        set_input_format=set_input_format,
        epoch=EPOCH,
        client=client,
        upstream=upstream,
        **more,
    )


def count(gate: Gate, kind: Kind, outcome: Outcome) -> int:
    return gate.counts[kind * len(Outcome) + outcome]


def told(data: bytes) -> dict[str, Any]:
    """Read an event of the relay's making."""
    event = json.loads(data)
    assert isinstance(event, dict)
    return event
