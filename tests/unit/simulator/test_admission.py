from relay.simulator.admission import Admitted, Rejected, Secret, admit, bad_key, key_of
from relay.simulator.settings import INSTANT, SimulatorSettings

MODEL = INSTANT.models[0]
KEY = {"authorization": ["Bearer sk-1"]}


def ask(
    query: dict[str, list[str]],
    headers: dict[str, list[str]] = KEY,
    settings: SimulatorSettings = INSTANT,
    secrets: dict[str, Secret] | None = None,
    now: float = 0,
) -> Admitted | Rejected:
    return admit(query, headers, [], settings, secrets or {}, now)


def code(verdict: Admitted | Rejected) -> tuple[str, int]:
    assert isinstance(verdict, Rejected)
    return verdict.refusal.code, verdict.close_code


def test_a_model_makes_a_speech_session() -> None:
    admitted = ask({"model": [MODEL]})
    assert admitted == Admitted("realtime", MODEL, sideband=False, session={})


def test_an_intent_makes_a_transcription_session() -> None:
    admitted = ask({"intent": ["transcription"]})
    assert admitted == Admitted("transcription", "", sideband=False, session={})


def test_a_call_id_joins_a_call_with_or_without_a_model() -> None:
    admitted = ask({"call_id": ["rtc_1"]})
    assert isinstance(admitted, Admitted)
    assert admitted.sideband


def test_only_the_keys_that_were_chosen_open() -> None:
    settings = SimulatorSettings.instant(keys=frozenset({"sk-2"}))
    assert code(ask({"model": [MODEL]}, settings=settings)) == ("invalid_api_key", 3000)
    chosen = {"authorization": ["bearer sk-2"]}
    assert isinstance(ask({"model": [MODEL]}, chosen, settings), Admitted)


def test_a_secret_opens_until_it_expires_and_brings_its_session() -> None:
    carried = {"type": "realtime", "model": MODEL, "instructions": "x"}
    secrets = {"ek_1": Secret(100, carried)}
    headers = {"authorization": ["Bearer ek_1"]}
    admitted = ask({}, headers, secrets=secrets, now=99)
    session = {"type": "realtime", "instructions": "x"}
    assert admitted == Admitted("realtime", MODEL, sideband=False, session=session)
    assert code(ask({}, headers, secrets=secrets, now=100))[0] == "invalid_api_key"


def test_the_models_are_those_that_are_served() -> None:
    assert code(ask({"model": ["other"]})) == ("invalid_model", 4000)
    settings = SimulatorSettings.instant(models=("other",))
    assert isinstance(ask({"model": ["other"]}, settings=settings), Admitted)


def test_a_key_is_found_wherever_it_is_carried() -> None:
    assert key_of(KEY, []) == "sk-1"
    assert key_of({"api-key": ["sk-2"]}, []) == "sk-2"
    assert key_of({}, ["realtime", "openai-insecure-api-key.sk-3"]) == "sk-3"
    assert key_of({"authorization": ["Basic abc"]}, []) == ""


def test_a_refused_key_is_not_repeated_whole() -> None:
    key = "sk-proj-0123456789-invalid"
    assert key not in bad_key(key).message
    assert "sk-p" in bad_key(key).message
    assert "abc" not in bad_key("abc").message
    assert "didn't provide" in bad_key("").message
