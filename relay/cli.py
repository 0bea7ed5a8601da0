"""The command line: `relay COMMAND`. Each command lives in `relay.commands`, imported when run."""

import importlib
from typing import Final

import click

from relay import __version__

COMMANDS: Final = {
    "serve": "Run the relay.",
    "demo": "A spoken conversation through the relay, against the simulator.",
    "simulate": "A stand-in Realtime API: for trying, testing, loading and breaking things.",
    "check": "Say everything that is wrong with a configuration file.",
    "keys": "Make, list and revoke tenants' keys.",
    "top": "What a running relay does, live in the terminal.",
    "usage": "What a tenant used, by day and model.",
    "talk": "Speak a WAV or a microphone through any Realtime URL.",
    "bench": "Measure the relay against a direct connection and its peers.",
}
"""Every command and its one line; `relay.commands.<name>.command` holds the rest."""


class LazyGroup(click.Group):
    """A group that imports a command when it is asked for, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """Import and return one command; None lets click say what it does not know."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"relay.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="relay")
def main() -> None:
    """A multi-tenant relay in front of the OpenAI Realtime API.

    New here? `relay demo` holds a spoken conversation through a relay on this machine.
    """
