"""An upgrade request is understood in one way, or refused; and the key goes no further."""

import pytest

from relay.core.hello import (
    MAX_PROTOCOLS,
    MAX_PROTOCOLS_BYTES,
    MAX_SAFETY_IDENTIFIER,
    PATHS,
    Hello,
    in_band,
    read,
)
from relay.core.refusals import Refusal, Refused

KEY = "rlk_live_secret"


def hello(query: str = "model=m", *headers: tuple[str, str], path: str = "/v1/realtime") -> Hello:
    answer = read(path, query, headers)
    assert isinstance(answer, Hello)
    return answer


def refused(query: str, *headers: tuple[str, str]) -> Refused:
    answer = read("/v1/realtime", query, headers)
    assert isinstance(answer, Refused)
    assert answer.refusal is Refusal.BAD_REQUEST
    return answer


def revealed(answer: Hello) -> str | None:
    return answer.key.reveal() if answer.key is not None else None


def test_a_plain_request_asks_for_a_model_and_nothing_else() -> None:
    plain = hello()
    assert (plain.model, plain.transcription, plain.call_id) == ("m", False, None)
    assert (plain.key, plain.origin, plain.echo, plain.region, plain.name) == (None,) * 5
    assert (plain.latency, plain.query, plain.speech) == ("balanced", (), "ga")
    assert (plain.translation, plain.safety_identifier, plain.by_client_secret) == (False, None, False)


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("model=m", [("authorization", f"Bearer {KEY}")]),
        ("model=m", [("authorization", f"BEARER   {KEY} ")]),
        ("model=m", [("api-key", f" {KEY}")]),
        ("model=m", [("x-api-key", KEY)]),
        ("model=m", [("sec-websocket-protocol", f"realtime, openai-insecure-api-key.{KEY}")]),
        (f"model=m&api-key={KEY}", []),
    ],
)
def test_a_key_is_found_in_every_carrier(query: str, headers: list[tuple[str, str]]) -> None:
    assert revealed(hello(query, *headers)) == KEY


def test_headers_go_before_the_subprotocol_and_that_before_the_query() -> None:
    protocol = ("sec-websocket-protocol", "openai-insecure-api-key.protocol")
    assert revealed(hello("model=m&api-key=query", protocol)) == "protocol"
    assert revealed(hello("model=m&api-key=query", protocol, ("x-api-key", "header"))) == "header"
    assert revealed(hello("model=m", ("x-api-key", "x"), ("api-key", "api"))) == "api"
    assert revealed(hello("model=m", ("api-key", "api"), ("authorization", "Bearer b"))) == "b"


@pytest.mark.parametrize("value", ["Basic abc", "Bearer", "Bearer a b", ""])
def test_an_authorization_of_another_scheme_is_no_key(value: str) -> None:
    assert hello("model=m&api-key=", ("authorization", value), ("api-key", "")).key is None


def test_the_echo_is_realtime_if_it_was_offered_and_never_the_key() -> None:
    assert (
        hello("model=m", ("sec-websocket-protocol", f"openai-insecure-api-key.{KEY}, realtime")).echo
        == "realtime"
    )
    assert hello("model=m", ("sec-websocket-protocol", f"openai-insecure-api-key.{KEY}")).echo is None


def test_subprotocols_may_be_split_over_several_headers() -> None:
    split = hello(
        "model=m",
        ("sec-websocket-protocol", "realtime"),
        ("sec-websocket-protocol", f"openai-insecure-api-key.{KEY}"),
    )
    assert (split.echo, revealed(split)) == ("realtime", KEY)


@pytest.mark.parametrize("value", [",".join("p" * (MAX_PROTOCOLS + 1)), "p" * (MAX_PROTOCOLS_BYTES + 1)])
def test_more_subprotocols_than_any_client_offers_are_refused(value: str) -> None:
    assert "subprotocols" in refused("model=m", ("sec-websocket-protocol", value)).message


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("model=gpt-realtime-2.1", ("gpt-realtime-2.1", False, None)),
        ("deployment=mine", ("mine", False, None)),
        ("intent=transcription", (None, True, None)),
        ("call_id=rtc_1", (None, False, "rtc_1")),
        ("model=ft%3Am%2F1", ("ft:m/1", False, None)),
    ],
)
def test_what_is_asked_for(query: str, asked: tuple[str | None, bool, str | None]) -> None:
    answer = hello(query)
    assert (answer.model, answer.transcription, answer.call_id) == asked


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("", "model", "missing_model"),
        ("model=", "model", "missing_model"),
        ("model=a%20b", "model", "invalid_model"),
        ("model=" + "m" * 129, "model", "invalid_model"),
        ("model=m&intent=transcription", "model", "invalid_model"),
        ("intent=chat", "intent", None),
        ("call_id=a/b", "call_id", None),
        ("model=m&relay_latency=now", "relay_latency", None),
        ("model=m&relay_session=a+b", "relay_session", None),
        ("model=m&relay_session=" + "s" * 65, "relay_session", None),
        ("model=m&relay_region=a%0Ab", "relay_region", None),
    ],
)
def test_what_is_wrong_is_named(query: str, param: str, code: str | None) -> None:
    answer = refused(query)
    assert (answer.param, answer.code) == (param, code)


@pytest.mark.parametrize(
    "query",
    [
        "model=m&model=m",
        "model=m&Model=n",
        "model=m&api-key=a&api-key=b",
        "model=m&relay_region=a&RELAY_REGION=b",
    ],
)
def test_a_parameter_given_twice_is_refused(query: str) -> None:
    assert "more than once" in refused(query).message


