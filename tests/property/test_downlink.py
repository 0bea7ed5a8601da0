"""Whatever an upstream says is counted once, forwarded or replaced, and nothing that is counted goes down."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.core.actions import Forward, Send
from relay.core.words import Side
from tests.property.messages import upstream_messages, view
from tests.unit.core.gates import downlink

AUDIO = "QUJD" * 300
deltas = st.builds(
    lambda size, filler, tail: view(
        json.dumps(
            {
                "type": "response.output_audio.delta",
                **({"filler": "x" * filler} if filler else {}),
                "delta": AUDIO[: 4 * size],
                "content_index": tail,
            },
            separators=(",", ":"),
        ).encode()
    ),
    st.integers(0, 300),
    st.sampled_from([0, 0, 0, 1, 400, 3000]),
    st.integers(0, 10**6),
)


@given(st.lists(deltas | upstream_messages, max_size=40), st.booleans())
def test_every_message_reaches_the_client_once_and_no_figure_goes_down(
    messages: list[memoryview], text: bool
) -> None:
    gate = downlink(asked="gpt-x", served="real")
    audio, money, tokens = 0.0, 0, 0
    for number, message in enumerate(messages, 1):
        actions = gate.judge(message, text, float(number))
        to_client = [one for one in actions if isinstance(one, Forward) or one == Send(Side.CLIENT, sent(one))]
        assert len(to_client) == 1
        assert to_client[0] is actions[0]
        assert sum(gate.counts) == number
        assert gate.audio_seconds >= audio
        assert gate.micro_usd >= money
        assert gate.usage.tokens >= tokens
        audio, money, tokens = gate.audio_seconds, gate.micro_usd, gate.usage.tokens
    assert gate.bytes == sum(map(len, messages))


def sent(action: object) -> bytes:
    return action.data if isinstance(action, Send) else b""


@given(st.lists(st.integers(1, 300), min_size=1, max_size=100))
def test_audio_that_comes_as_an_upstream_sends_it_is_measured_to_a_hundredth(sizes: list[int]) -> None:
    gate = downlink()
    for index, size in enumerate(sizes):
        event = {
            "type": "response.output_audio.delta",
            "event_id": f"event_{index:020}",
            "response_id": "resp_00000000000000000001",
            "item_id": "item_00000000000000000001",
            "output_index": 0,
            "content_index": 0,
            "delta": AUDIO[: 4 * size],
        }
        gate.judge(view(json.dumps(event, separators=(",", ":")).encode()), True, 0)
    assert gate.audio_seconds * 48_000 == pytest.approx(3 * sum(sizes), rel=0.01)
