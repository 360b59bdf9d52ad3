"""`flask --app wsgi api-keys …`"""

import click

from app.cli.noun import Noun
from app.cli.output import as_json, print_fields, print_json
from app.schemas import command_line
from app.services import api_keys as service
from app.services import names
from app.states import Role

api_keys = Noun("api-keys", help="Make API keys; the API lists and revokes them.")


@api_keys.command()
@click.argument("workspace")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.ADMIN.value,
    show_default=True,
    help="What the key may do.",
)
@click.option("--name", default="command line", show_default=True, help="What to know the key by.")
@as_json
def create(workspace: str, role: str, name: str, as_json: bool) -> None:
    """Make a key for WORKSPACE (an id or a unique name); it is shown this one time."""
    workspace_id = names.workspace(workspace)
    row, key = service.create(workspace_id, command_line.name(name), Role(role))
    shown = {
        "id": str(row.id),
        "workspaceId": str(workspace_id),
        "name": row.name,
        "role": row.role,
        "key": key,
    }
    (print_json if as_json else print_fields)(shown)
