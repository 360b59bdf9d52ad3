"""With a million executions, each question reads large tables by an index, and never more than a window."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, create_engine

from app.states import Reason, Status, TriggeredBy
from app.store import (
    claims,
    deliveries,
    executions,
    firing,
    flushes,
    histogram,
    news,
    old_deliveries,
    queue_counts,
    quotas,
    schedules,
    stream_views,
    webhooks,
)
from app.store import execution_views as views
from app.store.deliveries import Delivery
from app.store.execution_filters import Filters, Place
from app.store.flushes import Settlement
from tests.servers import Servers, make_database
from tests.store.million import (
    SCHEDULE,
    SPACE,
    WEBHOOK,
    WORKFLOW,
    WORKSPACE,
    fill,
    rows_touched,
    scans,
)
from tests.store.operation_questions import PREPARE, operation_questions

NOW = datetime.now(UTC)
BATCH = 1_000
END = Settlement(Status.COMPLETED)
# EXPLAIN rounds the rows of each loop, so what was looked at once may count as one and a half.
MOST_ROWS = views.WINDOW * 3 // 2
EVERYWHERE = Place(WORKSPACE, None)
IN_SPACE = Place(WORKSPACE, SPACE)

FILTERS = {
    "no filter": Filters(),
    "status completed": Filters(statuses=frozenset({Status.COMPLETED})),
    "status failed": Filters(statuses=frozenset({Status.FAILED})),
    "status cancelled": Filters(statuses=frozenset({Status.CANCELLED})),
    "status pending": Filters(statuses=frozenset({Status.PENDING})),
    "status running": Filters(statuses=frozenset({Status.RUNNING})),
    "two statuses": Filters(statuses=frozenset({Status.FAILED, Status.RUNNING})),
    "failed and completed": Filters(statuses=frozenset({Status.FAILED, Status.COMPLETED})),
    "workflowId": Filters(workflow_id=WORKFLOW),
    "unknown workflowId": Filters(workflow_id=UUID(int=7)),
    "workflowId and status": Filters(workflow_id=WORKFLOW, statuses=frozenset({Status.FAILED})),
    "triggeredBy": Filters(triggered_by=TriggeredBy.WEBHOOK),
    "triggeredBy of none": Filters(triggered_by=TriggeredBy.MANUAL),
    "scheduleId": Filters(schedule_id=SCHEDULE),
    "webhookId": Filters(webhook_id=WEBHOOK),
    "webhookId and status": Filters(webhook_id=WEBHOOK, statuses=frozenset({Status.FAILED})),
    "retryOf": Filters(retry_of=UUID("00000000-0000-7000-8005-000000000001")),
    "createdAfter": Filters(created_after=NOW - timedelta(hours=1)),
    "createdBefore": Filters(created_before=NOW - timedelta(days=5)),
    "a span of time": Filters(created_after=NOW - timedelta(days=5), created_before=NOW - timedelta(days=4)),
    "tag": Filters(tag="common"),
    "rare tag": Filters(tag="rare5300"),
    "tag of none": Filters(tag="none"),
    "beginning of an id": Filters(q="01"),
    "id": Filters(q="01a203fc-6170-7947-82ba-8a19c79c87c6"),
    "error": Filters(q="HTTP 503"),
    "error of none": Filters(q="no such words"),
    "id or error": Filters(q="503"),
}

Question = Callable[[Connection], object]


def _lists(name: str, place: Place, filters: Filters) -> dict[str, Question]:
    """Ask for a first page, and for one far down the list."""
    middle = UUID(int=int((NOW - timedelta(days=6)).timestamp() * 1000) << 80)
    return {
        f"list: {name}": lambda tx: views.page(tx, place, filters, None, 50),
        f"list: {name}, far down": lambda tx: views.page(tx, place, filters, middle, 200),
    }


QUESTIONS: dict[str, Question] = {
    **{
        name: question
        for label, filters in FILTERS.items()
        for where, place in (("", EVERYWHERE), (" in a space", IN_SPACE))
        for name, question in _lists(label + where, place, filters).items()
    },
    "detail": lambda tx: views.full(tx, EVERYWHERE, UUID(int=7)),
    "retries and children": lambda tx: views.related(tx, WORKSPACE, UUID(int=7)),
    "several by id": lambda tx: views.many(tx, WORKSPACE, [UUID(int=7), UUID(int=8)]),
    "tick: lost workers": lambda tx: claims.take_over_lost(tx, 3, BATCH),
    "tick: due waits": lambda tx: claims.send_due_waits(tx, BATCH),
    "tick: delayed": lambda tx: claims.send_delayed(tx, BATCH),
    "tick: lost jobs": lambda tx: claims.send_again(tx, NOW - timedelta(days=30), BATCH),
    "tick: counts of the queue": queue_counts.read,
    "cancel": lambda tx: executions.cancel_many(tx, WORKSPACE, [UUID(int=7)], Reason.BULK, None),
    "claim": lambda tx: claims.claim_many(tx, [UUID(int=7), UUID(int=8)], "w", 30),
    "renew": lambda tx: claims.renew(tx, [UUID(int=7), UUID(int=8)], "w", 30),
    "hand back": lambda tx: claims.hand_back(tx, [(UUID(int=7), 1)], "w"),
    "flush: lock": lambda tx: flushes.lock(tx, [UUID(int=7), UUID(int=8)]),
    "flush: settle": lambda tx: flushes.settle(tx, "w", [(UUID(int=7), 1, END, 1)]),
    "flush: progress": lambda tx: flushes.write_progress(tx, [(UUID(int=7), 1)]),
    "flush: settle cancelled": lambda tx: flushes.settle_cancelled(tx, "w", [UUID(int=7)]),
}

A_DELIVERY = Delivery(WEBHOOK, "rejected", "POST", {}, {}, reason="bad_signature", delivery_id="delivery 61")
SCHEDULE_KEY = schedules.Key(WORKSPACE, SPACE, SCHEDULE)
WEBHOOK_KEY = webhooks.Key(WORKSPACE, SPACE, WEBHOOK)
QUESTIONS |= {
    "fire: what is active": lambda tx: firing.active(tx, [SCHEDULE, UUID(int=7)]),
    "fire: what is cancelled": lambda tx: firing.active(tx, [SCHEDULE], to_cancel=True),
    "fire: hold back": lambda tx: firing.buffer(tx, [UUID(int=7), UUID(int=8)]),
    "fire: let go": lambda tx: firing.release_buffered(tx, BATCH),
    "fire: what has a row": lambda tx: firing.recorded(tx, [(SCHEDULE, NOW), (UUID(int=7), NOW)]),
    "fires": lambda tx: schedules.fires(tx, SCHEDULE_KEY, None, 200),
    "fires, far down": lambda tx: schedules.fires(tx, SCHEDULE_KEY, NOW - timedelta(hours=12), 200),
    "tick: deleted schedules": lambda tx: schedules.purge(tx, SCHEDULE, BATCH),
    "delivery: seen before": lambda tx: deliveries.earlier(tx, WEBHOOK, "delivery 60"),
    "delivery: refused": lambda tx: deliveries.reject(tx, A_DELIVERY, "{}", "{}"),
    "deliveries": lambda tx: deliveries.page(tx, WEBHOOK_KEY, None, 200, 4_000_000),
    "deliveries, far down": lambda tx: deliveries.page(tx, WEBHOOK_KEY, UUID(int=7 << 120), 200, 4_000_000),
    "deliveries: the newest in brief": lambda tx: deliveries.newest(tx, WEBHOOK_KEY, 25),
    "one delivery": lambda tx: deliveries.get(tx, WEBHOOK_KEY, UUID(int=7)),
    "tick: old deliveries": lambda tx: old_deliveries.forget(tx, BATCH),
    "tick: deleted webhooks": lambda tx: old_deliveries.purge(tx, WEBHOOK, BATCH),
}
QUESTIONS |= {
    "stream: executions": lambda tx: stream_views.listed(tx, [WORKSPACE], [UUID(int=7), UUID(int=8)]),
    "stream: of late": lambda tx: stream_views.recent(tx, [WORKSPACE, UUID(int=7)], UUID(int=7 << 120), 500),
    "stream: of very late": lambda tx: stream_views.recent(tx, [WORKSPACE], UUID(int=0), 500),
}
QUESTIONS |= {
    "quotas: places": lambda tx: quotas.places(tx, {WORKSPACE}, {WORKFLOW}),
    "quotas: release": lambda tx: quotas.release(tx, [WORKSPACE], 100),
    "quotas: where something is held": quotas.all_crowded,
    "quotas: pending": lambda tx: quotas.pending(tx, WORKSPACE, 100),
    "quotas: made today": lambda tx: quotas.made_today(tx, WORKSPACE, 100),
    "parents": lambda tx: news.wake_parents(tx, [UUID(int=7)]),
}
OUTCOMES = ("no filter", "two statuses", "workflowId", "tag", "error", "a span of time")
QUESTIONS |= {
    f"outcomes: {name}": partial(histogram.counts, place=IN_SPACE, filters=FILTERS[name]) for name in OUTCOMES
}
QUESTIONS |= operation_questions(FILTERS)


@pytest.fixture(scope="module")
def million(servers: Servers) -> Iterator[Engine]:
    """Give a database with a million executions; its questions are asked as the application asks them."""
    url = make_database(servers, "linea_million")
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg2:", 1))
    with engine.begin() as tx:
        fill(tx)
        tx.exec_driver_sql(PREPARE)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.exec_driver_sql("VACUUM ANALYZE")
    yield engine
    engine.dispose()


def test_every_question_reads_by_an_index_and_within_a_window(million: Engine) -> None:
    with million.connect() as tx:
        read = {name: scans(tx, question) for name, question in QUESTIONS.items()}

    assert [name for name, nodes in read.items() if not nodes] == []
    assert {name: wrong for name, nodes in read.items() if (wrong := _wrong(nodes))} == {}


def _wrong(nodes: list[dict[str, Any]]) -> list[str]:
    """Tell which reads are not by an index, or of too many rows."""
    return [
        f"{node['Node Type']} {node.get('Index Name', '')} of {rows_touched(node)} rows"
        for node in nodes
        if node["Node Type"] == "Seq Scan" or rows_touched(node) > MOST_ROWS
    ]
