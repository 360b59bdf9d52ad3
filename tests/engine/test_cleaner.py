"""What a commit makes due in Redis is done, and what has no place is left alone."""

import redis

from app.announcements import STREAM
from app.engine.cleaner import Cleaner
from app.engine.flush import Report
from app.settings import Settings
from tests.engine.rq_tools import stock_queue
from tests.store.place import Place


def test_what_was_made_is_sent_unless_it_is_held_and_told_either_way(
    place: Place, client: "redis.Redis", settings: Settings
) -> None:
    client.delete(STREAM)
    place.sql("UPDATE workspaces SET max_concurrent_executions = 1")
    sent, held = place.add(2)

    Cleaner(settings.redis_url).clean(Report(made=[place.row(sent), place.row(held)]), [])

    assert stock_queue(client).job_ids == [f"{sent}-1"]
    [[_, told]] = client.xrange(STREAM)
    assert told == {place.scope.workspace_id.bytes: sent.bytes + held.bytes}


def test_jobs_that_are_done_with_are_deleted(place: Place, client: "redis.Redis", settings: Settings) -> None:
    client.hset("rq:job:gone-1", "data", "x")

    Cleaner(settings.redis_url).clean(Report(), ["gone-1", "never-1"])

    assert client.exists("rq:job:gone-1") == 0
