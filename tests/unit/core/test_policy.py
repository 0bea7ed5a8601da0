"""What a client's event may hold: every place in which the thing can be said is looked at, and named."""

from copy import deepcopy
from typing import Any

import pytest

from relay.core.policy import HOSTED_ITEMS, LOCKABLE, PLAIN_ITEMS, Rules, check
from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Policy

PLACES = [
    ("session.update", "session"),
    ("transcription_session.update", "session"),
    ("response.create", "response"),
    ("some.event", "session"),
]


def judged(event: dict[str, Any], asked: str | None = "m", served: str | None = "m", **policy: Any) -> object:
    before = deepcopy(event)
    verdict = check(event, Rules(Policy(**policy), asked, served))
    assert event == before, "it was changed in its place"
    return verdict


def fault(event: dict[str, Any], why: Refusal = Refusal.NOT_ALLOWED, **policy: Any) -> str | None:
    """Return the parameter that the refusal names."""
    verdict = judged(event, **policy)
    assert isinstance(verdict, Refused)
    assert verdict.refusal is why
    return verdict.param


def item(**fields: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": fields}


@pytest.mark.parametrize(("name", "field"), PLACES)
def test_what_the_api_allows_passes_as_it_is(name: str, field: str) -> None:
    settings = {
        "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}, {"name": "say"}],
        "tool_choice": {"type": "function", "name": "look"},
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": {"model": "gpt-transcribe", "prompt": "Names: Ann."},
                "turn_detection": {"type": "semantic_vad"},
                "noise_reduction": None,
            },
            "output": {"voice": "alloy", "format": {"type": "audio/pcmu"}, "speed": 1.1},
        },
        "max_output_tokens": "inf",
        "input": [{"type": "message", "role": "system"}, {"type": "item_reference", "id": "i"}, None],
        "prompt": None,
        "tracing": None,
        "metadata": {"model": "x", "type": "mcp"},
        "reasoning": {"effort": "low"},
    }
    assert judged({"type": name, field: settings}) is None


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.cancel", "response_id": "r"},
        {"type": "input_audio_buffer.append", "audio": "AAAA"},
        {"type": "session.update"},
        {"type": "session.update", "session": None},
        {"type": "response.create", "response": {"audio": None}},
        {"type": "conversation.item.create", "item": {}},
        {"type": "new.event", "input": "Say hello."},
    ],
)
def test_an_event_that_holds_nothing_of_the_kind_passes_any_policy(event: dict[str, Any]) -> None:
    strictest: dict[str, Any] = {
        "tools": frozenset(),
        "voices": ("a",),
        "instructions": "locked",
        "locked": frozenset(LOCKABLE),
    }
    assert judged(event, **strictest) is None


@pytest.mark.parametrize("odd", [7, "x", [], [{"instructions": "x"}], True])
@pytest.mark.parametrize(
    ("name", "field"), [*PLACES, ("conversation.item.create", "item"), ("new.event", "Session")]
)
def test_what_should_be_an_object_and_is_not_is_refused(name: str, field: str, odd: object) -> None:
    assert fault({"type": name, field: odd}, Refusal.INVALID_EVENT) == field


@pytest.mark.parametrize(
    ("session", "param"),
    [
        ({"audio": [{"output": {"voice": "b"}}]}, "session.audio"),
        ({"audio": {"output": "voice"}}, "session.audio.output"),
        ({"audio": {"input": [1]}}, "session.audio.input"),
    ],
)
def test_so_is_it_further_inside(session: dict[str, Any], param: str) -> None:
    assert fault({"type": "session.update", "session": session}, Refusal.INVALID_EVENT) == param


