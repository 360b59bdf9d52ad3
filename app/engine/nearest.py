"""Names the known word that was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 64


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean X?)`, or nothing when no known word is like it; case counts for nothing."""
    if len(word) > _LONGEST:
        return ""
    by_lower = {one.lower(): one for one in sorted(known)}
    close = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f" (did you mean {by_lower[close[0]]}?)" if close else ""
