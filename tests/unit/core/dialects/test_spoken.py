"""Every dialect that the configuration or a client may name is there."""

from typing import get_args

from relay.core.dialects.beta import Beta
from relay.core.dialects.dialect import GA, UpstreamSpeech
from relay.core.dialects.spoken import by_client, by_upstream


def test_every_upstream_dialect_has_its_row() -> None:
    for speech in get_args(UpstreamSpeech):
        dialect = by_upstream(speech)
        assert dialect.read({"type": "session.created"}) == {"type": "session.created"}
        assert dialect.hears_raw is (dialect is GA)


def test_openai_and_azure_speak_the_protocol_itself() -> None:
    assert by_upstream("openai") is by_upstream("azure") is GA


def test_a_client_of_today_is_translated_by_nobody() -> None:
    assert by_client("ga", transcription=False) is GA


def test_each_beta_session_has_a_memory_of_its_own() -> None:
    first, second = (by_client("beta", transcription=False) for _ in range(2))
    assert isinstance(first, Beta)
    assert first is not second
