"""Each setting: what passes, what is made to fit, and what is refused."""

from typing import Any

import pytest

from relay.core.refusals import Refusal, Refused
from relay.core.restrictions import RESTRICTIONS, SEPARATOR, judge_kind, judge_model
from relay.core.rules import LOCKABLE, Rules
from relay.core.tenants import Policy

PREFIXED = Policy(instructions="prefixed", instructions_text="Be kind.", hosted_tools=True)


def judged(setting: str, value: object, policy: Policy, deployments: dict[str, str] | None = None) -> object:
    return RESTRICTIONS[setting](value, "session.x", Rules(policy, "m", "m", deployments=deployments or {}))


def refusal(verdict: object) -> Refusal:
    assert isinstance(verdict, Refused)
    assert (verdict.param or "").startswith("session.x")
    return verdict.refusal


def test_every_judge_has_a_setting_that_can_be_locked() -> None:
    assert RESTRICTIONS.keys() <= LOCKABLE.keys()


@pytest.mark.parametrize("setting", sorted(RESTRICTIONS.keys() - {"tools", "tool_choice", "prompt", "tracing"}))
@pytest.mark.parametrize("value", [None, "x", 7, True, [], ["x"], {"model": ["x"]}])
def test_what_no_policy_speaks_of_passes_as_it_is(setting: str, value: object) -> None:
    assert judged(setting, value, Policy()) is value


# --- instructions ---------------------------------------------------------------------------------


def test_the_tenant_s_text_comes_before_the_client_s() -> None:
    assert judged("instructions", "Be rude.", PREFIXED) == "Be kind.\n\nBe rude."
    assert SEPARATOR == "\n\n"


@pytest.mark.parametrize("text", ["Be kind.", "Be kind.\n\nBe rude.", "Be kind.\n\n"])
def test_instructions_that_are_sent_back_are_not_prefixed_again(text: str) -> None:
    assert judged("instructions", text, PREFIXED) is text


def test_a_text_that_only_begins_alike_is_prefixed() -> None:
    assert judged("instructions", "Be kind. Not.", PREFIXED) == "Be kind.\n\nBe kind. Not."


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_instructions_are_the_tenant_s_alone(nothing: object) -> None:
    assert judged("instructions", nothing, PREFIXED) == "Be kind."


@pytest.mark.parametrize("value", [7, ["Be rude."], {"text": "Be rude."}, False])
def test_instructions_that_are_no_text_cannot_be_prefixed(value: object) -> None:
    assert refusal(judged("instructions", value, PREFIXED)) is Refusal.INVALID_EVENT


def test_a_default_may_be_overridden() -> None:
    assert judged("instructions", "Be rude.", Policy(instructions_text="Be kind.")) == "Be rude."


# --- prompts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        (Policy(), False),
        (Policy(hosted_tools=True), True),
        (PREFIXED, False),
        (Policy(hosted_tools=True, instructions="locked"), False),
        (Policy(hosted_tools=True, locked=frozenset({"instructions"})), False),
    ],
)
def test_a_stored_prompt_reaches_beyond_the_relay_and_brings_instructions(
    policy: Policy, allowed: bool
) -> None:
    prompt = {"id": "pmpt_1"}
    verdict = judged("prompt", prompt, policy)
    assert verdict is prompt if allowed else refusal(verdict) is Refusal.NOT_ALLOWED
    assert judged("prompt", None, policy) is None


# --- voices, modalities, tokens, traces -----------------------------------------------------------

VOICES = Policy(voices=("cedar", "marin"))


@pytest.mark.parametrize("voice", ["marin", "cedar", {"id": "marin"}])
def test_a_voice_that_is_allowed_passes(voice: object) -> None:
    assert judged("voice", voice, VOICES) is voice


@pytest.mark.parametrize(
    "voice",
    [
        "alloy",
        "Marin",
        "",
        7,
        ["marin"],
        {},
        {"id": "alloy"},
        {"id": ["marin"]},
        {"id": "marin", "name": "alloy"},
    ],
)
def test_any_other_voice_is_refused(voice: object) -> None:
    assert refusal(judged("voice", voice, VOICES)) is Refusal.NOT_ALLOWED


def test_no_voice_is_the_tenant_s_first() -> None:
    assert judged("voice", None, VOICES) == "cedar"


@pytest.mark.parametrize(
    ("allowed", "value"),
    [({"text"}, ["text"]), ({"audio"}, ["audio"]), ({"audio", "text"}, ["text", "audio"])],
)
def test_modalities_that_are_allowed_pass(allowed: set[str], value: list[str]) -> None:
    assert judged("output_modalities", value, Policy(output_modalities=frozenset(allowed))) is value


@pytest.mark.parametrize("value", [["audio"], ["text", "audio"], "text", {"text": 1}, [["text"]], 7, [None]])
def test_any_other_modality_is_refused(value: object) -> None:
    policy = Policy(output_modalities=frozenset({"text"}))
    assert refusal(judged("output_modalities", value, policy)) is Refusal.NOT_ALLOWED


