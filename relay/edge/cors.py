"""CORS: what a page of another origin may ask of the REST paths, and read of the answers.

A browser asks first (a preflight), without a key; so it is answered by whether any tenant knows the origin, and
the tenant's own list is held to when the request itself comes, with its key. So anybody can learn whether an
origin is some tenant's, and not whose. WebSockets need none of this.

Rule: an origin is allowed by name or not at all: never `*`, and never with cookies.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Catalog, Tenant

ALLOWED: Final = frozenset(
    {
        "authorization",
        "content-type",
        "api-key",
        "x-api-key",
        "openai-beta",
        "openai-organization",
        "openai-project",
        "x-openai-agents-sdk",
        "user-agent",
    }
)
"""Request headers that the SDKs send and a page may."""
ALLOWED_PREFIX: Final = "x-stainless-"
"""And what the SDKs tell of themselves."""
EXPOSED: Final = "Allow, Retry-After"
"""What refusals tell by header. `Content-Type` and `Cache-Control` any page may read (Fetch, 2.2.2)."""
MAX_AGE: Final = 600
"""Seconds that a browser may remember a preflight's answer: what Chromium caps it at is twelve times that."""
_ASKED_AT_MOST: Final = 64
"""Headers of a preflight that are looked at; an SDK asks for about a dozen."""


def known(origin: str, catalog: Catalog) -> bool:
    """Tell whether *origin* is any tenant's."""
    lower = origin.lower()
    return any(lower in tenant.origins for tenant in catalog.tenants.values())


def refusal(origin: str | None, tenant: Tenant) -> Refused | None:
    """Say why a request from *origin* may not use *tenant*'s key. One without an origin may."""
    if origin is None or origin.lower() in tenant.origins:
        return None
    return Refused(
        Refusal.NOT_ALLOWED, f"The origin {origin[:128]} is not allowed for this tenant.", param="origin"
    )


def preflight(headers: Mapping[str, str], methods: Iterable[str], catalog: Catalog) -> dict[str, str] | Refused:
    """Answer an OPTIONS request to a path that takes *methods*: the headers of a 204, or `NOT_ALLOWED`.

    Header names come in lower case. A request that is no preflight is told the methods.
    """
    allowed = ", ".join((*methods, "OPTIONS"))
    origin = headers.get("origin")
    if origin is None or "access-control-request-method" not in headers:
        return {"Allow": allowed, "Vary": "Origin"}
    if not known(origin, catalog):
        return Refused(
            Refusal.NOT_ALLOWED, f"The origin {origin[:128]} is not allowed for any tenant.", param="origin"
        )
    answer = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": allowed,
        "Access-Control-Max-Age": str(MAX_AGE),
        "Vary": "Origin",
    }
    asked = headers.get("access-control-request-headers", "").split(",", _ASKED_AT_MOST)[:_ASKED_AT_MOST]
    echoed = [name for name in (part.strip().lower() for part in asked) if _may_send(name)]
    if echoed:
        answer["Access-Control-Allow-Headers"] = ", ".join(echoed)
    return answer


def readable(origin: str | None, catalog: Catalog) -> dict[str, str]:
    """Return the headers that let a page of *origin* read an answer, a refusal too; `Vary` goes with any."""
    if origin is None or not known(origin, catalog):
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": EXPOSED,
        "Vary": "Origin",
    }


def _may_send(name: str) -> bool:
    return name in ALLOWED or (name.startswith(ALLOWED_PREFIX) and name.replace("-", "").isalnum())
