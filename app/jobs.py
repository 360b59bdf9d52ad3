"""The functions that RQ jobs name: the doors of workers."""

from functools import lru_cache
from uuid import UUID

from flask import Flask

from app import create_app
from app.engine.single import run_one
from app.extensions import db
from app.queue import Taken
from app.services.tick import tick as make_tick


@lru_cache(maxsize=1)
def application() -> Flask:
    """Build this process's application once."""
    return create_app()


def run_execution(executionId: str, workspaceId: str) -> None:  # noqa: N803 -- the job's arguments are JSON
    """Run one execution in a stock RQ worker's process; ExecutionsWorker runs many without calling this."""
    app = application()
    with app.app_context():
        db.engine.dispose(close=False)
        run_one(app.config["SETTINGS"], db.engine, Taken("", UUID(executionId), UUID(workspaceId)))


def tick() -> None:
    """Make one tick."""
    with application().app_context():
        make_tick()
