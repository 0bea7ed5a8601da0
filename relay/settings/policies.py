"""The keys of a tenant's policy, a row each: what its events may hold.

Rule: as in `relay.settings.schema`, of which this is a part; `relay.core.policy` enforces what is set.
"""

from typing import Final

from relay.core.rules import LOCKABLE
from relay.core.tenants import Policy
from relay.settings.addresses import MODEL, WORD
from relay.settings.forms import FLAG, Listing, choice, text, whole
from relay.settings.sources import World, Wrong
from relay.settings.tables import Key, Table


def _read_text(raw: str, _world: World) -> object:
    return raw if raw.strip() else Wrong("is blank")


_TEXT: Final = text("text", "a text that is not blank", _read_text)

POLICY: Final = Table(
    about="What a tenant's events may hold. What is not allowed is refused by name; numbers, names of "
    "models and the like are made to fit. What is preset, the relay sends before the client gets a word in.",
    of=Policy,
    keys={
        "tools": Key(
            shape=Listing(of=WORD, into=frozenset), about="Function tools allowed, by name.", absent="any"
        ),
        "hosted_tools": Key(
            shape=FLAG,
            about="Whether tools that the upstream runs itself (`mcp`) and stored prompts are allowed.",
        ),
        "most_tools": Key(shape=whole(0), about="Tools in one event; each costs 20-60 ms of every turn."),
        "tools_bytes": Key(shape=whole(0), about="Tools in one event, in bytes of compact JSON."),
        "voices": Key(
            shape=Listing(of=WORD, least=1), about="Voices allowed; the first is preset.", absent="any"
        ),
        "output_modalities": Key(
            shape=Listing(of=choice("audio", "text"), into=frozenset, least=1),
            about="What answers may be made of; `text` is preset where `audio`, the default, is not allowed.",
            absent="both",
        ),
        "instructions": Key(
            shape=choice("free", "locked", "prefixed"),
            about="Locked: no event of a client's may hold instructions or system messages. Prefixed: "
            "`instructions_text` is put before whatever instructions a client sets.",
        ),
        "instructions_text": Key(
            shape=_TEXT,
            about="Preset. Free: a default that a client may override; locked: what holds; prefixed: what "
            "comes first.",
            absent="none",
        ),
        "turn_detection": Key(
            shape=choice("server_vad", "semantic_vad", "none"), about="Preset.", absent="the upstream's"
        ),
        "transcription_models": Key(
            shape=Listing(of=MODEL, into=frozenset, least=1),
            about="Models allowed for the transcription of input audio, by name.",
            absent="any",
        ),
        "max_output_tokens": Key(
            shape=whole(1),
            about="The most output tokens of one response: preset, and put where a client asks for more.",
            absent="any number",
        ),
        "tracing": Key(
            shape=choice("off", "pass"),
            about="Off: where a client asks the provider for traces, `null` is put in its place.",
        ),
        "locked": Key(
            shape=Listing(of=choice(*sorted(LOCKABLE)), into=frozenset),
            about="Settings that no event of a client's may hold.",
        ),
        "unknown_events": Key(
            shape=choice("pass", "refuse"), about="What becomes of event types that the relay does not know."
        ),
    },
)
