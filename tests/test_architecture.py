"""What linters cannot see: sizes, where transactions end, who writes, and that names resolve."""

import ast
import importlib
import inspect
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import queue
from tests.servers import PROJECT

APP = PROJECT / "app"
MODULES = sorted(APP.rglob("*.py"))
TREES = {path.relative_to(APP).as_posix(): ast.parse(path.read_text()) for path in MODULES}
MOST_LINES, MOST_FUNCTION_LINES, MEDIAN_FUNCTION_LINES = 300, 40, 10

# Where a transaction may begin and end: the one door of services, a flush, and what a desk asks beside; and
# the connection that all of them use, which passes the driver's own on.
TRANSACTIONS = {"services/transaction.py", "pulse.py"} | {
    f"engine/{n}.py" for n in ("flush", "desk", "leases", "library")
}
VAGUE = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
BELOW_MODELS = {"app.extensions", "app.states", "app.errors", "app.clock", "app.settings", "app.log"}
WRITES = re.compile(r"\bUPDATE\s+\w+\s+(\w+\s+)?SET\b|\bINSERT\s+INTO\b|\bDELETE\s+FROM\b", re.IGNORECASE)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def docstrings(tree: ast.AST) -> set[int]:
    """Name the nodes that are docstrings."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    owners = [node for node in ast.walk(tree) if isinstance(node, documented) and ast.get_docstring(node)]
    return {id(owner.body[0].value) for owner in owners if isinstance(owner.body[0], ast.Expr)}


def texts(tree: ast.AST) -> Iterator[str]:
    """Give the texts of a module that are no docstrings."""
    without = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in without:
            yield node.value


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Give what a module imports as (module, name); the name is empty for a whole module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def ends_a_transaction(node: ast.AST) -> bool:
    """Tell `engine.begin()`, `commit()` and their like; our own `begin`s take what they begin with."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    called, given = node.func.attr, bool(node.args or node.keywords)
    return called in ("commit", "begin_nested") or (called == "begin" and not given)


@pytest.mark.parametrize("name", TREES)
def test_a_file_stays_small(name: str) -> None:
    lines = len((APP / name).read_text().splitlines())

    assert lines <= MOST_LINES


@pytest.mark.parametrize("name", TREES)
def test_a_function_stays_small(name: str) -> None:
    long = {f.name: length(f) for f in functions(TREES[name]) if length(f) > MOST_FUNCTION_LINES}

    assert long == {}


def test_half_of_the_functions_are_short() -> None:
    lengths = [length(function) for tree in TREES.values() for function in functions(tree)]

    assert statistics.median(lengths) <= MEDIAN_FUNCTION_LINES


@pytest.mark.parametrize("name", TREES)
def test_a_module_opens_with_what_lives_in_it(name: str) -> None:
    docstring = ast.get_docstring(TREES[name]) or ""

    assert docstring.splitlines()[:1] != []


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_module_has_a_vague_name(path: Path) -> None:
    parts = {*path.relative_to(APP).parts[:-1], path.stem}

    assert parts & VAGUE == set()


def test_transactions_end_only_in_services_and_the_ledger() -> None:
    found = {name for name, tree in TREES.items() if any(map(ends_a_transaction, ast.walk(tree)))}

    assert found == TRANSACTIONS


def test_only_services_open_the_door_for_changes() -> None:
    door = ("app.services.transaction", "transaction")
    found = {name for name, tree in TREES.items() if door in imported(tree)}

    assert {name.partition("/")[0] for name in found} == {"services"}


@pytest.mark.parametrize("name", [name for name in TREES if not name.startswith("store/")])
def test_nothing_but_the_store_writes_to_the_database(name: str) -> None:
    tree = TREES[name]
    statements = [text for text in texts(tree) if WRITES.search(text)]
    constructs = [
        called
        for module, called in imported(tree)
        if module.startswith("sqlalchemy") and called in ("insert", "update", "delete")
    ]
    sessions = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "session"]

    assert (statements, constructs, sessions) == ([], [], [])


def test_models_know_nothing_above_them() -> None:
    found = {
        module
        for name, tree in TREES.items()
        if name.startswith("models/")
        for module, _ in imported(tree)
        if module.startswith("app") and not module.startswith("app.models")
    }

    assert found <= BELOW_MODELS
    assert found != set()


@pytest.mark.parametrize("dotted", sorted(queue.ALLOWED))
def test_the_name_in_a_job_resolves(dotted: str) -> None:
    module, _, name = dotted.rpartition(".")

    assert callable(getattr(importlib.import_module(module), name))


def test_the_job_takes_what_a_ticket_carries() -> None:
    module, _, name = queue.JOB.rpartition(".")
    taken = inspect.signature(getattr(importlib.import_module(module), name)).parameters

    assert set(taken) == {"executionId", "workspaceId"}
