"""`relay usage`: what a tenant used, by day and model, as the relay's ledger has it."""

import sys

import click

from relay.core.words import Secret
from relay.top.asking import DEFAULT_URL, AskingError, Source


@click.command(epilog="The same as JSON: --json, or GET /admin/usage.")
@click.option("--tenant", required=True, help="Whose usage.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The first day, in UTC, as YYYY-MM-DD. [default: thirty days ago]",
)
@click.option("--url", default=DEFAULT_URL, show_default=True, help="The relay's operator's port.")
@click.option(
    "--token",
    required=True,
    envvar="RELAY_ADMIN_TOKEN",
    help="[ops] token of the relay's configuration. [env: RELAY_ADMIN_TOKEN]",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(*, tenant: str, since: object, url: str, token: str, as_json: bool) -> None:
    """Show what a tenant used: responses, tokens, money."""
    import msgspec
    from rich.console import Console
    from rich.table import Table

    from relay.edge.admin_rows import UsageView

    first = {} if since is None else {"since": f"{since:%Y-%m-%d}"}
    try:
        view = Source(url, Secret(token)).get("usage", UsageView, tenant=tenant, **first)
    except AskingError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    if as_json:
        click.echo(msgspec.json.encode(view).decode())
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_footer=True)
    table.add_column("day", "in all")
    table.add_column("model")
    table.add_column("responses", justify="right")
    table.add_column("tokens", f"{view.tokens:,}", justify="right")
    table.add_column("$", f"{view.usd:.4f}", justify="right")
    for row in view.rows:
        table.add_row(row.day, row.model, f"{row.responses:,}", f"{row.tokens:,}", f"{row.usd:.4f}")
    console = Console(highlight=False)
    console.print(f"{view.tenant}, since {view.since}", markup=False)
    console.print(table)
    if view.cut:
        console.print("Older rows are left out; they are in the sums.")
