"""What processes tell the live streams: ids of executions, kept for a while in Redis."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
import redis

from app.announcements import MOST_IDS, STREAM, Position, announce
from app.queue import connect
from app.stream.journal import MOST_MISSED, Journal

MINE, THEIRS = uuid4(), uuid4()


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with connect(redis_url) as opened:
        yield opened


@pytest.fixture
def journal(redis_url: str) -> Journal:
    return Journal(redis_url)


def ids(count: int) -> list[UUID]:
    return [uuid4() for _ in range(count)]


def test_what_is_announced_is_heard_once(client: "redis.Redis", journal: Journal) -> None:
    before = journal.tail()
    mine, theirs = ids(3), ids(2)
    pairs = [(MINE, key) for key in mine] + [(THEIRS, key) for key in theirs]

    announce(client, [*pairs, pairs[0]])
    heard, after = journal.after(before)

    assert heard == pairs
    assert client.xlen(STREAM) == 1
    assert journal.after(after) == ([], after)
    assert before < after == journal.tail()


def test_very_many_ids_are_announced_in_several_entries(client: "redis.Redis", journal: Journal) -> None:
    pairs = [(MINE, key) for key in ids(MOST_IDS - 1)] + [(THEIRS, key) for key in ids(MOST_IDS + 2)]

    announce(client, pairs)

    assert client.xlen(STREAM) == 3
    assert sorted(journal.after(Position(0))[0]) == sorted(pairs)


def test_nothing_is_announced_when_nothing_changed(client: "redis.Redis") -> None:
    announce(client, [])

    assert client.exists(STREAM) == 0


def test_what_was_missed_is_that_of_the_workspace_alone(client: "redis.Redis", journal: Journal) -> None:
    announce(client, [(MINE, key) for key in ids(2)])
    seen = journal.tail()
    missed = ids(2)
    announce(client, [(MINE, missed[0]), (THEIRS, uuid4())])
    announce(client, [(MINE, missed[1])])

    assert journal.missed(seen, MINE) == set(missed)
    assert journal.missed(journal.tail(), MINE) == set()


def test_nobody_can_tell_what_was_missed_before_what_is_kept(client: "redis.Redis", journal: Journal) -> None:
    for key in ids(3):
        announce(client, [(MINE, key)])
    [(first, _), *_] = client.xrange(STREAM)
    seen = Position.parse(first.decode())
    client.xtrim(STREAM, maxlen=1, approximate=False)
    newest = journal.tail()

    assert journal.missed(seen, MINE) is None
    assert journal.missed(Position(newest.milliseconds, newest.number + 1), MINE) is None
    assert journal.missed(None, MINE) is None


def test_nobody_can_tell_after_redis_was_emptied(client: "redis.Redis", journal: Journal) -> None:
    announce(client, [(MINE, uuid4())])
    seen = journal.tail()
    client.delete(STREAM)

    assert journal.missed(seen, MINE) is None
    assert journal.tail() == Position(0)


def test_more_than_a_client_should_read_one_by_one_counts_as_not_to_be_told(
    client: "redis.Redis", journal: Journal
) -> None:
    announce(client, [(MINE, uuid4())])
    seen = journal.tail()
    announce(client, [(MINE, key) for key in ids(MOST_MISSED + 1)])

    assert journal.missed(seen, MINE) is None


@pytest.mark.parametrize("text", ["", "1", "1-", "-1", "1-2-3", "a-1", "1-1\n", "٣-1", f"{2**64}-0"])
def test_a_text_that_is_no_position_is_none(text: str) -> None:
    assert Position.parse(text) is None
