"""Which of some processes still run."""

from collections.abc import Iterable
from contextlib import suppress

import psutil


def living(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Give those that run: not one that ends while it is looked at, nor a zombie, whose parent is late."""
    return [process for process in processes if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
