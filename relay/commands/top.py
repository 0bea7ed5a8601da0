"""`relay top`: what a relay does, live in the terminal."""

import sys
from contextlib import suppress

import click

from relay.core.words import Seconds, Secret
from relay.top.asking import DEFAULT_URL, AskingError, Source
from relay.top.controls import Controls, View


@click.command(
    epilog="Keys: 1 to 4 and tab choose the table, o its order, q quits. With --once, one frame goes to "
    "standard output, its rates measured over one interval."
)
@click.argument("url", default=DEFAULT_URL)
@click.option(
    "--token",
    required=True,
    envvar="RELAY_ADMIN_TOKEN",
    help="[ops] token of the relay's configuration. [env: RELAY_ADMIN_TOKEN]",
)
@click.option(
    "--interval",
    type=click.FloatRange(0.5, 60),
    default=2.0,
    show_default=True,
    help="Seconds from one look to the next.",
)
@click.option("--once", is_flag=True, help="Print one frame and end: for pipes.")
@click.option(
    "--view",
    type=click.Choice([view.value for view in View]),
    default="sessions",
    show_default=True,
    help="The table to begin with.",
)
def command(*, url: str, token: str, interval: Seconds, once: bool, view: str) -> None:
    """Show what the relay at URL does: sessions, tenants, rates, refusals, upstreams.

    URL is that of the operator's port. Without one it is looked for on this machine.
    """
    from rich.console import Console

    from relay.top import watch

    controls = Controls(view=View(view))
    show = watch.once if once else watch.live
    try:
        with suppress(KeyboardInterrupt):  # as good a way to quit as q
            show(Source(url, Secret(token)), controls, interval, Console(highlight=False))
    except AskingError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
