"""One open stream: what waits for a client, in which order and with which ids it is sent."""

from uuid import uuid4

import pytest

from app.announcements import Position
from app.stream import outlet as module
from app.stream.events import Event, opening
from app.stream.outlet import Caller, Outlet, Wanted


@pytest.fixture
def left() -> list[Outlet]:
    """Collect the streams that gave their place back."""
    return []


@pytest.fixture
def outlet(left: list[Outlet]) -> Outlet:
    found = Outlet(Wanted(uuid4()), Caller("key", lambda: True, 1.0), left.append)
    found.begin(Position(1), [])
    assert next(found) == opening(Position(1)) == b"retry: 3000\nid: 1-0\n\n"
    return found


def event(key: str, text: str = "text") -> Event:
    return Event(key, f"data: {text}\n".encode())


def test_only_the_last_of_what_is_sent_moves_on_the_place_to_resume_from(outlet: Outlet) -> None:
    outlet.put([event("a"), event("b")], Position(5))

    assert next(outlet) == b"data: text\nid: 1-0\n\ndata: text\nid: 5-0\n\n"


def test_the_newest_state_takes_the_place_of_an_older_one(outlet: Outlet) -> None:
    outlet.put([event("a", "old"), event("b")], Position(5))
    outlet.put([event("a", "new")], Position(6))

    sent = next(outlet)

    assert [line for line in sent.split(b"\n") if line.startswith(b"data")] == [b"data: text", b"data: new"]


def test_much_is_sent_in_chunks_that_resume_where_the_last_whole_one_ended(outlet: Outlet) -> None:
    outlet.put([event(str(number)) for number in range(module.CHUNK_EVENTS + 1)], Position(7))

    first, second = next(outlet), next(outlet)

    assert first.count(b"id: 1-0\n") == module.CHUNK_EVENTS
    assert second == b"data: text\nid: 7-0\n\n"


@pytest.mark.parametrize(
    "events",
    [
        [event(str(number)) for number in range(module.MOST_WAITING + 1)],
        [event(str(number), "x" * 1024 * 1024) for number in range(17)],
    ],
    ids=["too many", "too large"],
)
def test_a_client_for_which_too_much_waits_starts_again(outlet: Outlet, events: list[Event]) -> None:
    outlet.put(events, Position(8))
    outlet.put([event("later")], Position(9))

    sent = next(outlet)

    assert sent == b"event: reset\ndata: {}\nid: 8-0\n\n"
    with pytest.raises(StopIteration):
        next(outlet)


def test_a_stream_that_ends_sends_what_waits_unless_its_client_may_not_listen(outlet: Outlet) -> None:
    outlet.put([event("a")], Position(5))
    outlet.end()
    assert b"data: text" in next(outlet)

    with pytest.raises(StopIteration):
        next(outlet)


def test_what_waits_for_somebody_who_may_not_listen_any_more_is_not_sent(outlet: Outlet) -> None:
    outlet.put([event("a")], Position(5))

    outlet.end(at_once=True)

    with pytest.raises(StopIteration):
        next(outlet)


def test_a_place_is_given_back_once(outlet: Outlet, left: list[Outlet]) -> None:
    outlet.close()
    outlet.close()

    assert left == [outlet]


def test_without_redis_there_is_no_place_to_resume_from(left: list[Outlet]) -> None:
    outlet = Outlet(Wanted(uuid4()), Caller("key", lambda: True, 1.0), left.append)
    outlet.begin(None, [event("a")])
    outlet.put([event("b")], None)

    assert next(outlet) == b"retry: 3000\n\ndata: text\n\ndata: text\n\n"