@pytest.mark.parametrize(("allowed", "is_now"), [({"text"}, ["text"]), ({"audio", "text"}, ["audio"])])
@pytest.mark.parametrize("nothing", [None, []])
def test_no_modality_is_the_default_as_far_as_it_is_allowed(
    nothing: object, allowed: set[str], is_now: list[str]
) -> None:
    assert judged("output_modalities", nothing, Policy(output_modalities=frozenset(allowed))) == is_now


@pytest.mark.parametrize(
    ("asked", "given"), [(1, 1), (100, 100), (101, 100), (100.5, 100), ("inf", 100), (None, 100), (-1, -1)]
)
def test_tokens_are_cut_to_the_cap(asked: object, given: int) -> None:
    assert judged("max_output_tokens", asked, Policy(max_output_tokens=100)) == given


@pytest.mark.parametrize("value", ["101", "Inf", True, [1], {"inf": 1}])
def test_a_number_of_tokens_that_is_none_is_refused(value: object) -> None:
    assert refusal(judged("max_output_tokens", value, Policy(max_output_tokens=100))) is Refusal.INVALID_EVENT


@pytest.mark.parametrize("value", ["auto", {"workflow_name": "x"}, None, [], True])
def test_a_trace_is_kept_only_where_the_tenant_wants_it(value: object) -> None:
    assert judged("tracing", value, Policy()) is None
    assert judged("tracing", value, Policy(tracing="pass")) is value


# --- transcription --------------------------------------------------------------------------------

TRANSCRIBE = Policy(transcription_models=frozenset({"gpt-transcribe"}))
AZURE = {"gpt-transcribe": "my-ears"}


@pytest.mark.parametrize("value", [None, {"model": "gpt-transcribe", "language": "de"}])
def test_a_transcription_model_that_is_allowed_passes(value: object) -> None:
    assert judged("transcription", value, TRANSCRIBE) is value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"model": "whisper-1"}, Refusal.NOT_ALLOWED),
        ({"model": "gpt-transcribe", "Model": "whisper-1"}, Refusal.NOT_ALLOWED),
        ({"language": "de"}, Refusal.NOT_ALLOWED),
        ({}, Refusal.NOT_ALLOWED),
        ({"model": ["gpt-transcribe"]}, Refusal.INVALID_EVENT),
        ({"model": None}, Refusal.INVALID_EVENT),
        ("whisper-1", Refusal.INVALID_EVENT),
        ([{"model": "whisper-1"}], Refusal.INVALID_EVENT),
    ],
)
def test_any_other_transcription_is_refused(value: object, why: Refusal) -> None:
    assert refusal(judged("transcription", value, TRANSCRIBE)) is why


@pytest.mark.parametrize("policy", [TRANSCRIBE, Policy()])
def test_a_transcription_model_goes_by_the_upstream_s_name_for_it(policy: Policy) -> None:
    given = {"model": "gpt-transcribe", "language": "de"}
    assert judged("transcription", given, policy, AZURE) == {"model": "my-ears", "language": "de"}
    assert given["model"] == "gpt-transcribe"
    shown = {"model": "my-ears"}
    assert judged("transcription", shown, policy, AZURE) is shown


# --- the model and the kind of the session --------------------------------------------------------


def rules(asked: str | None, served: str | None, policy: Policy | None = None) -> Rules:
    return Rules(policy or Policy(), asked, served, deployments=AZURE)


@pytest.mark.parametrize(("value", "is_now"), [("a", "up"), ("up", "up"), (None, None)])
def test_the_session_s_model_goes_by_the_upstream_s_name_for_it(value: object, is_now: object) -> None:
    assert judge_model(value, "session.x", rules("a", "up")) == is_now


@pytest.mark.parametrize("value", ["b", "", ["a"], {"a": 1}, 7])
def test_another_model_is_refused(value: object) -> None:
    assert refusal(judge_model(value, "session.x", rules("a", "up"))) is Refusal.NOT_ALLOWED


@pytest.mark.parametrize(
    ("value", "policy", "is_now"),
    [("any", Policy(), "any"), ("gpt-transcribe", TRANSCRIBE, "my-ears"), (None, TRANSCRIBE, None)],
)
def test_the_model_of_a_session_without_one_transcribes(value: Any, policy: Policy, is_now: Any) -> None:
    assert judge_model(value, "session.x", rules(None, None, policy)) == is_now


def test_a_session_without_a_model_is_no_way_to_one_that_is_not_allowed() -> None:
    assert refusal(judge_model("gpt-x", "session.x", rules(None, None, TRANSCRIBE))) is Refusal.NOT_ALLOWED


@pytest.mark.parametrize(
    ("asked", "kind", "allowed"),
    [
        ("a", "realtime", True),
        ("a", None, True),
        ("a", "transcription", False),
        ("a", ["realtime"], False),
        ("a", "Realtime", False),
        (None, "transcription", True),
        (None, "realtime", True),
        (None, "translation", False),
    ],
)
def test_a_session_does_not_become_one_of_another_kind(asked: str | None, kind: object, allowed: bool) -> None:
    verdict = judge_kind(kind, "session.x", rules(asked, asked))
    assert verdict is kind if allowed else refusal(verdict) is Refusal.NOT_ALLOWED
