"""The environments that clients are installed in: `.clients/<name>/`, made once for as long as their pins hold.

Rule: nothing of this project is installed there, and nothing from there is seen by the project.
"""

import asyncio
import hashlib
import os
import shutil
import sys
from pathlib import Path

from tests.clients.rows import Environment

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "tests" / "clients"
PLACES = ROOT / ".clients"
STAMP = "installed.sha256"
INSTALL_SECONDS = 240.0
"""After which an installation is given up: the largest takes a quarter of a minute on two cores."""


class InstallError(Exception):
    """An environment could not be made; the text is the installer's own."""


def place(environment: Environment) -> Path:
    """Return the folder of *environment*."""
    return PLACES / environment.name


def filled(words: tuple[str, ...], environment: Environment, snippet: Path | None = None) -> list[str]:
    """Return a command as it is run, each `{name}` in its place."""
    values = {"place": place(environment), "clients": CLIENTS, "root": ROOT, "python": sys.executable}
    if snippet is not None:
        values["snippet"] = snippet
    return [word.format_map(values) for word in words]


def missing(environment: Environment) -> list[str]:
    """Return the programs that *environment* needs and this machine does not have."""
    return [program for program in environment.needs if shutil.which(program) is None]


def stamp(environment: Environment) -> str:
    """Return what tells one state of the pins, the installer's commands and the interpreter from another."""
    digest = hashlib.sha256(repr((environment.install, sys.version)).encode())
    for name in environment.stamps:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


async def install(environment: Environment) -> None:
    """Make *environment*, unless it stands already. Raises `InstallError`."""
    folder, wanted = place(environment), stamp(environment)
    stamped = folder / STAMP
    if stamped.exists() and stamped.read_text(encoding="utf-8") == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for words in environment.install:
        command = filled(words, environment)
        status, said = await _run(command, folder)
        if status != 0:
            raise InstallError(f"{' '.join(command)} ended with status {status}:\n{said}")
    stamped.write_text(wanted, encoding="utf-8")


async def _run(command: list[str], folder: Path) -> tuple[int | None, str]:
    # The project's own environment must not be taken for the one that is meant.
    variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=variables,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(INSTALL_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        return None, f"not done after {INSTALL_SECONDS:.0f} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, said.decode(errors="replace")
