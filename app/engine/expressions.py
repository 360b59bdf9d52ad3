"""Compiles the `${{ … }}` expressions of a value once, to be resolved many times."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.engine.inherited import INHERITED
from app.engine.names import NO_NAMES, ROOT_ORDER, ROOTS, Names, Use, used_in
from app.engine.nearest import nearest
from app.engine.paths import Key, parse_literal, parse_path, reader, text_of
from app.engine.syntax import Syntax, SyntaxFault
from app.engine.templates import OPENING, Part, Source, Unfinished, parts_of, place_in
from app.errors import Fault
from app.steps.fields import Hole, Template
from app.steps.secrets import SecretRef, SecretText

Json = Any
Scope = Mapping[str, Json]
Build = Callable[[Scope, Sequence[Json]], Json]

IN_KEY = (
    "An expression can only stand in a value, not in a key: make the object in one expression,"
    " as in ${{ ({[input.name]: 1}) }}."
)
STEP_MEMBERS = frozenset({"output", "status", "error"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds where a value stands.

    `roots` are the names in reach; with `condition` only the truth of the value matters; `verbatim` are keys
    whose text is no template.
    """

    roots: frozenset[str] = ROOTS
    condition: bool = False
    verbatim: frozenset[str] = frozenset()


EVERYWHERE = Rules()


