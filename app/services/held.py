"""Executions that were put aside as held, although a place became free meanwhile."""

from collections.abc import Sequence
from typing import Any

from flask import current_app
from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError

from app import log
from app.errors import DatabaseUnavailable
from app.queue import Sender, Ticket
from app.services.transaction import transaction
from app.states import Reason
from app.store import quotas

logger = log.get(__name__)


def look_again(made: Sequence[Row[Any]]) -> None:
    """Queue and send what is held in the workspaces of held ones among `made`, as far as there are places.

    To be called after their commit: who freed a place before it could not see them. Who frees one after it
    looks for them then. What goes wrong here the tick makes up for.
    """
    workspaces = {row.workspace_id for row in made if row.reason == Reason.CONCURRENCY}
    if not workspaces:
        return
    try:
        with transaction() as tx:
            rows = quotas.release(tx, sorted(workspaces))
    except (DatabaseUnavailable, DBAPIError) as error:
        logger.warning("places are filled later", error=str(error))
        return
    sender: Sender = current_app.extensions["sender"]
    sender.send([Ticket(row.id, row.workspace_id, row.send_no, row.sent_at) for row in rows])
    sender.announce([(row.workspace_id, row.id) for row in rows])
