"""A task that takes its whole worker with it, as a crash in a C library would."""

import os
import signal

from app.tasks import task


@task("die")
def die() -> None:
    """Kill the process that runs this."""
    os.kill(os.getpid(), signal.SIGKILL)