@pytest.mark.parametrize(("name", "field"), PLACES)
@pytest.mark.parametrize(
    ("settings", "policy", "where"),
    [
        ({"instructions": None}, {"instructions": "locked"}, "instructions"),
        ({"INSTRUCTIONS": "x"}, {"instructions": "locked"}, "INSTRUCTIONS"),
        ({"prompt": {"id": "p"}}, {}, "prompt"),
        ({"tools": [{"type": "mcp"}]}, {}, "tools[0].type"),
        ({"tools": [{"name": ["a"]}]}, {"tools": frozenset("a")}, "tools[0].name"),
        ({"tool_choice": {"type": "mcp"}}, {}, "tool_choice.type"),
        ({"voice": "b"}, {"voices": ("a",)}, "voice"),
        ({"audio": {"output": {"voice": "b"}}}, {"voices": ("a",)}, "audio.output.voice"),
        ({"Audio": {"oUtput": {"vOice": "b"}}}, {"voices": ("a",)}, "Audio.oUtput.vOice"),
        ({"audio": {"voice": "b"}}, {"voices": ("a",)}, "audio.voice"),
        ({"x": [{"y": {"voice": "b"}}]}, {"voices": ("a",)}, "x[0].y.voice"),
        ({"modalities": ["text"]}, {"output_modalities": frozenset({"audio"})}, "modalities"),
        (
            {"input_audio_transcription": {"model": "b"}},
            {"transcription_models": frozenset("a")},
            "input_audio_transcription.model",
        ),
        ({"input": [{}, {"type": "mcp_call"}]}, {}, "input[1].type"),
        ({"input": {"type": "mcp_call"}}, {}, "input.type"),
        ({"items": [{"type": "mcp_call"}]}, {}, "items[0].type"),
        ({"input": [{"role": "system"}]}, {"instructions": "locked"}, "input[0].role"),
        ({"messages": [{"role": "system"}]}, {"instructions": "locked"}, "messages[0].role"),
        ({"model": "other"}, {}, "model"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(
    name: str, field: str, settings: dict[str, Any], policy: dict[str, Any], where: str
) -> None:
    assert fault({"type": name, field: settings}, **policy) == f"{field}.{where}"


@pytest.mark.parametrize(
    ("settings", "policy", "where"),
    [
        ({"instructions": "x"}, {"instructions": "locked"}, "instructions"),
        ({"voice": "b"}, {"voices": ("a",)}, "voice"),
        ({"model": "other"}, {}, "model"),
        ({"input": [{"type": "mcp_call"}]}, {}, "input[0].type"),
    ],
)
def test_so_it_is_beside_the_settings(settings: dict[str, Any], policy: dict[str, Any], where: str) -> None:
    assert fault({"type": "session.update", "session": {}, **settings}, **policy) == where
    assert fault({"type": "input_audio_buffer.append", "audio": "AAAA", **settings}, **policy) == where


@pytest.mark.parametrize(("setting", "place"), [(name, place) for name in LOCKABLE for place in LOCKABLE[name]])
@pytest.mark.parametrize(("name", "field"), PLACES)
@pytest.mark.parametrize("value", [None, "x", {"type": "x"}])
def test_what_is_locked_is_refused_in_all_of_its_places(
    name: str, field: str, setting: str, place: tuple[str, ...], value: object
) -> None:
    settings: object = value
    for key in reversed(place):
        settings = {key: settings}
    event = {"type": name, field: settings}
    param = ".".join((field, *place))
    assert fault(event, locked=frozenset({setting})) == param
    verdict = check(event, Rules(Policy(), "m", "m", locked=frozenset({setting})))
    assert isinstance(verdict, Refused)
    assert (verdict.param, verdict.message) == (param, f"The setting {setting} of this session is locked.")


def test_a_format_that_is_locked_one_way_is_free_the_other() -> None:
    free = {"audio": {"output": {"format": {"type": "audio/pcmu"}}}, "format": {}}
    assert judged({"type": "session.update", "session": free}, locked=frozenset({"input_format"})) is None


@pytest.mark.parametrize("kind", sorted(HOSTED_ITEMS))
def test_items_of_hosted_tools_are_refused_unless_allowed(kind: str) -> None:
    assert fault(item(type=kind)) == "item.type"
    full = item(type=kind, tools=[{"name": "b"}], model="x")
    assert judged(full, hosted_tools=True, tools=frozenset("a")) is None


@pytest.mark.parametrize("kind", ["web_search_call", "MCP_call", "mcp_new", ["mcp_call"], {"a": 1}, 7, None])
def test_items_that_are_not_understood_are_refused_unless_hosted_tools_are_allowed(kind: object) -> None:
    assert fault(item(type=kind)) == "item.type"
    assert (
        fault({"type": "response.create", "response": {"input": [{"type": kind}]}}) == "response.input[0].type"
    )
    assert judged(item(type=kind), hosted_tools=True) is None


@pytest.mark.parametrize("kind", sorted(PLAIN_ITEMS))
def test_plain_items_pass(kind: str) -> None:
    assert judged(item(type=kind, id="i")) is None
    assert fault(item(type=kind, Type="mcp_call")) == "item.type"


def test_a_system_message_is_an_instruction() -> None:
    content = [{"type": "input_text", "text": "Forget it."}]
    assert judged(item(type="message", role="system", content=content)) is None
    assert judged(item(type="message", role="user", content=content), instructions="locked") is None
    assert judged(item(type="message", role="assistant", content=content), instructions="locked") is None
    assert fault(item(type="message", role="system", content=content), instructions="locked") == "item.role"
    assert fault(item(role="system"), locked=frozenset({"instructions"})) == "item.role"


@pytest.mark.parametrize("role", [None, "System", "developer", ["user"], {"user": 1}, 7])
def test_whatever_is_not_surely_the_user_s_or_the_assistant_s_is_an_instruction(role: object) -> None:
    assert fault(item(type="message", role=role), instructions="locked") == "item.role"
    assert judged(item(type="message", role=role), instructions="prefixed", instructions_text="x") is None


def test_a_message_of_nobody_s_is_an_instruction() -> None:
    assert fault(item(type="message", content=[]), instructions="locked") == "item.role"
    assert judged(item(type="message", content=[])) is None


# --- what is made to fit --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "field"), PLACES)
def test_what_can_be_made_to_fit_is_and_nothing_else_is_changed(name: str, field: str) -> None:
    policy = {
        "instructions": "prefixed",
        "instructions_text": "Be kind.",
        "max_output_tokens": 9,
        "voices": ("a", "b"),
    }
    settings = {
        "instructions": "Be brief.",
        "max_output_tokens": "inf",
        "tracing": "auto",
        "model": "m",
        "audio": {"output": {"voice": None, "speed": 1}},
        "x": [{"voice": None}, {"voice": "b"}],
        "tools": [{"type": "function", "name": "f"}],
    }
    assert judged({"type": name, "event_id": "e", field: settings}, "m", "up", **policy) == {
        "type": name,
        "event_id": "e",
        field: {
            "instructions": "Be kind.\n\nBe brief.",
            "max_output_tokens": 9,
            "tracing": None,
            "model": "up",
            "audio": {"output": {"voice": "a", "speed": 1}},
            "x": [{"voice": "a"}, {"voice": "b"}],
            "tools": [{"type": "function", "name": "f"}],
        },
    }


def test_what_was_made_to_fit_passes_as_it_is() -> None:
    policy = {"instructions": "prefixed", "instructions_text": "Be kind.", "max_output_tokens": 9}
    event = {"type": "session.update", "session": {"instructions": "x", "max_output_tokens": 10, "model": "m"}}
    changed = judged(event, "m", "up", **policy)
    assert isinstance(changed, dict)
    assert judged(changed, "m", "up", **policy) is None


def test_models_go_by_the_names_of_the_upstream() -> None:
    rules = Rules(Policy(), "m", "chat", deployments={"m": "chat", "gpt-transcribe": "ears"})
    session = {"model": "m", "audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}}
    assert check({"type": "session.update", "session": session}, rules) == {
        "type": "session.update",
        "session": {"model": "chat", "audio": {"input": {"transcription": {"model": "ears"}}}},
    }


@pytest.mark.parametrize("kind", ["transcription", "Realtime", ["realtime"]])
def test_a_session_keeps_its_kind(kind: object) -> None:
    assert judged({"type": "session.update", "session": {"type": "realtime"}}) is None
    assert fault({"type": "session.update", "session": {"type": kind}}) == "session.type"


def test_no_more_of_a_client_s_words_is_told_than_identifies_them() -> None:
    long = "x" * 9999
    verdict = judged({"type": "session.update", "session": {long: {"voice": long}}}, voices=("a",))
    assert isinstance(verdict, Refused)
    assert len(verdict.message) < 200
    assert verdict.param is not None
    assert len(verdict.param) == 256
