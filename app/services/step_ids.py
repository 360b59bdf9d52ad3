"""Ids of step executions: derived, so that a step has its id before its row exists."""

from hashlib import sha256
from uuid import UUID

_RANDOM_BITS = (1 << 74) - 1
_LOW_BITS = (1 << 62) - 1


def step_execution_id(execution_id: UUID, step_id: str) -> UUID:
    """Derive the UUIDv7 (RFC 9562) of a step execution: its execution's time, then a hash of both ids."""
    milliseconds = execution_id.int >> 80
    digest = sha256(execution_id.bytes + step_id.encode()).digest()
    random = int.from_bytes(digest[:10], "big") & _RANDOM_BITS
    version_7 = 0x7 << 76
    variant = 0b10 << 62
    return UUID(int=milliseconds << 80 | version_7 | random >> 62 << 64 | variant | random & _LOW_BITS)
