"""The WSGI door: `granian wsgi:app` (see `app/serve.py`) and `flask --app wsgi`."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.tether import follow_parent

if TYPE_CHECKING:
    from flask import Flask


@contextmanager
def ended_at_once() -> Iterator[None]:
    """Let SIGINT and SIGTERM end this process: a worker of granian that still loads would not hear them."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for signum in (signal.SIGINT, signal.SIGTERM):
            if callable(signal.getsignal(signum)):
                before[signum] = signal.signal(signum, signal.SIG_DFL)
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def stay_with_server() -> None:
    """Let a worker of granian die with granian: left behind, it would go on serving what was replaced."""
    server = multiprocessing.parent_process()
    if server is not None:
        follow_parent(signal.SIGKILL)
        if not server.is_alive():
            os._exit(1)


def load() -> "Flask":
    """Build the application; a bad setting ends the process with its one line."""
    # A second's worth of modules, which a signal may interrupt.
    from app import create_app
    from app.environment import COMMAND_LINE
    from app.settings import BadSetting
    from app.stream.ending import heed

    try:
        app = create_app()
    except BadSetting as refusal:
        sys.exit(str(refusal))
    if os.environ.get(COMMAND_LINE) != "true":
        heed(app)
    return app


with ended_at_once():
    stay_with_server()
    app = load()
