"""`flask --app wsgi workspaces …`"""

import click

from app.cli.noun import Noun
from app.cli.output import as_json, print_fields, print_json, print_table
from app.clock import rfc3339
from app.schemas import command_line
from app.services import workspaces as service

workspaces = Noun("workspaces", help="Make and list workspaces.")


@workspaces.command()
@click.argument("name")
@as_json
def create(name: str, as_json: bool) -> None:
    """Make a workspace with a first space `default` and an admin key, which is shown this one time."""
    made = service.create(command_line.name(name))
    shown = {
        "workspaceId": str(made.workspace_id),
        "spaceId": str(made.space_id),
        "apiKey": made.api_key,
    }
    (print_json if as_json else print_fields)(shown)


@workspaces.command("list")
@as_json
def list_workspaces(as_json: bool) -> None:
    """List the workspaces of the installation, oldest first."""
    rows = service.every()
    if as_json:
        print_json(
            [{"id": str(row.id), "name": row.name, "createdAt": rfc3339(row.created_at)} for row in rows]
        )
    else:
        print_table(["ID", "NAME", "CREATED"], [(row.id, row.name, rfc3339(row.created_at)) for row in rows])
