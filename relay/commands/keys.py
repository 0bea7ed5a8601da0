"""`relay keys new | list | revoke`: tenants' keys, in the configuration file.

Rule: a key is shown once, by `new`, on standard output; nothing else here prints one, or a digest of one
that is in the file. The file is replaced whole or not at all.
"""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import click

from relay.core.keys import ENTROPY_BYTES, PREFIX, StoredKey, digest, mint, parse
from relay.settings import Problems, Settings, load
from relay.settings.editing import newest_pepper, with_key, without_key
from relay.settings.problems import did_you_mean
from relay.settings.sources import Wrong

_LEAST_PREFIX: Final = 4
"""Characters of an id that `revoke` asks for: a slip of the hand should not name a key."""
_RELOAD: Final = "A running relay takes the change on reload: send it SIGHUP."

_config = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default="relay.toml",
    show_default=True,
    help="The configuration file.",
)


@click.group()
def command() -> None:
    """Make, list and revoke tenants' keys.

    The configuration file holds digests only; a key itself is shown once, when it is made.
    """


@command.command()
@click.option("--tenant", required=True, help="The id of the tenant that the key is for.")
@_config
@click.option("--print-only", is_flag=True, help="Print the key, then the line for the file; write nothing.")
def new(*, tenant: str, config: Path, print_only: bool) -> None:
    """Make a key for a tenant and write its digest into the configuration file.

    The key is all that standard output gets, so that it can be piped into a vault. The pepper is read from
    where the file says; it has to be the very one that the relay runs with.
    """
    with _locked(config):
        text = _read(config)
        settings = _load(text, config)
        if tenant not in settings.catalog.tenants:
            raise click.ClickException(_unknown_tenant(tenant, settings))
        token, stored = _mint(text)
        if not print_only:
            _replace(config, with_key(text, tenant, stored.line()))
    click.echo(token)
    if print_only:
        click.echo(stored.line())
        click.echo(f"Nothing was written. Add the second line to the keys of {tenant} in {config}.", err=True)
    else:
        click.echo(f"The digest is now among the keys of {tenant} in {config}. {_RELOAD}", err=True)
    click.echo("Keep the key now: it is not stored, and is not shown again.", err=True)


@command.command("list")
@_config
@click.option("--tenant", help="Only this tenant's keys.")
def list_(*, config: Path, tenant: str | None) -> None:
    """List keys: id, tenant and pepper version, a line each."""
    settings = _load(_read(config), config)
    catalog = settings.catalog
    if tenant is not None and tenant not in catalog.tenants:
        raise click.ClickException(_unknown_tenant(tenant, settings))
    rows = [(key, owner) for key, owner in catalog.keys.values() if tenant in {None, owner}]
    width = max((len(owner) for _, owner in rows), default=0)
    for key, owner in rows:
        lost = "" if key.pepper in catalog.peppers else "  (its pepper is not in the file: nobody can use it)"
        click.echo(f"{PREFIX}{key.id}  {owner:<{width}}  v{key.pepper}{lost}")
    if not rows:
        click.echo("There is no key. Make one with: relay keys new --tenant ID", err=True)


@command.command()
@click.argument("key")
@_config
def revoke(*, key: str, config: Path) -> None:
    """Remove a key from the configuration file.

    KEY is an id as `relay keys list` prints it, the beginning of one, or the key itself. On reload the relay
    refuses the key and closes its live sessions.
    """
    with _locked(config):
        text = _read(config)
        settings = _load(text, config)
        stored = _find(key, settings)
        owner = settings.catalog.keys[stored.id][1]
        _replace(config, without_key(text, owner, stored.line()))
    click.echo(f"{PREFIX}{stored.id} of {owner} is revoked. {_RELOAD}", err=True)


def _mint(text: str) -> tuple[str, StoredKey]:
    pepper = newest_pepper(text, os.environ)
    if isinstance(pepper, Wrong):
        raise click.ClickException(f"{pepper.what}; {pepper.hint}")
    version, secret = pepper
    token, parts = mint(secrets.token_bytes(ENTROPY_BYTES))
    return token, StoredKey(parts.id, version, digest(secret, parts.secret))


def _find(named: str, settings: Settings) -> StoredKey:
    """Return the one key that *named* can only mean. It is not repeated: it may be a whole key."""
    presented = parse(named)
    wanted = presented.id if presented else named.removeprefix(PREFIX).partition(":")[0]
    if len(wanted) < _LEAST_PREFIX:
        raise click.ClickException(f"give at least {_LEAST_PREFIX} characters of the key's id")
    found = [key for key, _ in settings.catalog.keys.values() if key.id.startswith(wanted)]
    if not found:
        raise click.ClickException("there is no such key; `relay keys list` prints those there are")
    if len(found) > 1:
        ids = ", ".join(PREFIX + key.id for key in found)
        raise click.ClickException(f"this may mean {ids}; give more of the id")
    return found[0]


def _unknown_tenant(tenant: str, settings: Settings) -> str:
    known = sorted(settings.catalog.tenants)
    question = did_you_mean(tenant, known)
    there = "the tenants are " + ", ".join(known) if known else "the file has no [[tenants]]"
    return f'there is no tenant "{tenant}"; ' + (f"{question} ({there})" if question else there)


def _load(text: str, config: Path) -> Settings:
    """Read the file's form only: other secrets need not be at hand to handle keys."""
    outcome = load(text, str(config), environ={}, look_around=False)
    if isinstance(outcome, Problems):
        errors = "\n".join(problem.text() for problem in outcome.errors)
        raise click.ClickException(f"the file is not valid; nothing was done\n{errors}")
    return outcome


def _read(config: Path) -> str:
    try:
        with config.open(encoding="utf-8", newline="") as file:  # "\r\n" is to stay
            return file.read()
    except OSError as error:
        raise click.ClickException(f"{config} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise click.ClickException(f"{config} is not text in UTF-8") from error


@contextmanager
def _locked(config: Path) -> Iterator[None]:
    """Keep other `relay keys` from the file meanwhile. Its directory is locked: the file itself is replaced."""
    try:
        directory = os.open(config.resolve().parent, os.O_RDONLY)
    except OSError as error:
        raise click.ClickException(f"{config} cannot be locked: {error.strerror}") from error
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _replace(config: Path, edited: str | Wrong) -> None:
    """Put the new text in the file's place, with its mode and owner; a crash leaves the old or the new."""
    if isinstance(edited, Wrong):
        raise click.ClickException(f"{edited.what}; nothing was written: {edited.hint}")
    _load(edited, config)
    target = config.resolve()
    status = target.stat()
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                os.fchmod(handle, status.st_mode & 0o7777)
                with suppress(PermissionError):  # only root may give a file away
                    os.fchown(handle, status.st_uid, status.st_gid)
                file.write(edited)
                file.flush()
                os.fsync(handle)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise click.ClickException(f"{config} cannot be written: {error.strerror}; nothing was done") from error
