"""The BullMQ baseline: there where node is, its packages in a cache folder, its worker in `bullmq/`."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import last_line
from benchmarks.servers import PLAIN, Servers

SOURCE = Path(__file__).parent / "bullmq"
CACHE = Path.home() / ".cache" / "linea-benchmarks"
CONCURRENCY = 50
INSTALL_SECONDS = 300


class LeftOut(Exception):
    """The baseline cannot run here; the message says why."""


@dataclass(frozen=True, slots=True)
class NodePeer:
    """BullMQ, ready to run."""

    node: str
    version: str

    def command(self, *words: str) -> list[str]:
        """Give the command line for `send` or `work`."""
        return [self.node, str(SOURCE / "executions.cjs"), *words]


def install() -> NodePeer:
    """Install the packages at the first time; raises LeftOut."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise LeftOut("node and npm are not here")
    wanted, installed = (SOURCE / "package.json").read_text(), CACHE / "installed.json"
    if not installed.exists() or installed.read_text() != wanted:
        _install(npm, wanted)
        installed.write_text(wanted)
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return NodePeer(node, version)


def _install(npm: str, wanted: str) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "package.json").write_text(wanted)
    command = [npm, "install", "--prefix", str(CACHE), "--no-audit", "--no-fund", "--silent"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise LeftOut(f"npm install took longer than {INSTALL_SECONDS} s") from error
    if done.returncode != 0:
        raise LeftOut(f"npm install failed: {last_line(done.stderr)}")


def environment(servers: Servers) -> dict[str, str]:
    """Tell the node processes where the servers and the packages are."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "NODE_PATH": str(CACHE / "node_modules"),
        "NODE_ENV": "production",
        "VALKEY_SOCKET": servers.valkey.url.removeprefix("unix://"),
        "POSTGRES_SOCKETS": str(servers.postgres.sockets),
        "POSTGRES_USER": "linea",
        "POSTGRES_DATABASE": PLAIN,
    }
