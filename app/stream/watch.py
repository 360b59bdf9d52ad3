"""What the streams of one place have been told, so that only what is new to them is sent."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from app.states import FINAL, Status, StepStatus
from app.stream.outlet import Outlet

MOST_KNOWN: Final = 10_000

Place = tuple[UUID, UUID | None]
State = tuple[Any, ...]


class Watch:
    """A workspace, or one of its executions with its steps, and the streams that look at it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.outlets: list[Outlet] = []
        self.seeding = threading.Lock()
        self.seeded = False
        self._known: OrderedDict[UUID, State] = OrderedDict()
        self._steps: dict[str, State] = {}

    @property
    def workspace_id(self) -> UUID:
        """Give the workspace that is looked at, as a whole or in part."""
        return self.place[0]

    @property
    def execution_id(self) -> UUID | None:
        """Give the only execution that is looked at, None for all of the workspace."""
        return self.place[1]

    def learn(self, rows: Iterable[Row[Any]], steps: Iterable[Row[Any]] = ()) -> None:
        """Take what clients read elsewhere as told, unless something newer was told already."""
        for row in rows:
            self._known.setdefault(row.id, _state(row))
        for step in steps:
            self._steps.setdefault(step.step_id, _step_state(step))
        self.seeded = True

    def is_news(self, row: Row[Any]) -> bool:
        """Tell whether an execution is not as it was told last; it counts as told from here on."""
        state = _state(row)
        if self._known.get(row.id) == state:
            return False
        self._known[row.id] = state
        self._known.move_to_end(row.id)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return True

    def new_steps(self, steps: Sequence[Row[Any]]) -> list[str]:
        """Name the steps that are not as they were told last; they count as told from here on."""
        states = {step.step_id: _step_state(step) for step in steps}
        new = [name for name, state in states.items() if self._steps.get(name, NOT_BEGUN) != state]
        self._steps |= states
        return new

    def knows_end_of(self, execution_id: UUID) -> bool:
        """Tell whether an execution was told to have ended: nothing comes after that."""
        return self._known.get(execution_id, NOT_BEGUN)[0] in FINAL

    def unfinished(self) -> list[UUID]:
        """Name what was told and had not ended then."""
        return [execution_id for execution_id, state in self._known.items() if state[0] not in FINAL]


def _state(row: Row[Any]) -> State:
    """Give what makes an execution another one to somebody who looks at a list."""
    return (
        Status(row.status),
        row.reason,
        row.steps_done,
        row.steps_total,
        row.wake_at,
        row.cancel_requested_at,
        row.takeovers,
        row.error,
        row.space_id,
        row.workflow_id,
    )


def _step_state(step: Row[Any]) -> State:
    return step.status, step.attempt, step.started_at, step.completed_at, step.wake_at, step.items


NOT_BEGUN: Final[State] = (StepStatus.PENDING.value, 0, None, None, None, None)
