"""The processes that are measured: started, ended by their ids, and what they took of the machine."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from app.tether import tether
from benchmarks.servers import Servers

PROJECT = Path(__file__).resolve().parent.parent
END_SECONDS = 30
SAMPLE_SECONDS = 0.1

Process = subprocess.Popen[bytes]


class Broken(Exception):
    """A measurement could not be taken; the message says why."""


@contextmanager
def started(commands: Sequence[Sequence[str]], env: Mapping[str, str], log: Path) -> Iterator[list[Process]]:
    """Start commands in the project, their output in `log`; end them with this block."""
    with ExitStack() as stack, log.open("ab") as output:
        processes = []
        for command in commands:
            processes.append(_start(command, env, output.fileno()))
            stack.callback(end, processes[-1])
        try:
            yield processes
        except Broken as error:
            if error.__cause__ is not None:
                raise
            raise Broken(f"{error} ({log.name}: {last_line(log.read_text(errors='replace'))})") from error


def _start(command: Sequence[str], env: Mapping[str, str], output: int) -> Process:
    return subprocess.Popen(
        command,
        cwd=PROJECT,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=tether(signal.SIGTERM),  # noqa: PLW1509 -- it only sets a signal
    )


def end(process: Process) -> None:
    """End a process and wait until it is gone."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def last_line(text: str) -> str:
    """Give the last line of what a process said, for a message."""
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def wait_for(done: Callable[[], bool], what: str, seconds: float, pause: float = 0.05) -> None:
    """Wait until `done`; raises Broken."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise Broken(f"{what} took longer than {seconds:.0f} s")
        time.sleep(pause)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the processes had used at a moment: CPU seconds of the workers, PostgreSQL, Valkey; bytes.

    `busy` counts the CPU seconds of the whole machine, this process left out.
    """

    at: float
    cpu: tuple[float, float, float]
    memory: int
    busy: float = 0.0


class Meter:
    """Takes samples of worker processes and of the servers."""

    def __init__(self, servers: Servers, workers: Sequence[Process]) -> None:
        self._processes = workers
        self._workers = [psutil.Process(process.pid) for process in workers]
        self._postgres = [psutil.Process(servers.postgres.process.pid)]
        self._valkey = [psutil.Process(servers.valkey.process.pid)]
        self.samples: list[Sample] = []

    def until(self, ended: Callable[[], bool], what: str, seconds: float) -> list[Sample]:
        """Take samples until `ended`; raises Broken."""

        def sampled() -> bool:
            self.samples.append(self._sample())
            if any(process.poll() for process in self._processes):
                raise Broken(f"a process of {what} failed")
            return ended()

        wait_for(sampled, what, seconds, SAMPLE_SECONDS)
        return self.samples

    def _sample(self) -> Sample:
        cpu = (_cpu(self._workers), _cpu(self._postgres), _cpu(self._valkey))
        return Sample(time.time(), cpu, _memory(self._workers), _busy())


def _family(roots: Sequence[psutil.Process]) -> list[psutil.Process]:
    found = []
    for root in roots:
        with suppress(psutil.Error):
            found += [root, *root.children(recursive=True)]
    return found


def _cpu(roots: Sequence[psutil.Process]) -> float:
    """Add up the CPU seconds of processes, their children, and children that ended."""
    seconds = 0.0
    for process in _family(roots):
        with suppress(psutil.Error):
            seconds += sum(process.cpu_times()[:4])
    return seconds


def _busy() -> float:
    """Add up what the machine's processors did for anybody but this process."""
    spent = psutil.cpu_times()
    kinds = ("user", "nice", "system", "irq", "softirq", "steal")
    seconds: float = sum(getattr(spent, kind, 0.0) for kind in kinds) - sum(psutil.Process().cpu_times()[:2])
    return seconds


def _memory(roots: Sequence[psutil.Process]) -> int:
    """Add up the resident bytes of processes and their children; what they share counts for each."""
    resident = 0
    for process in _family(roots):
        with suppress(psutil.Error):
            resident += process.memory_info().rss
    return resident
