"""The faults of a chaos run: each is made at a random member, and is over some time later."""

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from tests.faults.member import Member
from tests.faults.network import Proxy
from tests.faults.stand import Stand

Fault = Callable[["Mischief"], None]
FAULTS: dict[str, Fault] = {}


def fault(made: Fault) -> Fault:
    """Note a function as a fault, under its own name."""
    FAULTS[made.__name__] = made
    return made


class Mischief:
    """Makes faults at a stand by dice; `lease` is how long a worker owns what it does not renew (seconds)."""

    def __init__(self, stand: Stand, dice: random.Random, lease: float) -> None:
        self.stand = stand
        self.dice = dice
        self.lease = lease
        self.made: Counter[str] = Counter()
        self.diary: list[str] = []
        self._later: list[tuple[float, Callable[[], None]]] = []

    def make(self, names: tuple[str, ...]) -> None:
        """Make one fault, and end those whose time has come."""
        self.settle()
        name = self.dice.choice(names)
        self.made[name] += 1
        self.note(name)
        FAULTS[name](self)

    def note(self, what: str) -> None:
        """Write down what happens now."""
        self.diary.append(f"{datetime.now(UTC):%H:%M:%S.%f} {what}")

    def settle(self) -> None:
        """End what is over, and start again whoever died."""
        now = time.monotonic()
        due = [end for at, end in self._later if at <= now]
        self._later = [(at, end) for at, end in self._later if at > now]
        for end in due:
            self.note(f"over: {end.__qualname__}")
            end()
        for member in self.stand.members:
            if member.process.poll() is not None:
                member.restart()

    def heal(self) -> None:
        """End all faults, and leave a whole crew."""
        for _, end in self._later:
            end()
        self._later.clear()
        for member in self.stand.members:
            member.heal()
        self.settle()

    def after(self, least: float, most: float, end: Callable[[], None]) -> None:
        """Do something later."""
        self._later.append((time.monotonic() + self.dice.uniform(least, most), end))

    def one(self, *kinds: str) -> Member:
        """Choose a member."""
        chosen = self.dice.choice([member for member in self.stand.members if member.kind in kinds])
        self.note(f"  at {chosen.log.stem}")
        return chosen

    def wire(self) -> Proxy:
        """Choose a proxy before PostgreSQL."""
        return self.one("web", "worker", "clock").postgres


@fault
def kill_worker(at: Mischief) -> None:
    at.one("worker").kill()


@fault
def kill_clock(at: Mischief) -> None:
    at.one("clock").kill()


@fault
def kill_part_of_clock(at: Mischief) -> None:
    at.one("clock").kill_child(at.dice.randrange(2))


@fault
def kill_web(at: Mischief) -> None:
    at.one("web").kill()


@fault
def stop_worker(at: Mischief) -> None:
    at.one("worker").ask_to_stop()


@fault
def stop_web(at: Mischief) -> None:
    at.one("web").ask_to_stop()


@fault
def freeze_worker(at: Mischief) -> None:
    member = at.one("worker")
    if member.process.poll() is None:
        member.freeze()
        at.after(at.lease / 4, at.lease * 2, member.thaw)


@fault
def flush_redis(at: Mischief) -> None:
    at.stand.flush()


@fault
def restart_redis_empty(at: Mischief) -> None:
    at.stand.stop_valkey(forget=True)
    time.sleep(at.dice.uniform(0, 1))
    at.stand.start_valkey()


@fault
def restart_redis(at: Mischief) -> None:
    at.stand.stop_valkey(forget=False)
    time.sleep(at.dice.uniform(0, 1))
    at.stand.start_valkey()


@fault
def restart_postgres(at: Mischief) -> None:
    at.stand.stop_postgres()
    time.sleep(at.dice.uniform(0, 1))
    at.stand.start_postgres()


@fault
def cut_postgres(at: Mischief) -> None:
    at.wire().cut()


@fault
def freeze_postgres(at: Mischief) -> None:
    proxy = at.wire()
    proxy.freeze()
    at.after(at.lease / 4, at.lease * 2, proxy.heal)


@fault
def refuse_postgres(at: Mischief) -> None:
    proxy = at.wire()
    proxy.refuse()
    at.after(0.5, at.lease * 1.5, proxy.heal)


@fault
def delay_postgres(at: Mischief) -> None:
    proxy = at.wire()
    proxy.delay(at.dice.uniform(0.01, 0.1))
    at.after(1, 4, proxy.heal)


@fault
def lose_answers_of_postgres(at: Mischief) -> None:
    proxy = at.wire()
    proxy.swallow()
    at.after(0.2, at.lease * 1.5, proxy.heal)


@fault
def cut_redis(at: Mischief) -> None:
    at.one("worker", "web", "clock").redis.cut()


@fault
def freeze_redis(at: Mischief) -> None:
    proxy = at.one("worker", "web", "clock").redis
    proxy.freeze()
    at.after(0.5, at.lease * 2, proxy.heal)


@fault
def refuse_redis(at: Mischief) -> None:
    proxy = at.one("worker", "web", "clock").redis
    proxy.refuse()
    at.after(0.5, at.lease * 2, proxy.heal)
