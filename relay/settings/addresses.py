"""The forms of hosts, URLs, origins, networks, keys and secrets.

Rule: a form that may be shown a secret by mistake never repeats what it was shown.
"""

import re
from ipaddress import ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from relay.core import origins, store_address
from relay.core.hello import MODEL_NAME
from relay.core.keys import PREFIX, parse_stored
from relay.core.origins import NoOrigin, is_host
from relay.core.words import Secret
from relay.settings.forms import Form, pattern, shown, text
from relay.settings.sources import REFERENCE, World, Wrong, is_reference, read_text, resolve

ID: Final = pattern("name", "1 to 64 of the characters A-Z a-z 0-9 . _ -", r"[A-Za-z0-9._-]{1,64}")
MODEL: Final = pattern("model name", "a model's name: 1 to 128 visible characters", MODEL_NAME)
WORD: Final = pattern("name", "1 to 128 visible characters", r"[!-~]{1,128}")
PEPPER_VERSION: Final = pattern(
    "version", "a pepper's version: a number from 1 to 999999999", r"[1-9][0-9]{0,8}"
)


def _read_host(raw: str, _world: World) -> object:
    return raw if is_host(raw) else Wrong(f"is {shown(raw)}")


HOST: Final = text("host", "an IP address or a host name", _read_host)


def _read_file(raw: str, world: World) -> object:
    content = read_text(raw, world)
    return content if isinstance(content, Wrong) else raw


FILE: Final = text("file", "the path of a readable file", _read_file)


def _read_network(raw: str, _world: World) -> object:
    try:
        return ip_network(raw)
    except ValueError:
        pass
    try:
        return Wrong(f"is {shown(raw)}", f'the network is "{ip_network(raw, strict=False)}"')
    except ValueError:
        return Wrong(f"is {shown(raw)}")


NETWORK: Final = text("network", 'an IP address or a network such as "10.0.0.0/8"', _read_network)


def _split(raw: str, schemes: tuple[str, ...]) -> SplitResult | Wrong:
    """Take a URL apart; say what is wrong without repeating it, since it may hold a password."""
    if re.search(r"[^!-~]", raw):
        return Wrong("holds white space or characters that a URL spells otherwise")
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError as error:
        return Wrong(f"is no URL: {str(error).split(':')[0].lower()}")
    if parts.scheme not in schemes:
        return Wrong(f"has the scheme {shown(parts.scheme)}" if parts.scheme else "has no scheme")
    if parts.scheme != "unix" and not is_host(parts.hostname or ""):
        return Wrong("has no host" if not parts.hostname else f"has the host {shown(parts.hostname)}")
    if port == 0:
        return Wrong("has the port 0")
    if parts.fragment:
        return Wrong("has a fragment", "end it before the #")
    return parts


def _read_upstream_url(raw: str, _world: World) -> object:
    parts = _split(raw, ("ws", "wss"))
    if isinstance(parts, Wrong):
        return parts
    if "@" in parts.netloc:
        return Wrong("holds a user or a password", "upstreams are opened by `keys`")
    return raw


UPSTREAM_URL: Final = text("URL", "a ws:// or wss:// URL with a host", _read_upstream_url)


def _read_connection_url(raw: str, schemes: tuple[str, ...], world: World) -> str | Wrong:
    resolved = resolve(raw, world) if is_reference(raw) else raw
    if isinstance(resolved, Wrong) or (is_reference(raw) and not world.looked_at):
        return resolved
    parts = _split(resolved, schemes)
    if isinstance(parts, Wrong):
        return parts
    if parts.password and not is_reference(raw):
        return Wrong("holds a password", "secrets are not kept in this file")
    return resolved


def _read_store_url(raw: str, world: World) -> object:
    resolved = resolve(raw, world) if is_reference(raw) else raw
    if isinstance(resolved, Wrong) or (is_reference(raw) and not world.looked_at):
        return resolved if isinstance(resolved, Wrong) else Secret(resolved)
    try:
        at = store_address.parse(Secret(resolved))
    except ValueError as error:
        return Wrong(f"is no store's URL: {error}")
    if (at.password or at.sentinel_password) and not is_reference(raw):
        return Wrong("holds a password", "secrets are not kept in this file")
    return Secret(resolved)


STORE_URL: Final = text(
    "URL or secret",
    f"a redis://, rediss://, unix://, redis+sentinel:// or redis+cluster:// URL, or {REFERENCE}",
    _read_store_url,
)


def _read_proxy_url(raw: str, world: World) -> object:
    url = _read_connection_url(raw, ("http", "https", "socks4", "socks5"), world)
    return url if isinstance(url, Wrong) else Secret(url)


PROXY_URL: Final = text(
    "URL or secret",
    f"an http://, https://, socks4:// or socks5:// URL with a host, or {REFERENCE}",
    _read_proxy_url,
)


def _read_origin(raw: str, _world: World) -> object:
    origin = origins.read(raw)
    return Wrong(f"is {shown(raw)}", origin.hint) if isinstance(origin, NoOrigin) else origin


ORIGIN: Final = text(
    "origin", 'an origin such as "https://app.example" or "http://localhost:3000"', _read_origin
)


def _read_secret(raw: str, world: World) -> object:
    found = resolve(raw, world)
    if isinstance(found, Wrong):
        return found
    if re.search(r"[^!-~]", found):
        return Wrong(f"what {raw} holds has white space or characters beyond ASCII inside", misformed=False)
    return Secret(found)


SECRET: Final = text("secret", REFERENCE, _read_secret)


def _read_stored_key(raw: str, _world: World) -> object:
    stored = parse_stored(raw)
    if stored is not None:
        return stored
    if raw.startswith(PREFIX) and ":" not in raw:
        return Wrong("is a key itself, or a part of one", "store its digest: `relay keys new` writes it")
    return Wrong("is no key's digest", "`relay keys new` makes a key and writes the line")


STORED_KEY: Final[Form] = text("digest", f'"{PREFIX}<id>:v<pepper>:<64 hex digits>"', _read_stored_key)
