"""Deleted spaces and workflows: what they leave behind goes in batches, the first with the request."""

from app.services import executions
from app.services.transaction import reading, transaction
from app.states import Reason
from app.store import deletions as store
from app.store import executions as execution_store
from app.store.deletions import Deleted

BATCH = 1_000
TEXT = "The {} was deleted"


def purge_deleted(limit: int = BATCH) -> int:
    """Take away one batch for each of the longest deleted; give the number of rows, 0 when nothing could go.

    Each batch is its own short transaction. Any number of processes may do this at once.
    """
    with reading() as tx:
        deleted = store.waiting(tx, limit)
    done = 0
    for gone in deleted:
        done += purge(gone, limit)
        if done >= limit:
            break
    return done


def purge(gone: Deleted, limit: int = BATCH) -> int:
    """Do one batch of what one deletion leaves: cancel, release, remove. Gives the number of rows."""
    done = _cancel(gone, limit)
    with transaction() as tx:
        done += store.release_finished(tx, gone, limit)
        done += store.release_triggers(tx, gone, limit)
        done += store.remove_records(tx, gone, limit)
        if done < limit:
            done += store.remove_triggers(tx, gone)
            done += store.remove(tx, gone)
    return done


def _cancel(gone: Deleted, limit: int) -> int:
    kind = "space" if gone.is_space else "workflow"
    with transaction() as tx:
        ids = store.active(tx, gone, limit)
        if not ids:
            return 0
        touched = execution_store.cancel_many(tx, gone.workspace_id, ids, Reason.DELETED, TEXT.format(kind))
    executions.ring(touched)
    return len(touched)
