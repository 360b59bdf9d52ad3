"""Checks JavaScript for syntax without ever running it."""

import re
from dataclasses import dataclass
from typing import Any

import quickjs

# Compiles `head + source + tail` as a whole and leaves before its first own statement: whatever the source
# closes early, nothing of it runs. (QuickJS' Function constructor would run what stands behind a `})`.)
_CHECK = """
(head, source, tail) => {
  try { (0, eval)("throw 0;" + head + source + tail); } catch (error) {
    return error === 0 ? "" : String(error) + "\\n" + String(error.stack || "");
  }
}
"""
_PLACE = re.compile(r"\n    at <input>:(\d+):(\d+)\n")

# A source is one expression only if it is one in either kind of bracket: `a) + (b` is none in the second.
_EXPRESSION = (
    ("(function(){'use strict';return (\n", "\n)})"),
    ("(function(){'use strict';return [\n", "\n]})"),
)
# No text that closes the function early fits all three: the second wants a comma there, the third forbids it.
_BODY = (
    ("(function(){'use strict';\n", "\n})"),
    ("({body(){'use strict';\n", "\n}})"),
    ("(class{body(){'use strict';\n", "\n}})"),
)
# What compiles only in these has an `await` that nothing here could ever come back to.
_ASYNC_EXPRESSION = ("(async function(){'use strict';return (\n", "\n)})")
_ASYNC_BODY = ("(async function(){'use strict';\n", "\n})")
_NO_AWAIT = (
    "await does not work here, as all is synchronous: leave it out, and let an http step before this one"
    " fetch what it needs"
)


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """What is wrong in a source, and where: line and column count from 1."""

    message: str
    line: int
    column: int


class Syntax:
    """One engine for all checks of one definition; made when the first is asked for, in the asking thread."""

    def __init__(self) -> None:
        self._check: Any = None
        self._globals: frozenset[str] = frozenset()

    def expression(self, source: str) -> SyntaxFault | None:
        """Return what keeps `source` from being one JavaScript expression."""
        return self._told(self._first_fault(_EXPRESSION, source), _ASYNC_EXPRESSION, source)

    def body(self, source: str) -> SyntaxFault | None:
        """Return what keeps `source` from being the body of a JavaScript function."""
        return self._told(self._first_fault(_BODY, source), _ASYNC_BODY, source)

    @property
    def globals(self) -> frozenset[str]:
        """The names that any JavaScript can use."""
        self._start()
        return self._globals

    def _start(self) -> None:
        if self._check is None:
            context = quickjs.Context()
            context.set_memory_limit(64 * 1024 * 1024)
            self._globals = frozenset(
                context.eval("Object.getOwnPropertyNames(globalThis).join(' ')").split()
            )
            self._check = context.eval(_CHECK)

    def _told(self, fault: SyntaxFault | None, form: tuple[str, str], source: str) -> SyntaxFault | None:
        """Return the fault, which says what to do if an `await` is all that is wrong."""
        if fault is None or "await" not in source or self._check(form[0], source, form[1]):
            return fault
        return SyntaxFault(_NO_AWAIT, fault.line, fault.column)

    def _first_fault(self, forms: tuple[tuple[str, str], ...], source: str) -> SyntaxFault | None:
        if not source.isprintable() and "\x00" in source:
            return SyntaxFault("a NUL character", 1, source.index("\x00") + 1)
        self._start()
        for head, tail in forms:
            report = self._check(head, source, tail)
            if report:
                return _fault(report, source)
        return None


def _fault(report: str, source: str) -> SyntaxFault:
    message = report.partition("\n")[0].removeprefix("SyntaxError: ")
    if message.startswith(("RangeError", "InternalError")):
        return SyntaxFault("it is nested too deeply or too large", 1, 1)
    place = _PLACE.search(report)
    if place is None:
        return SyntaxFault(message, 1, 1)
    line, column = int(place[1]) - 1, int(place[2])
    if line > source.count("\n") + 1:
        return SyntaxFault("it ends too early", line - 1, len(source) - source.rfind("\n"))
    return SyntaxFault(message, line, column)
