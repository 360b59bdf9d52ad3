"""What the Procfile starts: its commands, with the programs of this environment."""

import os
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tests.servers import PROJECT

HOST = "127.0.0.1"


def command(kind: str) -> list[str]:
    """Give the command of a line of the Procfile, to be started in the project with `programs` as PATH."""
    lines = (line.partition(": ") for line in (PROJECT / "Procfile").read_text().splitlines())
    [found] = [command for name, _, command in lines if name == kind]
    return ["sh", "-c", f"exec {found}"]


def programs() -> str:
    """Give a PATH that begins with the programs that are installed beside this Python."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Tell whether a web process is there."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
