"""What the relay sets of a session before the client gets a word in.

Rule: only what a policy or a client secret asks for is set; a secret may say what an event may, and no more.
"""

from collections.abc import Iterator

import msgspec

from relay.core.events import table
from relay.core.policy import check
from relay.core.refusals import Refusal, Refused
from relay.core.rules import LOCKABLE, Rules, says, shown
from relay.core.strict import Event
from relay.core.tenants import Policy


def preset(rules: Rules, session: Event | None, transcription: bool) -> Event | Refused | None:
    """Return the session of the `session.update` to send first; None where nothing asks for one.

    *session* is what a client secret holds, in GA terms; it is put to the policy as of now, which may be
    another than when it was minted, but not to the secret's own locks. What it does not say, the policy does.
    The result has a `type`, and no `model`: that was chosen when the session was opened.
    """
    kind = "transcription" if transcription else "realtime"
    # Which model it is was said by the address: that of the secret was one to go by, and no more.
    said = {key: value for key, value in (session or {}).items() if key != "model"}
    event: Event = {"type": "session.update", "session": said}
    meant = event["session"].get("type", kind)
    if meant != kind:
        message = f"The client secret is for a session of the type {shown(meant)}; this one is of {kind!r}."
        return Refused(Refusal.NOT_ALLOWED, message, param="session.type")
    verdict = check(event, msgspec.structs.replace(rules, locked=frozenset()))
    if isinstance(verdict, Refused):
        return verdict
    asked = table(event if verdict is None else verdict, "session")
    settings = {key: value for key, value in asked.items() if key != "type"}
    for setting, value in _presets(rules.policy, transcription):
        if not says(settings, setting):
            settings = _put(settings, LOCKABLE[setting][0], value)
    return {"type": kind, **settings} if settings else None


def _presets(policy: Policy, transcription: bool) -> Iterator[tuple[str, object]]:
    """Tell what *policy* sets: name of a setting, value."""
    if policy.turn_detection is not None:
        off = policy.turn_detection == "none"
        yield "turn_detection", None if off else {"type": policy.turn_detection}
    if transcription:
        return  # it answers nothing, so nothing else has a meaning in it
    if policy.instructions_text is not None:
        yield "instructions", policy.instructions_text
    if policy.voices is not None:
        yield "voice", policy.voices[0]
    if policy.output_modalities is not None and "audio" not in policy.output_modalities:
        yield "output_modalities", ["text"]
    if policy.max_output_tokens is not None:
        yield "max_output_tokens", policy.max_output_tokens


def _put(settings: Event, place: tuple[str, ...], value: object) -> Event:
    """Return *settings* with *value* at *place*."""
    key, *inner = place
    return {**settings, key: _put(table(settings, key), tuple(inner), value) if inner else value}
