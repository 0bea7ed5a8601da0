"""Text in, `Settings` out, or everything that is wrong with it.

Rule: this never raises for what a file holds. What an operator wrote is either used whole or refused whole.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Any, Final

from msgspec.structs import replace

from relay.core.tenants import Catalog, Plan, Policy, Tenant, Upstream
from relay.core.words import TenantId
from relay.settings.checks import STANDARD, check
from relay.settings.lines import Path, lines_of
from relay.settings.model import Listen, Ops, Settings, Store
from relay.settings.problems import Findings, Problem, Problems, Severity
from relay.settings.schema import FILE_TABLE, LIMITS
from relay.settings.sources import World
from relay.settings.tables import Table, Tables, Values, Walk

_PLACE: Final = re.compile(
    r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)"
)


def read_file(path: str) -> str:
    """Return the text of a file; what `file:` references are read by."""
    return FilePath(path).read_text(encoding="utf-8")


def load_file(path: str, environ: Mapping[str, str] | None = None) -> Settings | Problems:
    """Read the configuration at *path* with the secrets of *environ*, or of this process's environment."""
    try:
        text = read_file(path)
    except OSError as error:
        return _refuse(path, 0, f"cannot be read: {error.strerror or error}")
    except ValueError:
        return _refuse(path, 0, "is not text in UTF-8")
    return load(text, path, environ=os.environ if environ is None else environ)


def load(
    text: str,
    name: str = "relay.toml",
    *,
    environ: Mapping[str, str],
    read: Callable[[str], str] = read_file,
    look_around: bool = True,
) -> Settings | Problems:
    """Read a configuration.

    *name* is what problems call the file. *read* returns the text of another file, or raises OSError.
    Without *look_around*, secrets and other files are not resolved, only the form of their references is
    checked: enough to edit a file with, not to run on.
    """
    parsed = _parse(text, name)
    if isinstance(parsed, Problems):
        return parsed
    document, lines = parsed
    findings = Findings(name, lines)
    walk = Walk(findings, World(environ, read, look_around), _homes())
    values = walk.table(document, FILE_TABLE, ())
    check(values, findings)
    problems = findings.problems()
    return problems if problems.errors else _build(values, name, problems.warnings)


def _refuse(name: str, line: int, wrong: str, hint: str = "") -> Problems:
    problem = Problem(severity=Severity.ERROR, file=name, line=line, key="", wrong=wrong, hint=hint)
    return Problems((problem,))


def _parse(text: str, name: str) -> tuple[Mapping[str, object], Mapping[Path, int]] | Problems:
    try:
        return tomllib.loads(text), lines_of(text)
    except RecursionError:
        return _refuse(name, 0, "arrays or tables are nested too deeply")
    except ValueError as error:  # TOMLDecodeError, and Python's own on an integer of thousands of digits
        place = _PLACE.fullmatch(str(error))
        if place is None:
            return _refuse(name, 0, "a number has thousands of digits")
        line = int(place["line"]) if place["line"] else text.count("\n") + 1
        column = f" at column {place['column']}" if place["column"] else " at the end"
        return _refuse(name, line, f"is not TOML: {place['what'][:1].lower()}{place['what'][1:]}{column}")


def _homes() -> Mapping[str, str]:
    """Return key -> its table, for keys that only one table has; those of a plan may stand in two."""
    homes: dict[str, list[str]] = {}
    for section, key in FILE_TABLE.keys.items():
        match key.shape:
            case Table() as table:
                place = f"[{section}]"
            case Tables(of=table):
                place = f"[[{section}]]"
            case _:
                continue
        for name in table.keys:
            homes.setdefault(name, []).append(place)
    single = {name: places[0] for name, places in homes.items() if len(places) == 1}
    return single | dict.fromkeys(LIMITS, "[plans.NAME] or [tenants.limits]")


def _build(values: Values, name: str, warnings: tuple[Problem, ...]) -> Settings:
    """Make the frozen values; the checks have left nothing that could fail."""
    keys = values.get("keys", {})
    plans = {plan: Plan(name=plan, **limits) for plan, limits in values.get("plans", {}).items()}
    plans.setdefault(STANDARD, Plan(name=STANDARD))
    return Settings(
        name=name,
        listen=Listen(**values.get("listen", {})),
        ops=Ops(**values.get("ops", {})),
        store=Store(**values.get("store", {})),
        sealing_key=keys.get("sealing_key"),
        retired_sealing_keys=keys.get("retired_sealing_keys", ()),
        plans=plans,
        catalog=Catalog.of(
            tenants=tuple(_tenant(tenant, plans) for tenant in values.get("tenants", ())),
            upstreams=_upstreams(values),
            aliases=values.get("models", {}).get("aliases", {}),
            peppers={int(version): pepper for version, pepper in keys.get("peppers", {}).items()},
        ),
        warnings=warnings,
    )


def _upstreams(values: Values) -> tuple[Upstream, ...]:
    return tuple(Upstream(**upstream) for upstream in values.get("upstreams", ()))


def _tenant(values: Values, plans: Mapping[str, Plan]) -> Tenant:
    plan = plans[values.get("plan", STANDARD)]
    plain: dict[str, Any] = {
        key: value
        for key, value in values.items()
        if key not in {"id", "plan", "limits", "policy", "upstreams"}
    }
    return Tenant(
        id=TenantId(values["id"]),
        plan=replace(plan, **values.get("limits", {})),
        policy=Policy(**values.get("policy", {})),
        upstreams=_upstreams(values),
        **plain,
    )
