"""Who is asking: from a key, wherever a request carries it, to the tenant whose it is.

Rule: nothing here tells by its answer or its time whether a key's id exists, and no key is ever repeated.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl

from relay.core import keys
from relay.core.client_secrets import Grant
from relay.core.hello import CLIENT_SECRET, key_of
from relay.core.keys import PresentedKey
from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Catalog, Tenant
from relay.core.words import Secret

_SINGLE: Final = frozenset({"authorization", "api-key", "x-api-key", "origin"})
_PARAMETER: Final = "api-key"


def who(
    headers: Iterable[tuple[str, str]], query: str, catalog: Catalog
) -> tuple[Tenant, PresentedKey] | Refused:
    """Return whose key a plain request carries. Header names come in lower case, values undecoded Latin-1.

    A client secret is not a key: it starts sessions, and does nothing else.
    """
    key = carried(headers, query)
    return key if isinstance(key, Refused) else holder(key, catalog)


def carried(headers: Iterable[tuple[str, str]], query: str) -> Secret | Refused | None:
    """Return the key, from the first carrier that holds one: headers before query. None: there is none."""
    named: dict[str, str] = {}
    for name, value in headers:
        if name in _SINGLE and name in named:
            return Refused(Refusal.BAD_REQUEST, f"The header {name} stands twice.")
        named[name] = value
    try:
        given = [value for name, value in parse_qsl(query, errors="strict") if name == _PARAMETER]
    except ValueError:
        return Refused(Refusal.BAD_REQUEST, "The query is not well formed.")
    if len(given) > 1:
        return Refused(Refusal.BAD_REQUEST, f"The query gives {_PARAMETER} more than once.", param=_PARAMETER)
    return key_of(named, [], {_PARAMETER: given[0]} if given else {})


def holder(key: Secret | None, catalog: Catalog) -> tuple[Tenant, PresentedKey] | Refused:
    """Return whose *key* is, or `INVALID_KEY`."""
    presented = None if key is None else keys.parse(key.reveal())
    tenant = None if presented is None else catalog.find(presented)
    if tenant is None or presented is None:
        return unknown(key)
    return tenant, presented


def minter(grant: Grant, catalog: Catalog) -> Tenant | Refused:
    """Return the tenant of a client secret, or `INVALID_KEY` where the key that minted it is gone."""
    held = catalog.keys.get(grant.key_id)
    if held is None or held[1] != grant.tenant:
        return Refused(Refusal.INVALID_KEY, "The key that minted this client secret was revoked.")
    return catalog.tenants[grant.tenant]


def unknown(key: Secret | None) -> Refused:
    """Say what is wrong with a key that is nobody's."""
    if key is None:
        message = "No API key was provided. Send it as Authorization: Bearer <key>."
    elif key.reveal().startswith(keys.PREFIX):
        message = "Incorrect API key provided: it is unknown or was revoked."
    elif key.reveal().startswith(CLIENT_SECRET):
        message = "A client secret starts sessions and does nothing else. Use a key of the tenant's here."
    else:
        message = f"Incorrect API key provided: this relay's keys begin with {keys.PREFIX}."
    return Refused(Refusal.INVALID_KEY, message)
