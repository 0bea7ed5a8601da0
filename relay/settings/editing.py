"""Changes to the text of a configuration that keep its comments and layout: a tenant's keys come and go.

Rule: text in, text out. What comes out is read back, and says what the old text said but for the one key;
otherwise the change is refused and the operator told what to write by hand.
"""

import tomllib
from collections.abc import Callable, Mapping
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from relay.core.words import Secret
from relay.settings.addresses import SECRET
from relay.settings.loading import read_file
from relay.settings.sources import World, Wrong

_BY_HAND: Final = "the file's layout could not be kept"


def newest_pepper(
    text: str, environ: Mapping[str, str], read: Callable[[str], str] = read_file
) -> tuple[int, Secret] | Wrong:
    """Return the version and the secret that new keys are made with. *text* is a configuration that loads."""
    peppers: dict[str, str] = tomllib.loads(text).get("keys", {}).get("peppers", {})
    if not peppers:
        return Wrong(
            "there is no pepper to make a key with",
            'write [keys] peppers = { 1 = "env:RELAY_KEY_PEPPER" }, and set that variable to the output of '
            "openssl rand -hex 32",
        )
    version = max(map(int, peppers))
    reference = peppers[str(version)]
    secret = SECRET.read(reference, World(environ, read))
    if isinstance(secret, Secret):
        return version, secret
    assert isinstance(secret, Wrong)
    kind, _, place = reference.partition(":")
    made = f"export {place}=$(openssl rand -hex 32)" if kind == "env" else f"openssl rand -hex 32 > {place}"
    return Wrong(
        secret.what, f"digests are made with the relay's own pepper; the first time, make one with: {made}"
    )


def with_key(text: str, tenant: str, line: str) -> str | Wrong:
    """Return *text* with the digest *line* added to the keys of *tenant*, which it holds."""

    def add(document: Mapping[str, Any]) -> None:
        entry = _entry(document, tenant)
        if "keys" in entry:
            entry["keys"].append(line)
            return
        keys = tomlkit.array()
        keys.append(line)
        if isinstance(entry, Table):
            # The public way appends, which is under the comments that lead up to the next table.
            entry.value._insert_after("id", "keys", keys.multiline(True))  # noqa: FBT003, SLF001 - see above
        else:
            entry["keys"] = keys

    def expect(document: dict[str, Any]) -> None:
        _entry(document, tenant).setdefault("keys", []).append(line)

    return _edited(text, add, expect, f"add to the keys of {tenant}: {line}")


def without_key(text: str, tenant: str, line: str) -> str | Wrong:
    """Return *text* without the digest *line* among the keys of *tenant*, which it holds."""

    def remove(document: Mapping[str, Any]) -> None:
        keys = _entry(document, tenant)["keys"]
        del keys[list(keys).index(line)]

    return _edited(text, remove, remove, f"remove from the keys of {tenant}: {line}")


def _entry(document: Mapping[str, Any], tenant: str) -> Any:  # noqa: ANN401 - a table of either TOML library
    return next(entry for entry in document["tenants"] if entry["id"] == tenant)


def _edited(
    text: str,
    change: Callable[[Mapping[str, Any]], None],
    expect: Callable[[dict[str, Any]], None],
    by_hand: str,
) -> str | Wrong:
    """Change the text and, apart from it, the plain data; the two have to agree."""
    expected = tomllib.loads(text)
    expect(expected)
    try:
        document = tomlkit.parse(text)
        change(document)
        edited = tomlkit.dumps(document)
    except TOMLKitError:
        return Wrong(_BY_HAND, by_hand)
    try:
        agrees = tomllib.loads(edited) == expected
    except tomllib.TOMLDecodeError:
        agrees = False
    return edited if agrees else Wrong(_BY_HAND, by_hand)
