"""What a guest is dialed with, held to, and has set before it comes in."""

from typing import Any

import msgspec
import pytest

from relay.core.client_secrets import Grant
from relay.core.dialects.beta import Beta
from relay.core.dialects.dialect import GA
from relay.core.guest import Guest, granted, safety_identifier
from relay.core.hello import Hello, read
from relay.core.refusals import Refusal, Refused
from relay.core.routing import Route
from relay.core.tenants import Plan, Policy, Tenant, Upstream
from relay.core.words import Secret, TenantId

PLAN = Plan(name="standard")
UPSTREAM = Upstream(name="u", region="us", url="wss://up.example/v1/realtime", keys=(Secret("sk-1"),))
EK = ("authorization", "Bearer ek_1")


def hello(query: str = "model=m", *headers: tuple[str, str], path: str = "/v1/realtime") -> Hello:
    answer = read(path, query, headers)
    assert isinstance(answer, Hello)
    return answer


def grant(session: dict[str, Any] | None = None, **more: Any) -> Grant:
    return Grant(id="g", tenant=TenantId("acme"), key_id="k", expires_at=1, session=session, **more)


def guest(
    asked: Hello | None = None,
    *,
    policy: Policy | None = None,
    plan: Plan = PLAN,
    secret: Grant | None = None,
) -> Guest:
    return Guest(
        hello=asked or hello(),
        tenant=Tenant(id=TenantId("acme"), plan=plan, policy=policy or Policy()),
        key_id="k",
        routes=(),
        address="a",
        grant=secret,
    )


def route(served: str | None = "served", **upstream: Any) -> Route:
    return Route(msgspec.structs.replace(UPSTREAM, **upstream), served, "m")


def test_it_is_dialed_at_the_upstream_s_url_with_the_upstream_s_name_of_the_model() -> None:
    asked = hello("model=m&x=1&relay_region=eu")
    assert guest(asked).url(route()) == "wss://up.example/v1/realtime?model=served&x=1"
    own_query = route(url="wss://up.example/realtime?protocol=realtime")
    assert guest(asked).url(own_query) == "wss://up.example/realtime?protocol=realtime&model=served&x=1"


def test_a_translation_is_dialed_at_its_own_path() -> None:
    asked = hello(path="/v1/realtime/translations")
    assert guest(asked).url(route()) == "wss://up.example/v1/realtime/translations?model=served"


def test_the_key_is_carried_as_the_upstream_wants_it_and_nothing_of_the_client_s_goes_along() -> None:
    asked = hello("model=m", ("openai-organization", "org"), ("openai-beta", "realtime=v1"), ("cookie", "c"))
    named = safety_identifier(TenantId("acme"))
    assert guest(asked).headers(route(), Secret("sk-1")) == [
        ("Authorization", "Bearer sk-1"),
        ("OpenAI-Safety-Identifier", named),
    ]
    azure = guest(asked).headers(route(dialect="azure"), Secret("sk-1"))
    assert azure[0] == ("api-key", "sk-1")


def test_a_safety_identifier_is_the_tenant_s_unless_the_plan_trusts_the_client_s() -> None:
    asked = hello("model=m", ("openai-safety-identifier", "user-7"))
    trusting = msgspec.structs.replace(PLAN, trust_safety_identifier=True)
    key = Secret("sk-1")
    assert dict(guest(asked, plan=trusting).headers(route(), key))["OpenAI-Safety-Identifier"] == "user-7"
    named = safety_identifier(TenantId("acme"))
    assert dict(guest(asked).headers(route(), key))["OpenAI-Safety-Identifier"] == named
    assert dict(guest(plan=trusting).headers(route(), key))["OpenAI-Safety-Identifier"] == named


def test_a_tenant_s_safety_identifier_is_stable_its_own_and_not_its_name() -> None:
    first, second = safety_identifier(TenantId("acme")), safety_identifier(TenantId("other"))
    assert first == safety_identifier(TenantId("acme"))
    assert first != second
    assert "acme" not in first


