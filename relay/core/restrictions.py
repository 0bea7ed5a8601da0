"""What a policy says of one setting: the value passes, is made to fit, or is refused.

Rule: a number, a null, a trace, a prefix and a model's name are made to fit; whatever else is not allowed is
refused by name, and so is what is not understood where a restriction applies. Null asks for the API's default:
where that is not allowed, it is the tenant's own.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from relay.core.refusals import Refusal, Refused
from relay.core.rules import Rules, shown
from relay.core.strict import Event
from relay.core.tools import judge_choice, judge_tools

Judge: TypeAlias = Callable[[object, str, Rules], object]
"""Value, where it stands (a refusal's `param`), rules -> the same value, one in its place, or a Refused."""

SEPARATOR: Final = "\n\n"
"""Between a tenant's instructions and the client's."""


def _not_allowed(where: str, message: str) -> Refused:
    return Refused(Refusal.NOT_ALLOWED, message, param=where)


def _invalid(where: str, message: str) -> Refused:
    return Refused(Refusal.INVALID_EVENT, message, param=where)


def judge_model(value: object, where: str, rules: Rules) -> object:
    """Judge the model of the session, which is chosen when it is opened."""
    if value is None:
        return value
    if rules.served is None:  # a session that was opened without one: its only model transcribes
        return _transcribing(value, where, rules)
    if value == rules.served:
        return value
    if value == rules.asked:
        return rules.served
    return _not_allowed(where, f"This session's model is {rules.asked!r}; another needs a session of its own.")


def judge_kind(value: object, where: str, rules: Rules) -> object:
    """Judge the `type` of a session, settled when it is opened: one with a model holds a conversation."""
    if value is None or value == "realtime" or (value == "transcription" and rules.asked is None):
        return value
    return _not_allowed(where, f"A session cannot become one of the type {shown(value)}.")


def _instructions(value: object, where: str, rules: Rules) -> object:
    prefix = rules.policy.instructions_text
    if rules.policy.instructions != "prefixed" or prefix is None:
        return value
    if value is None or value == "":
        return prefix
    if not isinstance(value, str):
        return _invalid(where, "Instructions are a text.")
    if value == prefix or value.startswith(prefix + SEPARATOR):
        return value  # what the session was told to be, sent back
    return prefix + SEPARATOR + value


def _prompt(value: object, where: str, rules: Rules) -> object:
    if value is None:
        return value
    if not rules.policy.hosted_tools:
        return _not_allowed(where, "Stored prompts are not allowed for this tenant.")
    if rules.policy.instructions == "prefixed" or rules.locks("instructions"):
        return _not_allowed(where, "A stored prompt brings instructions; those of this session are set.")
    return value


def _voice(value: object, where: str, rules: Rules) -> object:
    allowed = rules.policy.voices
    if allowed is None:
        return value
    if value is None:
        return allowed[0]
    name = value["id"] if isinstance(value, dict) and value.keys() == {"id"} else value
    if isinstance(name, str) and name in allowed:
        return value
    return _not_allowed(where, f"The voice {shown(name)} is not allowed for this tenant.")


def _modalities(value: object, where: str, rules: Rules) -> object:
    allowed = rules.policy.output_modalities
    if allowed is None:
        return value
    if value is None or value == []:
        return ["audio" if "audio" in allowed else "text"]
    if isinstance(value, list) and all(isinstance(one, str) and one in allowed for one in value):
        return value
    return _not_allowed(where, f"Of output modalities, this tenant has {_listed(allowed)}; not {shown(value)}.")


def _tokens(value: object, where: str, rules: Rules) -> object:
    most = rules.policy.max_output_tokens
    if most is None:
        return value
    if value is None or value == "inf":
        return most
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _invalid(where, 'A number of tokens is an integer or "inf".')
    return min(value, most)


def _tracing(value: object, where: str, rules: Rules) -> object:
    del where
    return value if rules.policy.tracing == "pass" else None


def _transcription(value: object, where: str, rules: Rules) -> object:
    if value is None or (rules.policy.transcription_models is None and not isinstance(value, dict)):
        return value
    if not isinstance(value, dict):
        return _invalid(where, "The transcription is an object.")
    models = {key: model for key, model in value.items() if key.casefold() == "model"}
    if not models and rules.policy.transcription_models is not None:
        return _not_allowed(f"{where}.model", f"Name a model: {_listed(rules.policy.transcription_models)}.")
    kept: Event = {}
    for key, model in models.items():
        judged = _transcribing(model, f"{where}.{key}", rules)
        if isinstance(judged, Refused):
            return judged
        if judged is not model:
            kept[key] = judged
    return {**value, **kept} if kept else value


def _transcribing(model: object, where: str, rules: Rules) -> object:
    """Judge the name of a model that transcribes."""
    allowed = rules.policy.transcription_models
    if not isinstance(model, str):
        return model if allowed is None else _invalid(where, "A model's name is a text.")
    # A client may send back what it was shown, which is the name that the upstream has for it.
    if allowed is not None and model not in allowed and model not in map(rules.deployments.get, allowed):
        return _not_allowed(where, f"The transcription model {shown(model)} is not allowed for this tenant.")
    return rules.deployments.get(model, model)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


RESTRICTIONS: Final[Mapping[str, Judge]] = {
    "instructions": _instructions,
    "tools": judge_tools,
    "tool_choice": judge_choice,
    "prompt": _prompt,
    "voice": _voice,
    "transcription": _transcription,
    "output_modalities": _modalities,
    "max_output_tokens": _tokens,
    "tracing": _tracing,
}
"""Setting -> its judge. The others of `LOCKABLE` are locked or free."""
