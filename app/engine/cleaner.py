"""What a commit makes due in Redis: jobs go, tickets are sent, streams are told."""

import time
from collections.abc import Sequence
from typing import Any

from app import log
from app.announcements import Pair, announce
from app.engine.flush import Report
from app.queue import JOB_PREFIX, Away, Ticket, connect, push

BREAK_SECONDS = 1.0

logger = log.get(__name__)


class Cleaner:
    """Deletes jobs that are done with, sends what was handed back or made, tells the streams what changed.

    It leaves a broken Redis alone for a second. Any thread may ask.
    """

    def __init__(self, url: str) -> None:
        self._connection = connect(url)
        self._broken_until = 0.0

    def clean(self, report: Report, job_ids: Sequence[str]) -> None:
        """Do what a commit made due; what gets lost here expires, or is sent again by the tick."""
        again, new, changed = _tickets(report.handed_back), _tickets(report.made), _changed(report)
        if time.monotonic() < self._broken_until or not (job_ids or again or new or changed):
            return
        try:
            # Tickets first: whoever gets a place later may not be sent sooner.
            if again:
                push(self._connection, again, front=True)
            if new:
                push(self._connection, new)
            self._tell(job_ids, changed)
        except Away as error:
            self._broken_until = time.monotonic() + BREAK_SECONDS
            logger.warning("redis is away; jobs are cleaned up later", error=str(error))

    def _tell(self, job_ids: Sequence[str], changed: Sequence[Pair]) -> None:
        """Do what every commit makes due in one round trip."""
        pipe = self._connection.pipeline(transaction=False)
        if job_ids:
            pipe.unlink(*[JOB_PREFIX + job_id for job_id in job_ids])
        announce(pipe, changed)
        pipe.execute()


def _tickets(rows: Sequence[Any]) -> list[Ticket]:
    """Write the tickets of what is to be sent; what was made and found no place is not."""
    return [Ticket(row.id, row.workspace_id, row.send_no, row.sent_at) for row in rows if row.sent_at]


def _changed(report: Report) -> list[Pair]:
    """Name all that a commit may have changed; a stream looks at each and tells only of what did."""
    rows = [*report.touched, *report.claimed.values(), *report.handed_back, *report.made]
    return [(row.workspace_id, row.id) for row in rows]
