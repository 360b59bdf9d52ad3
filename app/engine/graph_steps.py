"""Compiles one step of a definition: its expressions, its `with`, and what it may refer to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.engine.bodies import check_body
from app.engine.expressions import Compiled, Rules, compile_value
from app.engine.lookalikes import lookalikes
from app.engine.names import ROOTS, Use
from app.engine.nearest import nearest
from app.engine.programs import StepProgram
from app.engine.syntax import Syntax
from app.engine.templates import OPENING
from app.errors import Fault
from app.steps.arguments import check_args, verbatim_fields
from app.steps.base import STEP_TYPES, StepType
from app.steps.fields import Template
from app.steps.secrets import secret_names

Json = Any

OUTSIDE_FOR_EACH = ROOTS - {"item", "index"}
NO_MARKS = "code uses the names without ${{ }}, as in return input.x"
ONCE = Rules(roots=OUTSIDE_FOR_EACH)
# Where secrets may stand: in all fields of `http`, in `args` of `task`.
_SECRETS_IN: Mapping[str, frozenset[str] | None] = {"http": None, "task": frozenset({"args"})}


@dataclass(slots=True)
class Work:
    """One compilation of a whole definition: what it has found so far."""

    syntax: Syntax = field(default_factory=Syntax)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    def compile(self, value: Json, path: str, *, secrets: bool = False, rules: Rules = ONCE) -> Compiled:
        """Compile one value and note its faults."""
        compiled, faults = compile_value(value, path, secrets=secrets, rules=rules, syntax=self.syntax)
        self.faults += faults
        self.warnings += lookalikes(value, path, rules.verbatim)
        return compiled

    def correct(self, faults: list[Fault]) -> None:
        """Note faults in place of others at the same paths."""
        places = {fault.path for fault in faults}
        self.faults = [*(fault for fault in self.faults if fault.path not in places), *faults]


@dataclass(slots=True)
class Parts:
    """The compiled parts of one step."""

    args: Compiled
    condition: Compiled | None
    items: Compiled | None

    def references(self) -> list[tuple[str, str]]:
        """Return where which steps are named."""
        compiled = (self.condition, self.items, self.args)
        return [reference for part in compiled if part is not None for reference in part.references]

    def programs(self, reach: tuple[str, ...], seconds: float) -> tuple[StepProgram, StepProgram | None]:
        """Return the step's program and, with forEach, the one that asks the condition and gives the list.

        `seconds` is what the step's program may take.
        """
        if self.items is None:
            return StepProgram(self.condition, self.args, reach, seconds), None
        return StepProgram(None, self.args, reach, seconds), StepProgram(self.condition, self.items, reach)


def step_type(step: dict[str, Any], work: Work) -> StepType | None:
    """Return the type of a step, or note that there is none of this name."""
    name = step.get("type")
    if name is None:
        return None
    if name not in STEP_TYPES:
        known = ", ".join(sorted(STEP_TYPES))
        message = f"There is no step type {name}{nearest(name, STEP_TYPES)}; there are {known}."
        work.faults.append(Fault(f"{step['path']}.type", message))
    return STEP_TYPES.get(name)


def compile_step(step: dict[str, Any], kind: StepType | None, work: Work) -> Parts:
    """Compile condition, list and `with` of a step; faults are noted."""
    path = step["path"]
    condition = _condition(step, path, work) if "condition" in step else None
    items = _items(step, path, work) if "for_each" in step else None
    return Parts(_args(step, kind, items is not None, work), condition, items)


def _args(step: dict[str, Any], kind: StepType | None, with_items: bool, work: Work) -> Compiled:
    path, values = f"{step['path']}.with", step.get("args", {})
    programs = verbatim_fields(kind.schema) if kind else frozenset()
    roots = ROOTS if with_items else OUTSIDE_FOR_EACH
    allowed = _SECRETS_IN.get(step.get("type", ""), frozenset())
    rules = Rules(roots=roots, verbatim=programs)
    compiled = work.compile(values, path, secrets=allowed != frozenset(), rules=rules)
    if allowed is not None:
        refused = {key: mark for key, mark in compiled.marked.items() if key not in allowed}
        _refuse_secrets(refused, path, work)
    if kind and "args" in step:
        told = {fault.path for fault in work.faults}
        found = check_args(kind.schema, compiled.marked, path)
        work.faults += [fault for fault in found if fault.path not in told]
    for key in sorted(programs):
        if isinstance(values.get(key), str):
            compiled = _with_source(compiled, values[key], roots, f"{path}.{key}", work)
    return compiled


def _with_source(compiled: Compiled, source: str, roots: frozenset[str], path: str, work: Work) -> Compiled:
    """Add what a program of the step may name; what is surely wrong with it is noted."""
    names = Use.anything(source).names
    names = replace(compiled.names | names, roots=compiled.names.roots | (names.roots & roots))
    if (fault := work.syntax.body(source)) is not None:
        hint = f" ({NO_MARKS})" if OPENING in source else ""
        work.faults.append(Fault(path, f"line {fault.line}, column {fault.column}: {fault.message}{hint}"))
        return replace(compiled, names=names)
    found = check_body(source, path, roots, work.syntax.globals)
    work.faults += found.faults
    work.warnings += found.warnings
    references = dict.fromkeys((path, step_id) for step_id in found.references)
    return replace(compiled, names=names, references=(*compiled.references, *references))


def _refuse_secrets(marked: dict[str, Json], path: str, work: Work) -> None:
    known = {fault.path for fault in work.faults}
    for key, mark in marked.items():
        if secret_names([mark]) and not any(at.startswith(f"{path}.{key}") for at in known):
            message = "Secrets can only stand in fields of http steps and in args of task steps."
            work.faults.append(Fault(f"{path}.{key}", message))


def _condition(step: dict[str, Any], path: str, work: Work) -> Compiled:
    rules = Rules(roots=OUTSIDE_FOR_EACH, condition=True)
    compiled = work.compile(step["condition"], f"{path}.if", rules=rules)
    if not _is_expression(compiled):
        message = "Must be one expression, as in ${{ input.total > 100 }}: other text is always true."
        work.faults.append(Fault(f"{path}.if", message))
    return compiled


def _items(step: dict[str, Any], path: str, work: Work) -> Compiled:
    compiled = work.compile(step["for_each"], f"{path}.forEach")
    if not _is_expression(compiled):
        message = "Must be one expression that gives a list, as in ${{ input.orders }}."
        work.faults.append(Fault(f"{path}.forEach", message))
    return compiled


def _is_expression(compiled: Compiled) -> bool:
    """Tell whether it is one expression; with secrets in it, which were refused, it may be anything."""
    exact = isinstance(compiled.marked, Template) and compiled.marked.exact
    return exact or bool(secret_names(compiled.marked))
