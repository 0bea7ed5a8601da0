"""Whatever JSON either side says, the beta's dialect raises nothing and changes nothing in place."""

import copy
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from relay.core.dialects.beta import Beta
from relay.core.dialects.beta_session import ASKED, SESSION, param_from_ga, session_from_ga, session_to_ga
from relay.core.refusals import Refusal, Refused

Event = dict[str, Any]
Strategy = st.SearchStrategy[Any]

WORDS = st.sampled_from(
    [
        *(
            "text",
            "audio",
            "output_text",
            "output_audio",
            "input_text",
            "message",
            "mcp_call",
            "assistant",
            "user",
        ),
        *("function", "none", "server_vad", "realtime", "transcription", "pcm16", "pcm16_16000", "audio/pcm"),
        *("voice_1", "auto", "inf", "session.audio.output.voice", ""),
    ]
)
FIELDS = sorted(
    {
        *(name for row in (*SESSION, *ASKED) for name in (row.name, *row.place)),
        *("type", "role", "content", "id", "object", "rate", "sample_rate", "temperature", "function", "name"),
        *(
            "idle_timeout_ms",
            "item",
            "part",
            "error",
            "param",
            "message",
            "session",
            "response",
            "client_secret",
        ),
    }
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 99_999)
    | st.floats(allow_nan=False)
    | WORDS
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=10,
)
SETTINGS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6)
KINDS = st.sampled_from(
    [
        *("session.update", "transcription_session.update", "response.create", "conversation.item.create"),
        *("session.created", "session.updated", "response.created", "response.done", "error"),
        *("conversation.item.added", "conversation.item.created", "conversation.item.retrieved"),
        *("response.output_item.added", "response.content_part.done", "response.function_call_arguments.done"),
        *("response.output_audio.delta", "conversation.item.done", "mcp_list_tools.failed"),
    ]
)
EVENTS = st.fixed_dictionaries(
    {"type": KINDS | JSON},
    optional={
        **dict.fromkeys(("session", "response", "item", "part", "error"), SETTINGS | JSON),
        "name": JSON,
        "event_id": JSON,
    },
)


@given(EVENTS, st.booleans())
def test_whatever_a_client_says_is_read_or_refused_and_left_as_it_is(event: Event, transcription: bool) -> None:
    before = copy.deepcopy(event)
    ga = Beta(transcription=transcription).read(event)
    assert event == before
    if isinstance(ga, Refused):
        assert ga.refusal is Refusal.INVALID_EVENT
        assert ga.param is not None
        return
    again = Beta(transcription=transcription).read(ga)
    assert again is ga, "what is in GA terms is not translated again"


@given(EVENTS, st.booleans())
def test_whatever_an_upstream_says_is_told_or_not_and_left_as_it_is(event: Event, transcription: bool) -> None:
    before = copy.deepcopy(event)
    told = Beta(transcription=transcription).write(event)
    assert event == before
    assert told is None or isinstance(told, dict)
    assert told is event or told != event


@given(st.lists(WORDS | st.sampled_from(FIELDS), max_size=5).map(".".join))
def test_a_name_of_the_client_s_is_not_translated_again(path: str) -> None:
    assert param_from_ga(param_from_ga(path)) == param_from_ga(path)


def some(**fields: Strategy) -> Strategy:
    """Return any of *fields*, and none that is absent."""
    return st.fixed_dictionaries({}, optional=fields)


def some_inside(**fields: Strategy) -> Strategy:
    """Return any of *fields*, but at least one: an object that is empty says nothing, and is not shown."""
    return some(**fields).filter(bool)


PROSE = st.text(max_size=6)
FORMAT = st.sampled_from(
    [{"type": "audio/pcm", "rate": 24_000}, {"type": "audio/pcmu"}, {"type": "audio/pcma"}]
)
HEARD: Mapping[str, Strategy] = {
    "format": FORMAT,
    "transcription": st.none() | some(model=PROSE, language=PROSE, prompt=PROSE),
    "noise_reduction": st.none()
    | st.fixed_dictionaries({"type": st.sampled_from(["near_field", "far_field"])}),
    "turn_detection": st.none()
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["server_vad", "semantic_vad"])},
        optional={"create_response": st.booleans(), "idle_timeout_ms": st.integers(5_000, 30_000)},
    ),
}
INCLUDE = st.none() | st.just(["item.input_audio_transcription.logprobs"])
TOOL: Strategy = st.fixed_dictionaries(
    {"type": st.just("function"), "name": PROSE}, optional={"parameters": st.just({})}
)
REALTIME = st.fixed_dictionaries(
    {"type": st.just("realtime")},
    optional={
        "model": PROSE,
        "instructions": PROSE,
        "output_modalities": st.sampled_from([["text"], ["audio"]]),
        "audio": some_inside(
            input=some_inside(**HEARD),
            output=some_inside(
                format=FORMAT,
                voice=st.sampled_from(["sage", {"id": "voice_1"}]),
                speed=st.floats(0.25, 1.5),
            ),
        ),
        "tools": st.lists(TOOL, max_size=2),
        "tool_choice": st.sampled_from(["auto", "none", "required"])
        | st.fixed_dictionaries({"type": st.just("function"), "name": PROSE}),
        "max_output_tokens": st.integers(1, 4096) | st.just("inf"),
        "tracing": st.sampled_from([None, "auto", {"workflow_name": "w"}]),
        "prompt": st.none() | st.fixed_dictionaries({"id": PROSE}),
        "include": INCLUDE,
    },
)
TRANSCRIPTION = st.fixed_dictionaries(
    {"type": st.just("transcription")},
    optional={"audio": some_inside(input=some_inside(**HEARD)), "include": INCLUDE},
)


@given(REALTIME | TRANSCRIPTION)
def test_what_both_languages_can_say_comes_back_as_it_was(session: Event) -> None:
    transcription = session["type"] == "transcription"
    shown = session_from_ga(session, transcription=transcription)
    assert not shown.keys() & {"audio", "output_modalities", "max_output_tokens", "type"}
    assert session_to_ga(shown, transcription=transcription) == session
