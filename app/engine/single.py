"""Runs one execution to its end in this process: what our job does under a stock RQ worker."""

import asyncio
import os
from uuid import uuid4

from sqlalchemy import Engine

from app.engine.desk import Desk
from app.queue import Taken
from app.settings import Settings


def run_one(settings: Settings, engine: Engine, job: Taken) -> bool:
    """Claim one execution and run it until it ends or waits; False when it was not to be claimed."""
    return asyncio.run(_run(settings, engine, job))


async def _run(settings: Settings, engine: Engine, job: Taken) -> bool:
    desk = Desk(settings, engine, f"single.{os.getpid()}.{uuid4().hex[:8]}", lambda _report, _jobs: None)
    keeper = asyncio.create_task(desk.keep_leases())
    desk.take([job])
    await desk.wait_until_quiet()
    keeper.cancel()
    await desk.stop(0)
    return desk.ended > 0
