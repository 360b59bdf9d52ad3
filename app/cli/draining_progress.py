"""Shows how far a drain is: a bar on a terminal, plain lines elsewhere."""

import time

import click
from rich import progress as bars
from rich.console import Console

from app.store.queue_counts import Counts

LINE_SECONDS = 1.0


class Progress:
    """Hears every count and shows it; any thread may tell."""

    def __init__(self) -> None:
        self.counts: Counts | None = None
        self.total = 0
        self._said_at = -LINE_SECONDS
        self._bar = _bar() if Console().is_terminal else None
        self._task: bars.TaskID | None = None

    @property
    def left(self) -> int:
        """Tell how many executions are left to do."""
        return self.counts.left if self.counts else 0

    @property
    def done(self) -> int:
        """Tell how many there were at most beyond those that are left."""
        return self.total - self.left

    def __enter__(self) -> "Progress":
        """Begin; the bar comes with the first count of something to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bar as it is at the end."""
        if self._task is not None and self._bar is not None:
            self._bar.stop()

    def tell(self, counts: Counts) -> None:
        """Show a count."""
        before, self.counts = self.counts, counts
        self.total = max(self.total, counts.left)
        if self._bar is not None:
            self._move(self._bar, counts)
        elif counts.left != (before.left if before else 0) and self._may_speak():
            self._said_at = time.monotonic()
            click.echo(_line(counts))

    def _may_speak(self) -> bool:
        return time.monotonic() - self._said_at >= LINE_SECONDS

    def _move(self, bar: bars.Progress, counts: Counts) -> None:
        if self._task is None and counts.left:
            self._task = bar.add_task("draining", running=0)
            bar.start()
        if self._task is not None:
            bar.update(self._task, total=self.total, completed=self.done, running=counts.at_work)


def _bar() -> bars.Progress:
    return bars.Progress(
        bars.TextColumn("draining"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[running]} running"),
        bars.TimeElapsedColumn(),
    )


def _line(counts: Counts) -> str:
    parts = f"{counts.queued} queued, {counts.held} held, {counts.at_work} running, {counts.woken} woken"
    return f"{counts.left} left ({parts})"
