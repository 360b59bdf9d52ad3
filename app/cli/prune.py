"""`flask --app wsgi prune`"""

from app.cli.output import as_json, print_fields, print_json
from app.cli.verb import verb
from app.services import retention

KINDS = ("executions", "scheduleFires", "webhookDeliveries", "bulkOperations", "idempotencyKeys")


@verb
@as_json
def prune(as_json: bool) -> None:
    """Delete now what is older than its workspace keeps it, and say how many of each kind."""
    gone = retention.prune()
    shown = {kind: gone.get(kind, 0) for kind in KINDS}
    if as_json:
        print_json(shown)
    else:
        print_fields({kind: str(count) for kind, count in shown.items()})
