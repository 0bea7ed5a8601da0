"""Whatever JSON an upstream says, its dialect makes an event of it that clients can read."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeErrorEvent

from relay.core.dialects.dialect import UpstreamDialect
from relay.core.dialects.upstream_errors import KINDS
from relay.core.dialects.vllm import VLLM
from relay.core.dialects.xai import XAI

WORDS = st.sampled_from(["error", "max_duration", "invalid_json", "server_error", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("type", "code", "message", "param", "event_id")
ERROR = st.dictionaries(st.sampled_from(FIELDS), JSON | WORDS) | JSON
EVENTS = st.fixed_dictionaries(
    {"type": st.just("error") | WORDS | JSON}, optional={"error": ERROR, "event_id": JSON, "code": JSON}
)
DIALECTS = pytest.mark.parametrize("dialect", [XAI, VLLM], ids=["xai", "vllm"])


@DIALECTS
@given(event=EVENTS)
def test_an_error_is_whole_and_all_else_is_the_very_object(
    dialect: UpstreamDialect, event: dict[str, Any]
) -> None:
    before = copy.deepcopy(event)
    told = dialect.read(event)
    assert event == before
    if event["type"] != "error":
        assert told is event
        return
    RealtimeErrorEvent.model_validate(told, strict=True)
    assert told["error"].keys() >= set(FIELDS)
    assert told["error"]["type"] in KINDS
    assert dialect.read(told) is told


@DIALECTS
@given(event=EVENTS)
def test_what_a_client_says_goes_up_as_it_is(dialect: UpstreamDialect, event: dict[str, Any]) -> None:
    assert dialect.write(event) is event
