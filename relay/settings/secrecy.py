"""Every secret of a configuration, for whoever keeps them out of logs.

Rule: a secret that is read anywhere in the file is named here.
"""

from urllib.parse import urlsplit

from relay.core import store_address
from relay.core.redaction import Redactor
from relay.core.words import Secret
from relay.settings.model import Settings


def redactor_of(settings: Settings) -> Redactor:
    """Return a redactor that knows every secret of *settings*."""
    catalog = settings.catalog
    upstreams = catalog.every_upstream()
    secrets: list[Secret | None] = [
        settings.ops.token,
        settings.store.url,
        settings.sealing_key,
        *settings.retired_sealing_keys,
        *catalog.peppers.values(),
        *(key for upstream in upstreams for key in (*upstream.keys, upstream.proxy)),
    ]
    if settings.store.url is not None:
        at = store_address.parse(settings.store.url)
        secrets += [at.password, at.sentinel_password, _password(settings.store.url)]
    secrets += [_password(upstream.proxy) for upstream in upstreams if upstream.proxy is not None]
    return Redactor(secret for secret in secrets if secret is not None)


def _password(url: Secret) -> Secret | None:
    """Return the password as the URL spells it."""
    try:
        password = urlsplit(url.reveal()).password
    except ValueError:  # several hosts with ports are no URL to it
        return None
    return Secret(password) if password else None
