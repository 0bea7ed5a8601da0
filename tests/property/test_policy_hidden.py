"""What a policy forbids never goes upstream, wherever in a frame it hides and however the frame is written.

The judge here knows nothing of how the policy is enforced. It reads what would go upstream as sloppily as any
parser might, keeps every one of a key's doubles, looks at all of it, and finds what is marked.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.core import policy
from relay.core.actions import FORWARD, Actions, Forward, Send
from relay.core.events import Kind, Outcome
from relay.core.refusals import Refused
from relay.core.strict import Event
from relay.core.tenants import Policy
from relay.core.words import Side
from tests.property.hiding import (
    ITEMS,
    MARK,
    MOST_TOOLS,
    NUMBER,
    SETTINGS,
    STRANGE_ITEMS,
    Hidden,
    frames,
    hiding,
    plainly_hidden,
)
from tests.unit.core.gates import append, count, plan, uplink, wire

STRICTEST = Policy(
    tools=frozenset({"look_up"}),
    most_tools=MOST_TOOLS,
    voices=("alloy",),
    output_modalities=frozenset({"audio"}),
    instructions="locked",
    transcription_models=frozenset({"gpt-transcribe"}),
    max_output_tokens=100,
    locked=frozenset({"turn_detection", "speed"}),
)
LIMITS = plan(events_per_second=1e9, responses_per_minute=1e9, patience=1e9)

# --- the judge ------------------------------------------------------------------------------------

ABSENT = {"instructions", "speed", "turn_detection"}
TOKENS = {"max_output_tokens", "max_response_output_tokens"}


class Pairs(list[tuple[str, Any]]):
    """An object with each of its keys, be it twice."""


def found(value: object) -> Iterator[str]:
    """Tell what in *value* the policy does not allow."""
    if isinstance(value, str) and MARK in value:
        yield f"the text {value}"
    elif isinstance(value, int | float) and int(value) == NUMBER:
        yield f"the number {value}"
    elif isinstance(value, Pairs):
        for key, inner in value:
            yield from found(key)
            yield from found(inner)
            yield from keyed(key.casefold(), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from found(inner)


def keyed(key: str, value: object) -> Iterator[str]:
    if (
        key in ABSENT
        or (key in {"tracing", "prompt"} and value is not None)
        or (key in TOKENS and not isinstance(value, int))
        or (key.endswith("modalities") and value != ["audio"])
        or (key == "role" and value not in ("user", "assistant"))
        or (key == "type" and str(value).casefold().startswith("mcp"))
        or (key == "tools" and isinstance(value, list) and len(value) > MOST_TOOLS)
    ):
        yield f"the key {key}"


def upstream(actions: Actions, message: bytes) -> list[bytes]:
    sent = [message for action in actions if isinstance(action, Forward)]
    sent += [action.data for action in actions if isinstance(action, Send) and action.side is Side.UPSTREAM]
    return sent


def faults(data: bytes) -> list[str]:
    return [*found(json.loads(data.decode("utf-8-sig"), strict=False, object_pairs_hook=Pairs))]


def judged(hidden: Hidden) -> tuple[int, int]:
    """Put *hidden* to the relay in every writing; return in how many, and how many went up, made to fit."""
    tried = passed = 0
    for message, is_text in frames(hidden):
        gate = uplink(LIMITS, STRICTEST)
        actions = gate.judge(memoryview(message), is_text, 0.0)
        assert actions, "nothing vanishes in silence"
        tried += 1
        for sent in upstream(actions, message):
            assert faults(sent) == []
            passed += 1
    return tried, passed


# --- the claims -----------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [*SETTINGS, *ITEMS, *STRANGE_ITEMS], ids=str)
def test_the_judge_finds_whatever_is_hidden(held: dict[str, Any]) -> None:
    event = wire({"type": "session.update", "session": {"x": held}})
    assert faults(bytes(event))


@pytest.mark.parametrize("held", [*SETTINGS, *ITEMS, *STRANGE_ITEMS], ids=str)
def test_what_is_forbidden_never_goes_upstream_in_any_event(held: dict[str, Any]) -> None:
    for hidden in plainly_hidden(held):
        judged(hidden)


@given(hiding())
def test_what_is_forbidden_never_goes_upstream_wherever_it_hides(hidden: Hidden) -> None:
    judged(hidden)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_of_a_hundred_thousand_frames_none_carries_what_is_forbidden() -> None:
    tried = passed = 0

    @settings(settings.get_profile("deep"), max_examples=8000)
    @given(hiding())
    def try_one(hidden: Hidden) -> None:
        nonlocal tried, passed
        more = judged(hidden)
        tried, passed = tried + more[0], passed + more[1]

    try_one()
    assert tried >= 100_000
    assert passed >= 1000, "what can be made to fit is, and is looked at"


@given(
    st.lists(st.text(max_size=20).filter(lambda said: not said.startswith("Be kind.")), max_size=3),
    st.sampled_from(["session", "response", "x"]),
)
def test_whatever_instructions_go_upstream_begin_with_the_tenant_s(texts: list[str], place: str) -> None:
    gate = uplink(LIMITS, Policy(instructions="prefixed", instructions_text="Be kind."))
    for said in ["", "Be kind", "Be rude.", "be kind.\n\nBe rude.", *texts]:
        (sent,) = gate.judge(wire({"type": "session.update", place: {"instructions": said}}), True, 0.0)
        assert isinstance(sent, Send)
        told = json.loads(sent.data)[place]["instructions"]
        assert told == (f"Be kind.\n\n{said}" if said else "Be kind.")
        assert gate.judge(memoryview(sent.data), True, 0.0) is FORWARD, "it is not put there twice"


def test_audio_is_not_put_to_the_policy_however_strict_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, asked, check = uplink(LIMITS, STRICTEST), list[str](), policy.check

    def watched(event: Event, rules: policy.Rules) -> Refused | Event | None:
        asked.append(event["type"])
        return check(event, rules)

    monkeypatch.setattr(policy, "check", watched)
    for size in range(4, 4004, 4):
        assert gate.judge(append("A" * size), True, 0.0) is FORWARD
    assert count(gate, Kind.AUDIO, Outcome.FORWARDED) == 1000
    assert len(asked) <= 1, "the first is looked at for a file's header"
    gate.judge(wire({"type": "input_audio_buffer.append", "audio": "AAAA", "x": 1}), True, 0.0)
    assert asked[-1] == "input_audio_buffer.append", "what is more than an append goes the slow way"
