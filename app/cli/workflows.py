"""`flask --app wsgi workflows …`"""

from typing import Any, BinaryIO

import click

from app.cli.definition_file import read_definition
from app.cli.noun import Noun
from app.cli.output import as_json, print_json, print_table
from app.errors import Fault, InvalidDefinition, MalformedJson, ValidationFailed
from app.services import definitions

workflows = Noun("workflows", help="Check workflow definitions.")


@workflows.command()
@click.argument("file", type=click.File("rb"))
@as_json
def validate(file: BinaryIO, as_json: bool) -> None:
    """Check the definition in FILE (JSON or YAML, - is standard input) as saving it would; save nothing."""
    name = str(getattr(file, "name", "-"))
    faults, warnings = _verdict(file.read(), name)
    if as_json:
        print_json({"valid": not faults, "errors": _forms(faults), "warnings": _forms(warnings)})
    else:
        _print_verdict(faults, warnings)
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise click.ClickException(f"{name} has {count}: mend what is listed and validate again.")


def _verdict(raw: bytes, name: str) -> tuple[list[Fault], list[Fault]]:
    """Give what is wrong with a definition, and what is doubtful."""
    try:
        return [], list(definitions.check(read_definition(raw, name)).own_warnings)
    except (MalformedJson, ValidationFailed, InvalidDefinition) as error:
        return error.faults or [Fault("", error.detail)], []


def _print_verdict(faults: list[Fault], warnings: list[Fault]) -> None:
    if not faults:
        click.echo("valid")
    rows = [("error", fault) for fault in faults] + [("warning", warning) for warning in warnings]
    if rows:
        print_table(
            ["", "PATH", "WHAT TO DO"], [(kind, fault.path or "(all)", fault.message) for kind, fault in rows]
        )


def _forms(faults: list[Fault]) -> list[dict[str, Any]]:
    return [{"path": fault.path, "message": fault.message} for fault in faults]
