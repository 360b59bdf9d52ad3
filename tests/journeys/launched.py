"""A `make run` under test: what it prints, and its processes."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.living import living
from tests.servers import PROJECT

START_SECONDS = 120
MOST_SECONDS = 60
UNDER_TEST = {"LOG_LEVEL": "WARNING", "SHUTDOWN_GRACE_SECONDS": "2", "SANDBOX_CHILDREN": "1"}


class Launched:
    """One `python -m app.launch`; what it prints, and its processes."""

    def __init__(self, data_dir: Path, port: int, **env: str) -> None:
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{port}"
        self.printed = data_dir.with_name(f"{data_dir.name}-{port}.out")
        with self.printed.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.launch"],
                cwd=PROJECT,
                env=os.environ | UNDER_TEST | {"DATA_DIR": str(data_dir), "PORT": str(port)} | env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def says(self, pattern: str, seconds: float = START_SECONDS) -> str:
        """Wait for a line that fits, and give its first group or the line."""
        found = until(lambda: re.search(pattern, self.output, re.MULTILINE), seconds, lambda: self.output)
        return found[found.re.groups]

    @property
    def output(self) -> str:
        return self.printed.read_text()

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def child_or_none(self, word: str) -> psutil.Process | None:
        """Give the child whose command has `word`, if it lives."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in living(psutil.Process(self.process.pid).children()):
                if any(word in part for part in child.cmdline()):
                    return child
        return None

    def child(self, word: str) -> psutil.Process:
        """Give the child whose command has `word`."""
        found = self.child_or_none(word)
        assert found is not None
        return found

    def answers(self, path: str) -> bool:
        """Tell whether a GET succeeds."""
        with contextlib.suppress(OSError), urllib.request.urlopen(self.url + path, timeout=30) as reply:
            return reply.status == 200
        return False

    def get(self, path: str, key: str) -> Any:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(MOST_SECONDS)


def until(found: Callable[[], Any], seconds: float = MOST_SECONDS, state: Callable[[], Any] = str) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        if time.monotonic() > deadline:
            pytest.fail(f"did not come within {seconds} s: {state()}")
        time.sleep(0.05)
    return value