def test_it_speaks_what_it_said_it_speaks() -> None:
    assert guest().dialect() is GA
    assert isinstance(guest(hello("model=m&relay_dialect=beta")).dialect(), Beta)


def test_it_is_held_to_the_policy_the_secret_s_locks_and_the_upstream_s_names() -> None:
    policy = Policy(voices=("a",))
    bound = guest(policy=policy, secret=grant(locked=frozenset({"voice"})))
    rules = bound.rules(route(models={"m": "served"}))
    assert (rules.policy, rules.asked, rules.served) == (policy, "m", "served")
    assert rules.locked == frozenset({"voice"})
    assert dict(rules.deployments) == {"m": "served"}
    assert guest().rules(route()).locked == frozenset()


def test_nothing_is_preset_where_nobody_asks_for_it() -> None:
    assert guest().preset(route()) is None
    assert guest(secret=grant()).preset(route()) is None


def test_a_secret_s_session_is_preset_without_its_model() -> None:
    session = {"type": "realtime", "model": "m", "instructions": "Hum."}
    assert guest(secret=grant(session)).preset(route()) == {"type": "realtime", "instructions": "Hum."}


def test_a_secret_s_session_is_held_to_the_policy_of_now() -> None:
    session = {"type": "realtime", "instructions": "Hum."}
    bound = guest(secret=grant(session), policy=Policy(instructions="locked", instructions_text="No."))
    assert isinstance(bound.preset(route()), Refused)


def test_a_translation_s_session_is_preset_as_the_secret_has_it() -> None:
    asked = hello(path="/v1/realtime/translations")
    session = {"type": "translation", "model": "m", "audio": {"output": {"language": "fr"}}}
    assert guest(asked, secret=grant(session)).preset(route()) == {"audio": {"output": {"language": "fr"}}}
    assert guest(asked, policy=Policy(voices=("a",))).preset(route()) is None


def test_a_translation_s_session_is_held_to_the_policy_of_now() -> None:
    asked = hello(path="/v1/realtime/translations")
    heard = {"transcription": {"model": "gpt-transcribe"}}
    bound = guest(
        asked,
        secret=grant({"type": "translation", "audio": {"input": heard}}),
        policy=Policy(transcription_models=frozenset({"other"})),
    )
    assert isinstance(bound.preset(route()), Refused)
    traced = guest(asked, secret=grant({"type": "translation", "tracing": "auto"}))
    assert traced.preset(route()) == {"tracing": None}
    assert guest(asked, secret=grant({"type": "translation", "model": "m"})).preset(route()) is None


def test_a_call_that_is_going_on_is_not_set_anew() -> None:
    policy = Policy(instructions="prefixed", instructions_text="Be kind.", voices=("a",))
    assert guest(hello("call_id=rtc_1"), policy=policy).preset(route(None)) is None


def test_an_upstream_that_acknowledges_nothing_is_set_nothing() -> None:
    policy = Policy(voices=("a",))
    deaf = route(dialect="vllm")
    assert guest(policy=policy).preset(deaf) is None
    session = {"type": "realtime", "instructions": "Hum."}
    assert isinstance(guest(secret=grant(session)).preset(deaf), Refused)


def test_a_refusal_names_a_field_as_the_client_knows_it() -> None:
    refused = Refused(Refusal.UPSTREAM_REJECTED, "No.", param="session.audio.output.voice")
    assert guest(hello("model=m&relay_dialect=beta")).told(refused).param == "session.voice"
    assert guest().told(refused) == refused
    plain = Refused(Refusal.UPSTREAM_BUSY, "No.")
    assert guest().told(plain) is plain


