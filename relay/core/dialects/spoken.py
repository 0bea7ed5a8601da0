"""Which dialects there are: a row each.

Rule: this is the only place that knows them all.
"""

from collections.abc import Mapping
from typing import Final

from relay.core.dialects.beta import Beta
from relay.core.dialects.dialect import GA, ClientDialect, ClientSpeech, UpstreamDialect, UpstreamSpeech
from relay.core.dialects.vllm import VLLM
from relay.core.dialects.xai import XAI

_UPSTREAMS: Final[Mapping[UpstreamSpeech, UpstreamDialect]] = {
    "openai": GA,
    "azure": GA,  # it differs in how key and model are carried, not in what is said
    "xai": XAI,
    "vllm": VLLM,
}


def by_upstream(speech: UpstreamSpeech) -> UpstreamDialect:
    """Return what an upstream with `dialect = speech` speaks."""
    return _UPSTREAMS[speech]


def by_client(speech: ClientSpeech, *, transcription: bool, temperature: float | None = None) -> ClientDialect:
    """Return what a client speaks; one for each session."""
    return Beta(transcription, temperature) if speech == "beta" else GA
