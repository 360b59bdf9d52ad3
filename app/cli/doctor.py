"""`flask --app wsgi doctor`"""

import sys
from typing import Any

import click

from app.cli.output import as_json, plain, print_json
from app.cli.verb import verb
from app.services import doctor as service
from app.services.findings import Finding


@verb
@click.option("--fix", is_flag=True, help="Make the repairs of the clock now.")
@as_json
def doctor(fix: bool, as_json: bool) -> None:
    """Say what is stuck, why, and what to do; exit code 1 when there is something, repaired or not."""
    found = service.examine()
    shown: dict[str, Any] = {"ok": not found, "findings": [_form(finding) for finding in found]}
    if fix:
        shown["repaired"] = service.fix()
        shown["left"] = [_form(finding) for finding in service.examine()]
    if as_json:
        print_json(shown)
    else:
        _print(shown)
    if found:
        sys.exit(1)


def _form(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "what": finding.what,
        "why": finding.why,
        "todo": finding.todo,
        "count": finding.count,
    }


def _print(shown: dict[str, Any]) -> None:
    if shown["ok"]:
        click.echo("nothing is stuck")
    _print_findings(shown["findings"])
    for name, count in shown.get("repaired", {}).items():
        click.echo(f"repaired: {name} {count}")
    if shown.get("left"):
        click.echo("left after the repairs:")
        _print_findings(shown["left"])


def _print_findings(findings: list[dict[str, Any]]) -> None:
    for finding in findings:
        click.echo(plain(f"{finding['code']}: {finding['what']}"))
        click.echo(plain(f"  why: {finding['why']}"))
        click.echo(plain(f"  do:  {finding['todo']}"))
