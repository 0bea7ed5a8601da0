"""No upgrade request makes the relay stumble, and a key that came in does not go on."""

from urllib.parse import parse_qsl, urlencode

from hypothesis import given
from hypothesis import strategies as st

from relay.core.hello import KEY_PROTOCOL, PATHS, Hello, read
from relay.core.refusals import Refused

KEY = "rlk_live_ThisIsTheKey"

latin = st.text(st.characters(max_codepoint=255), max_size=20)
names = st.sampled_from(
    [
        *("model", "Model", "deployment", "intent", "call_id", "api-key", "API-KEY", "api-version"),
        *("relay_region", "relay_session", "relay_latency", "relay_dialect", "x", "feature flag", "%"),
    ]
)
words = latin | st.sampled_from(
    ["", "m", "gpt-x", "transcription", "low", "eu", "a b", "é", "%41", "&", "=", "\r\nx: y", "\0"]
)
queries = st.lists(st.tuples(names, words), max_size=5).map(urlencode) | latin | st.text(max_size=30)
header_names = st.sampled_from(
    [
        *("authorization", "api-key", "x-api-key", "origin", "sec-websocket-protocol", "cookie", "host"),
        *("openai-safety-identifier", "x-relay-region", "x-relay-latency", "x-relay-session"),
        *("x-relay-dialect", "openai-beta"),
    ]
)
header_values = words | st.sampled_from(
    [
        "Bearer k",
        "Bearer ek_k",
        "realtime=v1",
        "beta",
        "realtime",
        "realtime, openai-insecure-api-key.k",
        ",,,",
        "s-1",
    ]
)
headers = st.lists(st.tuples(header_names, header_values), max_size=6)
carriers = st.sampled_from(["bearer", "api-key", "x-api-key", "protocol", "query"])


@given(st.sampled_from(PATHS), queries, headers)
def test_any_request_is_understood_or_refused(path: str, query: str, headers: list[tuple[str, str]]) -> None:
    answer = read(path, query, headers)
    assert isinstance(answer, Hello | Refused)
    assert answer.message.endswith(".") if isinstance(answer, Refused) else answer.upstream_query("m")
    if isinstance(answer, Refused):
        assert answer.body()


@given(st.sampled_from(PATHS), queries, headers)
def test_whatever_goes_upstream_is_plain_ascii_on_one_line(
    path: str, query: str, headers: list[tuple[str, str]]
) -> None:
    answer = read(path, query, headers)
    if isinstance(answer, Hello):
        identifier = answer.safety_identifier or ""
        assert identifier.isascii()
        assert "\n" not in identifier
        dialed = answer.upstream_query("gpt-x")
        assert dialed.isascii()
        assert dialed.isprintable()
        assert " " not in dialed
        parameters = parse_qsl(dialed, keep_blank_values=True)
        assert parameters.count(("model", "gpt-x")) == 1
        assert [name.lower() for name, _ in parameters].count("model") == 1
        assert not {name.lower() for name, _ in parameters} & {
            "api-key",
            "relay_region",
            "relay_session",
            "relay_dialect",
            "deployment",
        }


@given(st.sets(carriers, min_size=1), st.lists(st.tuples(names, words), max_size=3), headers)
def test_the_key_goes_no_further(
    by: set[str], more: list[tuple[str, str]], others: list[tuple[str, str]]
) -> None:
    carried = {
        "bearer": ("authorization", f"Bearer {KEY}"),
        "api-key": ("api-key", KEY),
        "x-api-key": ("x-api-key", KEY),
        "protocol": ("sec-websocket-protocol", f"realtime, {KEY_PROTOCOL}{KEY}"),
    }
    taken = {name for name, _ in carried.values()}
    query = urlencode([("model", "m"), *more, *([("api-key", KEY)] if "query" in by else [])])
    sent = [carried[one] for one in sorted(by - {"query"})]
    answer = read("/v1/realtime", query, [*sent, *(other for other in others if other[0] not in taken)])
    if isinstance(answer, Refused):
        assert KEY not in answer.body().decode()
        return
    assert KEY not in answer.upstream_query("m")
    assert KEY not in repr(answer)
    assert answer.echo in {None, "realtime"}
    assert answer.key is not None
    if not {name for name, _ in more} & {"api-key"}:
        assert answer.key.reveal() == KEY