def test_a_temperature_that_the_secret_was_minted_with_is_shown_again() -> None:
    told = granted(hello("", EK), grant({"type": "realtime", "model": "m"}, beta=True, temperature=0.6))
    assert isinstance(told, Hello)
    spoken = (
        guest(told, secret=grant(temperature=0.6))
        .dialect()
        .write({"type": "session.created", "session": {"type": "realtime"}})
    )
    assert spoken is not None
    assert spoken["session"]["temperature"] == 0.6


def test_a_secret_attaches_to_no_call() -> None:
    refused = granted(hello("call_id=rtc_1", EK), grant({"type": "realtime"}))
    assert isinstance(refused, Refused)
    assert (refused.refusal, refused.param) == (Refusal.NOT_ALLOWED, "call_id")


def test_a_locked_model_is_the_only_one() -> None:
    locked = grant({"type": "realtime", "model": "m"}, locked=frozenset({"model"}))
    refused = granted(hello("model=mine", EK), locked)
    assert isinstance(refused, Refused)
    assert (refused.refusal, refused.param) == (Refusal.NOT_ALLOWED, "model")
    assert isinstance(granted(hello("model=m", EK), locked), Hello)
    assert isinstance(granted(hello("", EK), locked), Hello)
    assert isinstance(granted(hello("model=mine", EK), grant(locked=frozenset({"model"}))), Hello)


def test_session_names_of_two_secrets_never_meet() -> None:
    named = granted(hello("model=m&relay_session=desk", EK), grant())
    assert isinstance(named, Hello)
    assert named.name == "g:desk"


def test_a_secret_s_patience_holds_unless_it_has_none() -> None:
    asked = hello("model=m&relay_latency=high", EK)
    patient, plain = granted(asked, grant(latency="low")), granted(asked, grant())
    assert isinstance(patient, Hello)
    assert isinstance(plain, Hello)
    assert (patient.latency, plain.latency) == ("low", "high")


def test_a_secret_says_what_the_request_left_open() -> None:
    asked = hello("", EK)
    told = granted(asked, grant({"type": "realtime", "model": "m"}, beta=True))
    assert isinstance(told, Hello)
    assert (told.model, told.transcription, told.speech) == ("m", False, "beta")
    told = granted(asked, grant({"type": "transcription"}))
    assert isinstance(told, Hello)
    assert (told.model, told.transcription, told.speech) == (None, True, "ga")


def test_the_request_s_own_model_goes_first() -> None:
    told = granted(hello("model=mine", EK), grant({"type": "realtime", "model": "m"}))
    assert isinstance(told, Hello)
    assert told.model == "mine"


@pytest.mark.parametrize("session", [None, {"type": "realtime"}])
def test_a_model_that_nobody_names_is_missed(session: dict[str, Any] | None) -> None:
    refused = granted(hello("", EK), grant(session))
    assert isinstance(refused, Refused)
    assert refused.code == "missing_model"


@pytest.mark.parametrize(
    ("query", "path", "kind"),
    [
        ("model=m", "/v1/realtime", "transcription"),
        ("intent=transcription", "/v1/realtime", "realtime"),
        ("model=m", "/v1/realtime", "translation"),
        ("model=m", "/v1/realtime/translations", "realtime"),
    ],
)
def test_a_secret_opens_no_session_of_another_kind(query: str, path: str, kind: str) -> None:
    refused = granted(hello(query, EK, path=path), grant({"type": kind, "model": "m"}))
    assert isinstance(refused, Refused)
    assert kind in refused.message


def test_the_bearer_of_a_secret_is_not_shown_instructions_that_are_locked() -> None:
    locked = Policy(instructions="locked", instructions_text="Hum.")
    assert guest(secret=grant(locked=frozenset({"instructions"}))).hides_instructions
    assert guest(secret=grant(), policy=locked).hides_instructions
    assert not guest(secret=grant(locked=frozenset({"voice"}))).hides_instructions
    assert not guest(policy=locked).hides_instructions  # the tenant's own key
