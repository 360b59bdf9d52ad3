"""What must hold, and whether the rounds showed it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """Something that must hold, in which rounds it did, and why those prove nothing, if so."""

    rule: str
    found: str
    rounds: tuple[bool, ...]
    doubt: str = ""

    @property
    def word(self) -> str:
        """Say `holds` or `FAILS` only when every round agrees on a quiet machine."""
        if self.doubt or len(set(self.rounds)) > 1:
            return "unsure"
        return "holds" if all(self.rounds) else "FAILS"

    def __str__(self) -> str:
        doubt = self.doubt or "rounds disagree"
        again = f" ({doubt}: repeat on a quiet machine)" if self.word == "unsure" else ""
        return f"{self.word:6} {self.rule}: {self.found}{again}"
