"""What may be wrong with an installation, as words: for people, alarms and programs alike."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a code, what it is, what follows from it, and what to do; no final stops."""

    code: str
    what: str
    why: str
    todo: str
    count: int | None = None

    @property
    def sentence(self) -> str:
        """Say it shortly."""
        return f"{self.what}: {self.todo}."
