"""What the Procfile starts: its commands, with the programs of this environment."""

import atexit
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
    """Find a port that nobody listens on, and keep it for who names it until this process ends.

    Bound and never listening, it is out of reach of all who take any port; Linux lets a server listen there.
    """
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind((HOST, 0))
    port = int(kept.getsockname()[1])
    atexit.register(kept.close)
    if sys.platform != "linux":
        kept.close()
    return port


def answers(port: int) -> bool:
    """Tell whether a web process is there."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
