"""The log of a step within its limits."""

from datetime import UTC, datetime

from app.engine.step_log import CUT, MOST_BYTES, MOST_LINES, StepLog
from app.store.steps import LogLine

AT = datetime(2030, 1, 31, tzinfo=UTC)


def kept(*messages: str) -> list[str]:
    """Log some messages and end; give what was written."""
    written: list[LogLine] = []
    log = StepLog(written.append)
    for message in messages:
        log.add(LogLine("a", AT, "info", message))
    log.close()
    assert sum(len(line.message.encode()) for line in written) <= MOST_BYTES
    assert len(written) <= MOST_LINES
    assert all((line.level == "warning") == (line.message == CUT) for line in written)
    return [line.message for line in written]


def test_as_many_lines_as_are_allowed_are_all_kept() -> None:
    lines = [str(number) for number in range(MOST_LINES)]

    assert kept(*lines) == lines


def test_of_more_lines_the_last_says_that_it_was_cut() -> None:
    lines = [str(number) for number in range(MOST_LINES + 50)]

    assert kept(*lines) == [*lines[: MOST_LINES - 1], CUT]


def test_of_a_line_that_is_too_long_the_beginning_is_kept() -> None:
    first, second, last = kept("one", "é" * MOST_BYTES, "three")

    assert (first, last) == ("one", CUT)
    assert second == "é" * (len(second) - 1) + "…"
    assert len(second.encode()) > MOST_BYTES - 100


def test_many_lines_that_are_too_much_together_are_cut_once() -> None:
    lines = kept(*["x" * 9_999] * 40)

    assert lines[:26] == ["x" * 9_999] * 26
    assert lines[26].endswith("x…")
    assert lines[27:] == [CUT]


def test_a_long_line_in_the_last_place_gives_way_to_the_mark() -> None:
    lines = [""] * (MOST_LINES - 1)

    assert kept(*lines, "x" * MOST_BYTES) == [*lines, CUT]


def test_nothing_is_written_behind_the_end() -> None:
    written: list[LogLine] = []
    log = StepLog(written.append)

    log.close()
    log.add(LogLine("a", AT, "info", "late"))

    assert written == []
