"""Events as they are sent: server-sent events (WHATWG HTML, 9.2), each encoded once for all streams."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row

from app import strictjson
from app.announcements import Position
from app.services.step_ids import step_execution_id
from app.store import execution_forms as forms

RETRY_MILLISECONDS: Final = 3000
PING: Final = b": ping\n\n"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; a later one with the same `key` stands for what it is about in its place."""

    key: object
    text: bytes

    def sent(self, position: Position | None) -> bytes:
        """Write it, with the place to resume from when it is the last that was seen."""
        return self.text + (b"\n" if position is None else b"id: %s\n\n" % str(position).encode())


def opening(position: Position | None) -> bytes:
    """Write what a stream begins with: when to try again, and the place to resume from."""
    return b"retry: %d\n" % RETRY_MILLISECONDS + Event(None, b"").sent(position)


def execution_event(row: Row[Any]) -> Event:
    """Tell of an execution in list form."""
    return _event("execution", row.id, forms.list_form(row))


def step_event(execution_id: UUID, row: Row[Any]) -> Event:
    """Tell of a step in the form of the execution's detail."""
    step_id = step_execution_id(execution_id, row.step_id)
    return _event("step", step_id, forms.step_form(row, step_id))


def reset_event() -> Event:
    """Say that changes were missed, so that the client reads anew what it shows."""
    return _event("reset", None, {})


def _event(kind: str, key: object, data: Any) -> Event:
    return Event((kind, key), b"event: %s\ndata: %s\n" % (kind.encode(), strictjson.dumps(data)))
