"""The tour of the README, typed as it is written, on a service started as `make run` starts it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.markdown import Block, blocks
from tests.procfile import free_port
from tests.servers import PROJECT

START_SECONDS = 180
BLOCK_SECONDS = 180
PASTED = {
    "URL": r"Linea Executions +(\S+)",
    "KEY": r"API key +(\S+)",
    "WORKSPACE": r"^ +workspace +(\S+)",
    "SPACE": r"^ +space +(\S+)",
    "WORKER": r"worker started.*worker=\S+\.(\d+)\.\w+",
}
NEEDED = ("app", "migrations", "Procfile", "wsgi.py", "worker.py")


@dataclass
class Started:
    """A service, the folder that a reader would be in, and the file with what it printed."""

    folder: Path
    printed: Path

    def pasted(self, name: str) -> str:
        """Give what a reader copies out of the terminal."""
        found = re.findall(PASTED[name], self.printed.read_text(), re.MULTILINE)
        return str(found[-1])


@pytest.fixture
def started() -> Iterator[Started]:
    """Start the service in a folder that looks like a clone after `make run`."""
    with tempfile.TemporaryDirectory(prefix="linea-readme-") as name:
        folder, printed = Path(name), Path(name) / "printed"
        for needed in NEEDED:
            (folder / needed).symlink_to(PROJECT / needed)
        (folder / ".venv").symlink_to(sys.prefix)
        with printed.open("wb") as output:
            quick = {"SHUTDOWN_GRACE_SECONDS": "2", "LEASE_SECONDS": "5"}
            env = os.environ | quick | {"PORT": str(free_port())}
            process = subprocess.Popen(
                [sys.executable, "-m", "app.launch"],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            _wait_until_ready(process, printed)
            yield Started(folder, printed)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(120)


def _wait_until_ready(process: "subprocess.Popen[bytes]", printed: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while "\nready\n" not in printed.read_text():
        assert process.poll() is None, printed.read_text()
        assert time.monotonic() < end, printed.read_text()
        time.sleep(0.1)


class Shell:
    """One terminal: what a block sets, the next one has."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env={name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )

    def type(self, text: str) -> str:
        """Type a block and give what it prints, whatever stream it takes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{text}\necho '-- end --'\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            text, end, _ = line.partition("-- end --")
            lines.append(text)
            if end:
                break
        return "".join(lines)

    def close(self) -> None:
        """End the shell, and what may hang in it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def forget(self) -> None:
        """Let go of what is left of an ended shell."""
        self._process.communicate()


@pytest.fixture
def shell(started: Started) -> Iterator[Shell]:
    """Open a terminal in the folder; one that hangs is ended."""
    shell = Shell(started.folder)
    signal.signal(signal.SIGALRM, lambda *_: shell.close())
    yield shell
    signal.alarm(0)
    shell.close()
    shell.forget()


def tour() -> list[tuple[Block, str | None]]:
    """List the commands of the README, each with the output that is shown below it."""
    found = blocks(PROJECT / "README.md")
    following: list[Block | None] = [*found[1:], None]
    return [
        (block, after.text if after is not None and after.language == "text" else None)
        for block, after in zip(found, following, strict=True)
        if block.language == "sh"
    ]


def fits(shown: str, printed: str) -> bool:
    """Compare output with what the README shows, in which … stands for anything."""
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def filled_in(text: str, started: Started) -> str:
    """Paste what the service printed where the README says so."""
    lines = [line.partition("=") for line in text.splitlines()]
    pasted = [
        (name, is_, started.pasted(name) if is_ and name in PASTED else rest) for name, is_, rest in lines
    ]
    return "\n".join("".join(parts) for parts in pasted)


@pytest.mark.faults
def test_the_tour_does_what_it_says(started: Started, shell: Shell) -> None:
    steps = tour()

    for block, shown in steps:
        signal.alarm(BLOCK_SECONDS)
        printed = shell.type(filled_in(block.text, started))

        assert fits(shown or "", printed), f"{block.text}\nprints\n{printed}\nnot\n{shown}"

    assert len(steps) > 10
    assert "was ended by SIGKILL; starting it again" in started.printed.read_text()
