"""A clock seen from outside: its parts among the processes, its ticks in the database."""

from datetime import datetime
from pathlib import Path

from tests.journeys.processes import Process, eventually
from tests.store.place import Place


def children(pid: int) -> dict[str, int]:
    """Find the child processes of a clock by the last word of their command."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_text().split("\0")[:-1]
        except (OSError, IndexError, ValueError):
            continue
        if parent == pid and words:
            found[words[-1]] = int(folder.name)
    return found


def last_tick(place: Place) -> datetime | None:
    """Tell when the last tick was."""
    [row] = place.sql("SELECT last_tick_at FROM installation")
    found: datetime | None = row.last_tick_at
    return found


def ticks_go_on(place: Place, number: int = 2) -> bool:
    """Tell whether several more ticks come."""
    for _ in range(number):
        before = last_tick(place)
        if not eventually(lambda before=before: last_tick(place) != before):  # type: ignore[misc]
            return False
    return True


def both_parts(clock: Process) -> dict[str, int]:
    """Wait for scheduler and tick worker; give their process ids, as they were seen together."""
    seen: dict[str, int] = {}

    def both() -> bool:
        seen.clear()
        seen.update(children(clock.pid))
        return {"scheduler", "worker"} <= set(seen)

    assert eventually(both)
    return seen
