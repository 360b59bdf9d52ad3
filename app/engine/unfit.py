"""What JavaScript gives and JSON cannot hold, in sentences."""

import json

LONGEST_KEY = 200
_SYNCHRONOUS = "which nothing here can wait for: all is synchronous, so leave async and await out"
_VALUES = {
    "Function": "a function, which JSON cannot hold: call it, and give what it returns",
    "BigInt": (
        "a BigInt, which JSON cannot hold: give it as Number(n), or as String(n) if it is too large for that"
    ),
    "Map": "a Map, which JSON cannot hold: give it as Object.fromEntries(map)",
    "Set": "a Set, which JSON cannot hold: give it as [...set]",
    "Iterator": "an iterator, which JSON cannot hold: give what it goes through as [...iterator]",
    "Promise": f"a promise, {_SYNCHRONOUS}",
    "Error": "an Error, which JSON cannot hold: give its message",
    "symbol": "a symbol, which JSON cannot hold",
}
_WHOLE = {
    "cycle": "The value contains itself, which JSON cannot hold: leave out what refers back",
    "true function": "The condition is a function, which is always true: call it",
    "true promise": f"The condition is a promise, {_SYNCHRONOUS}",
}


def told(kind: str, key: str) -> str | None:
    """Say what is unfit in a value, and under which key if there is one; None for no such kind."""
    if kind in _WHOLE:
        return _WHOLE[kind]
    where = f"The value of {json.dumps(key[:LONGEST_KEY], ensure_ascii=False)}" if key else "The value"
    return f"{where} is {_VALUES[kind]}" if kind in _VALUES else None
