"""What keys mean together: doubles, references to nothing, and what is hardly meant.

Rule: a check takes what the walk could read, so it says its own mistake even where others stand beside it.
"""

from collections.abc import Collection, Iterator
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from relay.core.keys import StoredKey
from relay.core.words import Secret
from relay.settings.lines import Path
from relay.settings.problems import Findings, did_you_mean
from relay.settings.sources import UNREAD
from relay.settings.tables import Values

STANDARD: Final = "standard"
"""The plan of a tenant that names none."""
_SHORT_SECRET: Final = 32
"""Characters: 128 bits as hexadecimal digits. What falls short of it can be guessed or is a placeholder."""
_SLOW_AUDIO: Final = 4
"""Times real time. Clients send recordings and backlogs faster than they are spoken; below this they notice."""
_RESERVED_TENANT: Final = "other"
"""The label that metrics give to tenants beyond the largest."""


def check(read: Values, findings: Findings) -> None:
    """Note every mistake and every doubt about the file as a whole."""
    _check_ports(read, findings)
    _check_upstreams(read, findings)
    _check_plans(read, findings)
    _check_tenants(read, findings)
    _check_tenant_keys(read, findings)
    _check_policies(read, findings)
    _check_aliases(read, findings)
    _check_sealing(read, findings)
    _check_short_secrets(read, findings)
    _check_unused(read, findings)


def _check_ports(read: Values, findings: Findings) -> None:
    listen, ops = read.get("listen", {}), read.get("ops", {})
    for present, absent in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
        if present in listen and absent not in listen and not findings.blamed(("listen", absent)):
            findings.error(("listen", present), f"stands without {absent}", hint="set both or neither")
    proxies: Path = ("listen", "trusted_proxies")
    if "per_address" in listen and not listen.get("trusted_proxies") and not findings.blamed(proxies):
        findings.error(
            ("listen", "per_address"),
            "needs listen.trusted_proxies",
            hint='name the proxies in front of the relay, or "127.0.0.1" if there are none',
        )
    public, private = listen.get("port", 8080), ops.get("port", 8081)
    if public == private != 0:
        findings.error(("ops", "port"), f"is {private}, the same as listen.port", hint="take another port")
    if "drain_spread_seconds" in listen and listen["drain_spread_seconds"] > listen.get("drain_seconds", 1800):
        findings.warning(("listen", "drain_spread_seconds"), "is longer than the drain itself")


def _all_upstreams(read: Values) -> Iterator[tuple[Path, Values]]:
    for index, upstream in enumerate(read.get("upstreams", ())):
        yield ("upstreams", index), upstream
    for place, tenant in enumerate(read.get("tenants", ())):
        for index, upstream in enumerate(tenant.get("upstreams", ())):
            yield ("tenants", place, "upstreams", index), upstream


def _check_upstreams(read: Values, findings: Findings) -> None:
    tenants = read.get("tenants", ())
    everyone_has_own = bool(tenants) and all(tenant.get("upstreams") for tenant in tenants)
    if not read.get("upstreams") and not everyone_has_own:
        findings.error(
            ("upstreams",), "there is no upstream", hint="add [[upstreams]] with name, region, url and keys"
        )
    seen: dict[str, Path] = {}
    for at, upstream in _all_upstreams(read):
        _check_double((*at, "name"), upstream.get("name"), seen, findings)
        url = upstream.get("url", "")
        if url.startswith("ws://") and not _is_loopback(urlsplit(url).hostname or ""):
            findings.warning(
                (*at, "url"),
                "ws:// to another machine: audio and keys cross the network in the clear",
                hint="use wss://",
            )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _check_double(at: Path, name: object, seen: dict[str, Path], findings: Findings) -> None:
    """Note *name* if it was given before; *seen* remembers where."""
    if not isinstance(name, str):
        return
    if name in seen:
        findings.error(at, f'"{name}" is taken', hint=f"the first is on line {findings.line(seen[name])}")
    else:
        seen[name] = at


def _check_plans(read: Values, findings: Findings) -> None:
    plans, tenants = read.get("plans", {}), read.get("tenants", ())
    used = {tenant.get("plan", STANDARD) for tenant in tenants}
    for name, plan in plans.items():
        _check_pace(plan, ("plans", name), findings)
        if tenants and name not in used:
            findings.warning(("plans", name), "no tenant has this plan")
    for index, tenant in enumerate(tenants):
        _check_pace(tenant.get("limits", {}), ("tenants", index, "limits"), findings)
        name = tenant.get("plan", STANDARD)
        known = {*plans, STANDARD}
        if name not in known:
            hint = did_you_mean(name, known) or f"the plans are {_listed(known)}"
            findings.error(("tenants", index, "plan"), f'there is no plan "{name}"', hint=hint)


def _check_pace(limits: Values, at: Path, findings: Findings) -> None:
    if limits.get("audio_seconds_per_second", _SLOW_AUDIO) < _SLOW_AUDIO:
        findings.warning(
            (*at, "audio_seconds_per_second"),
            f"is below {_SLOW_AUDIO}: clients that send recordings or a backlog will be slowed noticeably",
        )


