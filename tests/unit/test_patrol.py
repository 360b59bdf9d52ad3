"""Which connections are hung up on when bodies do not come."""

from app.api.patrol import Line, Visit, canonical, overdue

NOW = 1000.0
HERE, THERE = "192.0.2.1", "192.0.2.2"


def reading(address: str = HERE, blocked: float = 20, begun: float = 20) -> Visit:
    """Make a request that waits for its body for some seconds."""
    return Visit(address, NOW - begun, NOW - begun, NOW - blocked)


def line(address: str = HERE, port: int = 1, quiet: float = 20, silent: float = 20) -> Line:
    """Make a connection that brought nothing, and was told nothing, for some seconds."""
    return Line((address, port), NOW - quiet, 0, NOW - silent)


def test_one_that_stopped_is_hung_up_on_and_its_request_knows() -> None:
    read, stopped = reading(), line()

    wrong = overdue([read], [stopped], NOW)

    assert (wrong, read.given_up) == ([stopped], NOW)


def test_one_that_goes_on_is_left_alone_however_long_a_piece_takes() -> None:
    read = reading()

    wrong = overdue([read], [line(quiet=3)], NOW)

    assert (wrong, read.given_up) == ([], None)


def test_nothing_is_closed_while_no_read_from_there_is_late() -> None:
    reads = [reading(blocked=5, begun=5), reading(THERE)]

    wrong = overdue(reads, [line()], NOW)

    assert wrong == []


def test_one_whose_request_waits_for_something_else_is_left_alone() -> None:
    waiting = Visit(HERE, NOW - 19)

    wrong = overdue([reading(), waiting], [line(quiet=20, port=1), line(quiet=30, port=2)], NOW)

    assert [found.peer[1] for found in wrong] == [2]


def test_one_that_drips_is_hung_up_on_after_a_minute() -> None:
    dripping = line(quiet=1, silent=50)

    early = overdue([reading(begun=59)], [dripping], NOW)
    late = overdue([reading(begun=61)], [dripping], NOW)

    assert (early, late) == ([], [dripping])


def test_one_that_was_told_something_lately_is_not_taken_for_one_that_drips() -> None:
    stream = Visit(HERE, NOW - 300)

    wrong = overdue([reading(blocked=2, begun=61), stream], [line(quiet=300, silent=15)], NOW)

    assert wrong == []


def test_an_address_is_written_in_one_way() -> None:
    given = ["::ffff:192.0.2.1", "192.0.2.1", "2001:DB8:0::1", "fe80::1%eth0", "", "unix:"]

    assert [canonical(one) for one in given] == [HERE, HERE, "2001:db8::1", "fe80::1", "", "unix:"]
