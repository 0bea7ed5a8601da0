"""`relay check FILE`: everything that is wrong with a configuration, with line and hint.

Rule: exit 0 means that `relay serve` would take the file; 1 that it would not; 2 that there is no such file.
"""

import os
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.text import Text

from relay.settings import Problem, Problems, Settings, Severity, load, load_file
from relay.settings.loading import read_file


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead, for programs.")
@click.option(
    "--without-secrets",
    is_flag=True,
    help="Do not look up secrets, certificates and other files: for a machine that has none of them.",
)
def command(*, file: str, as_json: bool, without_secrets: bool) -> None:
    """Say everything that is wrong with a configuration file.

    Secrets are looked up in the environment and in files, as `relay serve` would do.
    The exit status is 1 if the relay would refuse the file, else 0; warnings do not change it.
    """
    outcome = _load_form(file) if without_secrets else load_file(file, os.environ)
    problems = outcome.all if isinstance(outcome, Problems) else outcome.warnings
    if as_json:
        click.echo(msgspec.json.encode(_report(file, outcome, problems)))
    else:
        _print(file, outcome, problems)
    if isinstance(outcome, Problems):
        raise SystemExit(1)


def _load_form(file: str) -> Settings | Problems:
    try:
        text = read_file(file)
    except (OSError, ValueError):
        return load_file(file, {})  # which says why it cannot be read
    return load(text, file, environ={}, look_around=False)


def _summary(settings: Settings) -> dict[str, Any]:
    catalog = settings.catalog
    upstreams = [
        *catalog.upstreams,
        *(upstream for tenant in catalog.tenants.values() for upstream in tenant.upstreams),
    ]
    return {
        "upstreams": len(upstreams),
        "regions": sorted({upstream.region for upstream in upstreams}),
        "tenants": len(catalog.tenants),
        "keys": len(catalog.keys),
    }


def _report(file: str, outcome: Settings | Problems, problems: tuple[Problem, ...]) -> dict[str, Any]:
    return {
        "file": file,
        "ok": isinstance(outcome, Settings),
        "errors": sum(problem.severity is Severity.ERROR for problem in problems),
        "warnings": sum(problem.severity is Severity.WARNING for problem in problems),
        "problems": problems,
        "summary": _summary(outcome) if isinstance(outcome, Settings) else None,
    }


def _print(file: str, outcome: Settings | Problems, problems: tuple[Problem, ...]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for problem in problems:
        style = "red" if problem.severity is Severity.ERROR else "yellow"
        line = Text(problem.text())
        line.stylize("bold", 0, line.plain.find(": "))
        line.stylize(style, line.plain.find(": ") + 1)
        console.print(line)
    warnings = sum(problem.severity is Severity.WARNING for problem in problems)
    if isinstance(outcome, Settings):
        summary = _summary(outcome)
        holds = ", ".join(_counted(summary[noun], noun[:-1]) for noun in ("upstreams", "tenants", "keys"))
        regions = "regions: " + ", ".join(summary["regions"])
        tail = f" ({_counted(warnings, 'warning')})" if warnings else ""
        console.print(Text(f"{file}: OK{tail}: {holds}; {regions}", style="green"))
    else:
        errors = _counted(len(outcome.errors), "error")
        console.print(Text(f"{file}: {errors}, {_counted(warnings, 'warning')}", style="bold red"))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