def _check_tenants(read: Values, findings: Findings) -> None:
    tenants = read.get("tenants", ())
    if not tenants:
        findings.warning(("tenants",), "there is no tenant: nobody can connect")
    shared = {upstream.get("region") for upstream in read.get("upstreams", ())}
    seen: dict[str, Path] = {}
    for index, tenant in enumerate(tenants):
        at: Path = ("tenants", index)
        _check_double((*at, "id"), tenant.get("id"), seen, findings)
        if tenant.get("id") == _RESERVED_TENANT:
            findings.error(
                (*at, "id"), f'"{_RESERVED_TENANT}" is what metrics call the smaller tenants together'
            )
        own = {upstream.get("region") for upstream in tenant.get("upstreams", ())}
        _check_regions((*at, "regions"), tenant.get("regions"), own or shared, findings)


def _check_regions(
    at: Path, regions: Collection[Any] | None, served: Collection[Any], findings: Findings
) -> None:
    """Residency fails closed: tell the operator before the tenant does."""
    if regions is None or None in regions or None in served:
        return
    for region in sorted(set(regions) - set(served)):
        findings.warning(
            at,
            f'no upstream of this tenant is in "{region}"',
            hint=f"its upstreams are in {_listed(served)}",
        )


def _check_tenant_keys(read: Values, findings: Findings) -> None:
    peppers = read.get("keys", {}).get("peppers", {})
    seen: dict[str, Path] = {}
    for place, tenant in enumerate(read.get("tenants", ())):
        if not tenant.get("keys") and not findings.blamed(("tenants", place, "keys")):
            findings.warning(
                ("tenants", place), "has no key: it cannot connect", hint="`relay keys new` makes one"
            )
        for index, key in enumerate(tenant.get("keys", ())):
            at: Path = ("tenants", place, "keys", index)
            if not isinstance(key, StoredKey):
                continue
            _check_double(at, key.id, seen, findings)
            if str(key.pepper) not in peppers:
                hint = f"the peppers are {_listed(peppers)}" if peppers else "there is none in keys.peppers"
                findings.warning(
                    at, f"nobody can use this key: it was made with pepper {key.pepper}", hint=hint
                )


def _check_policies(read: Values, findings: Findings) -> None:
    for index, tenant in enumerate(read.get("tenants", ())):
        policy, at = tenant.get("policy", {}), ("tenants", index, "policy")
        instructions, text = policy.get("instructions"), "instructions_text"
        if findings.blamed((*at, text)) or findings.blamed((*at, "locked")):
            continue
        if instructions == "prefixed" and text not in policy:
            findings.error((*at, "instructions"), f"needs {text}", hint="say what is put before a client's")
        if instructions == "locked" and text not in policy:
            findings.warning(
                (*at, "instructions"),
                f"there is no {text}: sessions have the instructions that the upstream gives by default",
            )
        if instructions == "prefixed" and "instructions" in policy.get("locked", ()):
            findings.warning((*at, "locked"), "locks instructions, so nothing is put before a client's")


def _check_sealing(read: Values, findings: Findings) -> None:
    keys = read.get("keys", {})
    current, at = keys.get("sealing_key"), ("keys", "sealing_key")
    if keys.get("retired_sealing_keys") and current is None and not findings.blamed(at):
        findings.warning(
            ("keys", "retired_sealing_keys"),
            "there is no sealing_key: one is drawn at each start, and its client secrets end with the process",
        )
    for place, retired, first in _retired(keys):
        if retired == current:
            findings.warning(place, "is the sealing_key in use")
        elif first is not None:
            findings.warning(place, "is given twice", hint=f"the first is keys.retired_sealing_keys[{first}]")


def _retired(keys: Values) -> Iterator[tuple[Path, Secret, int | None]]:
    """Yield the retired sealing keys that are read: where, what, and the index of an equal one before."""
    seen: dict[Secret, int] = {}
    for index, retired in enumerate(keys.get("retired_sealing_keys", ())):
        if isinstance(retired, Secret) and retired.reveal() != UNREAD:
            yield ("keys", "retired_sealing_keys", index), retired, seen.get(retired)
            seen.setdefault(retired, index)


def _check_aliases(read: Values, findings: Findings) -> None:
    aliases = read.get("models", {}).get("aliases", {})
    for name, served in aliases.items():
        at: Path = ("models", "aliases", name)
        if name == served:
            findings.warning(at, "is an alias of itself")
        elif served in aliases:
            findings.warning(at, f'"{served}" is an alias too, and is not followed')


def _check_short_secrets(read: Values, findings: Findings) -> None:
    keys = read.get("keys", {})
    secrets: dict[Path, object] = {
        ("ops", "token"): read.get("ops", {}).get("token"),
        ("keys", "sealing_key"): keys.get("sealing_key"),
    }
    # One that is told of as a double is not told of again.
    secrets |= {
        at: retired
        for at, retired, first in _retired(keys)
        if first is None and retired != keys.get("sealing_key")
    }
    secrets |= {("keys", "peppers", version): pepper for version, pepper in keys.get("peppers", {}).items()}
    for at, secret in secrets.items():
        if not isinstance(secret, Secret) or secret.reveal() == UNREAD:
            continue
        if len(secret.reveal()) < _SHORT_SECRET:
            findings.warning(
                at,
                f"the secret is shorter than {_SHORT_SECRET} characters",
                hint="make one with: openssl rand -hex 32",
            )


def _check_unused(read: Values, findings: Findings) -> None:
    """Say of each key that is accepted for what comes later that it does nothing now."""
    for at, upstream in _all_upstreams(read):
        if upstream.get("warm"):
            findings.warning((*at, "warm"), "is read but not used: this version keeps no warm sockets")


def _listed(names: Collection[str]) -> str:
    return ", ".join(f'"{name}"' for name in sorted(names)) or "nowhere"