@pytest.mark.parametrize("query", ["Model=m", "model=m&API-KEY=k", "model=m&Deployment=x"])
def test_a_parameter_of_ours_in_capitals_is_refused_before_it_slips_upstream(query: str) -> None:
    assert "lower case" in refused(query).message


@pytest.mark.parametrize("query", ["model=m&x=%ff", "model=m&x=%", "model=m&x=%4", "model=m&%zz=1"])
def test_a_bad_escape_is_refused(query: str) -> None:
    assert "well formed" in refused(query).message


@pytest.mark.parametrize(
    "name", ["authorization", "api-key", "origin", "x-relay-session", "openai-safety-identifier"]
)
def test_a_header_given_twice_is_refused(name: str) -> None:
    assert name in refused("model=m", (name, "a"), (name, "b")).message


def test_other_headers_may_come_as_often_as_they_like() -> None:
    assert hello("model=m", ("x-forwarded-for", "1"), ("x-forwarded-for", "2")) == hello()


def test_hints_are_read_from_the_query_and_headers_go_before_it() -> None:
    query = "model=m&relay_region=us&relay_latency=low&relay_session=s-1"
    told = hello(query)
    assert (told.region, told.latency, told.name) == ("us", "low", "s-1")
    headers = [("x-relay-region", "eu"), ("x-relay-latency", "high"), ("x-relay-session", "s-2")]
    told = hello(query, *headers)
    assert (told.region, told.latency, told.name) == ("eu", "high", "s-2")


def test_a_dialect_that_is_none_is_refused() -> None:
    assert refused("model=m&relay_dialect=alpha").param == "relay_dialect"


def test_a_browser_is_refused_in_band_and_so_is_whoever_cannot_set_headers() -> None:
    assert in_band([("origin", "https://a.example")], "model=m")
    assert in_band([], "model=m&api-key=k")
    assert in_band([("sec-websocket-protocol", "openai-insecure-api-key.k")], "")
    assert not in_band([("authorization", "Bearer k")], "model=m")


def test_the_origin_is_kept_for_whoever_decides() -> None:
    assert hello("model=m", ("origin", "https://a.example")).origin == "https://a.example"


def test_the_safety_identifier_is_kept_for_whoever_decides_if_it_is_sane() -> None:
    assert hello("model=m", ("openai-safety-identifier", "u1"), ("cookie", "c")).safety_identifier == "u1"
    for odd in ("u" * (MAX_SAFETY_IDENTIFIER + 1), "a\x7f", "\xe9"):
        assert hello("model=m", ("openai-safety-identifier", odd)).safety_identifier is None


@pytest.mark.parametrize(
    "headers",
    [
        [("openai-beta", "realtime=v1")],
        [("openai-beta", "assistants=v2, realtime=v1")],
        [("openai-beta", "assistants=v2"), ("openai-beta", "realtime=v1")],
        [("sec-websocket-protocol", f"realtime, openai-insecure-api-key.{KEY}, openai-beta.realtime-v1")],
        [("x-relay-dialect", "beta")],
    ],
)
def test_a_beta_client_is_known_by_the_value_of_its_header_or_by_subprotocol_or_says_so(
    headers: list[tuple[str, str]],
) -> None:
    assert hello("model=m", *headers).speech == "beta"
    assert hello("model=m&relay_dialect=ga", *headers[:0]).speech == "ga"


def test_the_beta_header_of_another_api_is_none_of_ours() -> None:
    assert hello("model=m", ("openai-beta", "assistants=v2")).speech == "ga"


@pytest.mark.parametrize(
    ("path", "version", "speech"),
    [
        ("/openai/realtime", "2025-04-01-preview", "beta"),
        ("/openai/realtime", "2025-08-28", "ga"),
        ("/openai/v1/realtime", "2025-04-01-preview", "ga"),
    ],
)
def test_azure_s_preview_path_speaks_beta(path: str, version: str, speech: str) -> None:
    query = f"api-version={version}&deployment=m"
    assert hello(query, path=path).speech == speech
    assert hello(query + "&relay_dialect=ga", path=path).speech == "ga"


def test_translations_have_a_path_of_their_own() -> None:
    assert [hello(path=path).translation for path in PATHS] == [False] * 4 + [True] * 4


def test_who_comes_with_a_client_secret_may_leave_the_model_to_it() -> None:
    told = hello("", ("authorization", "Bearer ek_1"))
    assert (told.model, told.by_client_secret) == (None, True)
    assert refused("", ("authorization", "Bearer rlk_1")).code == "missing_model"


def test_unknown_parameters_go_upstream_and_ours_do_not() -> None:
    told = hello("deployment=m&api-version=1&api-key=k&relay_region=eu&x=a%26b&x=2&flag")
    assert told.query == (("x", "a&b"), ("x", "2"), ("flag", ""))
    assert told.upstream_query("served name") == "model=served%20name&x=a%26b&x=2&flag="


@pytest.mark.parametrize(
    ("query", "served", "dialed"),
    [
        ("intent=transcription", None, "intent=transcription"),
        ("call_id=rtc_1", None, "call_id=rtc_1"),
        ("model=m", "up", "model=up"),
    ],
)
def test_the_upstream_is_asked_for_what_the_client_asked_for(
    query: str, served: str | None, dialed: str
) -> None:
    assert hello(query).upstream_query(served) == dialed
