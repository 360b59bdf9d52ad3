"""The web's door: `python -m app.serve` checks the settings and becomes granian; `--check` only checks.

Left alone with a bad setting, granian shows a trace for each of its workers, starts them again, and gives up.
"""

import os
import socket
import sys

from app import environment
from app.settings import BadSetting, Settings

KILL_SECONDS = 20


def main() -> None:
    """Serve until a signal ends it; one line and exit code 1 when a setting is bad."""
    try:
        settings = environment.checked()
        if "--check" in sys.argv:
            return
        require_listening(settings.web_host, settings.port)
    except BadSetting as refusal:
        sys.exit(str(refusal))
    os.execv(sys.executable, [sys.executable, "-m", "granian", *_flags(settings), "wsgi:app"])  # noqa: S606


def require_listening(host: str, port: int) -> None:
    """Raise BadSetting where granian could not listen; like it, let others share the port who agree to."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
                probe.setsockopt(socket.SOL_SOCKET, option, 1)
            probe.bind((host, port))
    except OSError as error:
        where = f"PORT {port} of GRANIAN_HOST {host}"
        raise BadSetting(f"{where} cannot be used ({error.strerror}): set another") from error


def _flags(settings: Settings) -> list[str]:
    flags = {
        "interface": "wsgi",
        "http": "1",
        "host": settings.web_host,
        "port": settings.port,
        "workers": settings.web_concurrency,
        "blocking-threads": settings.web_threads + settings.stream_limit,
        "workers-kill-timeout": KILL_SECONDS,
        "log-level": "error",
    }
    return ["--respawn-failed-workers", *(f"--{name}={value}" for name, value in flags.items())]


if __name__ == "__main__":
    main()
