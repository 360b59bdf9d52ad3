"""What a running `make run` keeps in DATA_DIR beside the servers' data: lock, secret key, `run.env`."""

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

DEFAULT = "var"
RUN_ENV = "run.env"


class AlreadyRunning(Exception):
    """Another `make run` works on the same DATA_DIR; the message says where."""


def locate(env: Mapping[str, str]) -> Path:
    """Give the absolute path of DATA_DIR, by default `./var`."""
    return Path(env.get("DATA_DIR") or DEFAULT).resolve()


@contextmanager
def held(data_dir: Path, url: str) -> Iterator[None]:
    """Hold the folder for one `make run` at `url`; raises AlreadyRunning with the URL of the other one."""
    descriptor = os.open(data_dir / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            there = lock.read().strip() or "it is still starting"
            raise AlreadyRunning(f"already running on {data_dir}: {there}") from None
        lock.seek(0)
        lock.truncate()
        lock.write(url)
        lock.flush()
        yield


def secret_key(data_dir: Path) -> str:
    """Give the key of this folder, made at the first start: sessions and stored secrets depend on it."""
    path = data_dir / "secret_key"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(48))
    return path.read_text().strip()


@contextmanager
def run_env(data_dir: Path, values: Mapping[str, str]) -> Iterator[None]:
    """Tell a second shell where the servers are, as `NAME=value` lines, as long as they run."""
    path = data_dir / RUN_ENV
    write_private(path, "".join(f"{name}={value}\n" for name, value in values.items()))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read_run_env(data_dir: Path) -> dict[str, str]:
    """Give what a running `make run` wrote into `run.env`; empty when none runs."""
    path = data_dir / RUN_ENV
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines())
    return {name: value for name, _, value in pairs}


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
