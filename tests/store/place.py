"""A workspace with one workflow, and executions put straight into its tables and looked at there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import Connection, Engine, Row, create_engine

from app.services import workflows, workspaces
from app.services.scope import Scope
from app.settings import Settings
from app.states import Role, Status, TriggeredBy
from app.store import claims, executions, flushes
from app.store.executions import Draft
from app.store.flushes import Settlement

Json = Any
DEFINITION: Json = {"steps": [{"id": "one", "type": "transform", "with": {"value": "${{ input }}"}}]}


@dataclass(frozen=True)
class Place:
    """Where the executions of a test are, with an engine for many connections at once."""

    engine: Engine
    scope: Scope
    workflow_id: UUID

    def add(self, count: int = 1, **draft: Any) -> list[UUID]:
        """Make pending executions; give their ids in order."""
        with self.engine.begin() as tx:
            rows = executions.create_many(tx, [self.draft(**draft) for _ in range(count)])
        return [row.id for row in rows]

    def draft(self, **more: Any) -> Draft:
        """Give what one execution of the workflow is made of."""
        given: dict[str, Any] = {
            "workspace_id": self.scope.workspace_id,
            "space_id": self.scope.space_id,
            "workflow_id": self.workflow_id,
            "workflow_name": "A workflow",
            "workflow_version": 1,
            "steps_total": 1,
            "triggered_by": TriggeredBy.API,
            "input": {},
        }
        return Draft(**given | more)

    def claim(self, ids: Sequence[UUID], worker: str = "w1", lease: int = 30) -> list[Row[Any]]:
        """Claim in a transaction of its own."""
        with self.engine.begin() as tx:
            return claims.claim_many(tx, ids, worker, lease)

    def running(self, count: int = 1, worker: str = "w1", lease: int = 30, **draft: Any) -> list[UUID]:
        """Make executions that a worker owns."""
        ids = self.add(count, **draft)
        assert len(self.claim(ids, worker, lease)) == count
        return ids

    def row(self, execution_id: UUID) -> Row[Any]:
        """Give one row of `executions`."""
        [found] = self.sql("SELECT * FROM executions WHERE id = %(id)s", id=str(execution_id))
        return found

    def statuses(self) -> dict[UUID, str]:
        """Give the status of all executions by id."""
        return {row.id: row.status for row in self.sql("SELECT id, status::text FROM executions")}

    def steps(self, execution_id: UUID) -> dict[str, Row[Any]]:
        """Give the recorded steps of an execution by id."""
        query = "SELECT * FROM execution_steps WHERE execution_id = %(id)s"
        return {row.step_id: row for row in self.sql(query, id=str(execution_id))}

    def sql(self, query: str, **given: Any) -> list[Row[Any]]:
        """Run one statement in a transaction of its own."""
        with self.engine.begin() as tx:
            result = tx.exec_driver_sql(query, given)
            return list(result) if result.returns_rows else []

    def change(self, changes: str, ids: Sequence[UUID]) -> None:
        """Set columns of executions, past all moves."""
        self.sql(
            f"UPDATE executions SET {changes} WHERE id = ANY(%(ids)s::uuid[])", ids=[str(i) for i in ids]
        )

    def transaction(self) -> Any:
        """Open a transaction that commits at the end of its block."""
        return self.engine.begin()


def limit(place: Place, **values: object) -> None:
    """Set quotas of the workspace."""
    changes = ", ".join(f"{name} = %({name})s" for name in values)
    place.sql(
        f"UPDATE workspaces SET {changes} WHERE id = %(id)s", id=str(place.scope.workspace_id), **values
    )


def end(place: Place, ids: list[UUID], worker: str = "w1") -> None:
    """Complete running executions."""
    with place.transaction() as tx:
        ends = [(i, place.row(i).claim_no, Settlement(Status.COMPLETED), 0) for i in ids]
        assert flushes.settle(tx, worker, ends) == len(ids)


def new_workflow(app: Flask, scope: Scope, definition: Json = DEFINITION) -> UUID:
    """Save a workflow; give its id."""
    values = {"name": "A workflow", "definition": definition, "enabled": True, "max_concurrency": None}
    with app.app_context():
        made: UUID = workflows.create(scope, values).id
    return made


@contextmanager
def placed(app: Flask, settings: Settings) -> Iterator[Place]:
    """Make a workspace with a workflow of one step; close its connections after the block."""
    engine = create_engine(settings.database_url, pool_size=64, connect_args={"options": "-c timezone=UTC"})
    with app.app_context():
        made = workspaces.create("Acme")
    scope = Scope(made.workspace_id, Role.ADMIN, made.space_id)
    try:
        yield Place(engine, scope, new_workflow(app, scope))
    finally:
        engine.dispose()


def lock(tx: Connection, execution_id: UUID) -> None:
    """Lock an execution's row until the transaction ends."""
    tx.exec_driver_sql("SELECT 1 FROM executions WHERE id = %(id)s FOR UPDATE", {"id": str(execution_id)})