@dataclass(frozen=True, slots=True)
class Script:
    """An expression for JavaScript; `chains` are the members of roots that it reads, for error messages."""

    source: str
    text: bool
    path: str
    chains: tuple[tuple[str, tuple[Key, ...]], ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A value with its expressions ready to be resolved.

    `marked` is the value as a schema may check it when the definition is saved. `build` makes the value
    from a scope and the results of the scripts; `references` and `secrets` are the steps and secrets that it
    names, each with its place in front.
    """

    names: Names
    marked: Json
    scripts: tuple[Script, ...]
    build: Build
    plain: bool
    references: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()

    def resolve(self, scope: Scope) -> Json:
        """Return the value; only if `plain`.

        Raises ExpressionFailed.
        """
        return self.build(scope, ())


def compile_value(
    value: Json,
    path: str,
    *,
    secrets: bool,
    rules: Rules = EVERYWHERE,
    syntax: Syntax | None = None,
) -> tuple[Compiled, list[Fault]]:
    """Compile a value of the definition; `path` is where it stands.

    `secrets` allows `${{ secrets.NAME }}`. The faults have line and column; with faults the compiled value
    must not be used.
    """
    work = _Work(secrets, rules, syntax or Syntax())
    build, marked = work.object(value, path, rules.verbatim) if rules.verbatim else work.any(value, path)
    scripts, references, named = tuple(work.scripts), tuple(work.references), tuple(work.named_secrets)
    compiled = Compiled(work.names, marked, scripts, build, not scripts, references, named)
    return compiled, work.faults


@dataclass(slots=True)
class _Work:
    """One compilation: what it has found so far."""

    secrets: bool
    rules: Rules
    syntax: Syntax
    names: Names = NO_NAMES
    scripts: list[Script] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    references: list[tuple[str, str]] = field(default_factory=list)
    named_secrets: list[tuple[str, str]] = field(default_factory=list)

    def any(self, value: Json, path: str) -> tuple[Build, Json]:
        if isinstance(value, str) and OPENING in value:
            return self.text(value, path)
        if isinstance(value, dict):
            return self.object(value, path, frozenset())
        if isinstance(value, list):
            return self.items(value, [self.any(item, f"{path}[{at}]") for at, item in enumerate(value)])
        return _constant(value), value

    def object(self, value: dict[str, Json], path: str, verbatim: frozenset[str]) -> tuple[Build, Json]:
        for key in value:
            if OPENING in key:
                self.faults.append(Fault(_under(path, key), IN_KEY))
        built = {
            key: (_constant(item), item) if key in verbatim else self.any(item, _under(path, key))
            for key, item in value.items()
        }
        return self.members(value, built)

    def members(self, value: dict[str, Json], built: dict[str, tuple[Build, Json]]) -> tuple[Build, Json]:
        marked = {key: mark for key, (_, mark) in built.items()}
        moving = [(key, build) for key, (build, mark) in built.items() if mark is not value[key]]
        if not moving:
            return _constant(value), value
        if len(moving) == len(built):
            return lambda scope, results: {key: build(scope, results) for key, build in moving}, marked
        return lambda scope, results: {**value, **{k: build(scope, results) for k, build in moving}}, marked

    def items(self, value: list[Json], built: list[tuple[Build, Json]]) -> tuple[Build, Json]:
        marked = [mark for _, mark in built]
        if all(mark is item for mark, item in zip(marked, value, strict=True)):
            return _constant(value), value
        builds = [build for build, _ in built]
        return lambda scope, results: [build(scope, results) for build in builds], marked

    def text(self, text: str, path: str) -> tuple[Build, Json]:
        try:
            parts = parts_of(text, self.syntax)
        except Unfinished as error:
            self.faults.append(Fault(path, str(error)))
            return _constant(text), Template((Hole(text),))
        marked = Template(tuple(Hole(part.code) if isinstance(part, Source) else part for part in parts))
        if marked.exact and isinstance(parts[0], Source):
            return self.expression(parts[0], text, path, inside=False), marked
        builds = [self.part(part, text, path) for part in parts]
        if any(isinstance(part, SecretRef) for part in parts):
            settled = SecretText(tuple(p for p in parts if not isinstance(p, Source)))
            return _secret_text(builds), marked if len(settled.parts) < len(parts) else settled
        return (lambda scope, results: "".join([text_of(build(scope, results)) for build in builds])), marked

    def part(self, part: Part, text: str, path: str) -> Build:
        if isinstance(part, Source):
            return self.expression(part, text, path, inside=True)
        if isinstance(part, SecretRef):
            self.names |= Names(secrets=frozenset({part.name}))
            self.named_secrets.append((path, part.name))
            if not self.secrets:
                self.faults.append(
                    Fault(path, "Secrets can only stand in fields of http steps and in args of task steps.")
                )
        return _constant(part)

    def expression(self, source: Source, text: str, path: str, *, inside: bool) -> Build:
        literal = parse_literal(source.code)
        if literal is not None:
            return _constant(literal[0])
        plain = parse_path(source.code)
        if plain and plain[0] in ROOTS:
            return self.plain(source, plain, text, path, inside=inside)
        return self.script(source, text, path, inside=inside)

    def plain(
        self, source: Source, plain: tuple[str, tuple[Key, ...]], text: str, path: str, *, inside: bool
    ) -> Build:
        root, keys = plain
        inherited = keys and keys[-1] in INHERITED and keys[-1] != "length"
        if (root == "steps" and not keys) or (self.rules.condition and inherited):
            return self.script(source, text, path, inside=inside)
        self.names |= Names(frozenset({root}), frozenset({str(keys[0])} if root == "steps" else ()))
        self.check([plain], text, source, path)
        read = reader(root, keys)
        return lambda scope, _results: read(scope)

    def script(self, source: Source, text: str, path: str, *, inside: bool) -> Build:
        use = used_in(source.code, self.syntax.globals)
        self.names |= use.names
        self.check(use.chains, text, source, path)
        self.check_unknown(use, text, source, path)
        number = len(self.scripts)
        self.scripts.append(Script(source.code, inside, path, tuple(use.chains)))
        return lambda _scope, results: results[number]

    def check(self, chains: list[tuple[str, tuple[Key, ...]]], text: str, source: Source, path: str) -> None:
        """Note roots out of reach and members that no step has."""
        start = len(source.code) - len(source.code.lstrip())
        for root, keys in chains:
            if root not in self.rules.roots:
                why = "is only there with forEach" if root in ("item", "index") else "is not in reach here"
                self.fault(text, source, path, start, f"{root} {why}.")
            if root == "steps" and keys:
                self.references.append((path, str(keys[0])))
            if root == "steps" and len(keys) > 1 and keys[1] not in STEP_MEMBERS:
                message = f"A step has output, status and error, but no {keys[1]}. What it gave is in output."
                self.fault(text, source, path, start, message)

    def check_unknown(self, use: Use, text: str, source: Source, path: str) -> None:
        for token in use.unknown:
            if token.text == "secrets":
                message = "A secret can only stand alone or inside text, not in a larger expression."
            else:
                known = ", ".join(name for name in ROOT_ORDER if name in self.rules.roots)
                near = nearest(token.text, self.rules.roots)
                message = f"There is no name {token.text[:100]} here{near}; in reach are {known}."
            self.fault(text, source, path, token.at, message)

    def fault(self, text: str, source: Source, path: str, at: int, message: str) -> None:
        before = source.code[:at]
        here = SyntaxFault(message, before.count("\n") + 1, at - before.rfind("\n"))
        self.faults.append(Fault(path, f"{place_in(text, source.at, here)}: {message}"))


def _constant(value: Json) -> Build:
    return lambda _scope, _results: value


def _under(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _secret_text(builds: list[Build]) -> Build:
    def build(scope: Scope, results: Sequence[Json]) -> SecretText:
        values = [build(scope, results) for build in builds]
        return SecretText(tuple(v if isinstance(v, SecretRef) else text_of(v) for v in values))

    return build
