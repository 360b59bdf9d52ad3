"""Functions as tasks: how they are registered, and which JSON fits their arguments."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from app import tasks
from app.settings import BadSetting
from app.tasks import UNKNOWN, Task, task


@pytest.fixture(autouse=True)
def _own_registry() -> Iterator[None]:
    before = dict(tasks.TASKS)
    yield
    tasks.TASKS.clear()
    tasks.TASKS.update(before)


def registered(function: Callable[..., Any]) -> Task:
    task("under_test")(function)
    return tasks.TASKS["under_test"]


def of_kind(kind: Any) -> Task:
    def function(x: Any) -> None: ...

    function.__annotations__["x"] = kind
    return registered(function)


FITTING: list[tuple[Any, Any, Any]] = [
    (str, "a", "a"),
    (str, "", ""),
    (int, 5, 5),
    (int, 5.0, 5),
    (float, 5, 5.0),
    (float, 0.5, 0.5),
    (bool, True, True),
    (None, None, None),
    (list, [1, "a"], [1, "a"]),
    (dict, {"a": 1}, {"a": 1}),
    (Any, {"a": [None]}, {"a": [None]}),
    (int | None, None, None),
    (int | str, "5", "5"),
    (float | int, 5, 5),
    (float | str, 5, 5.0),
    (list[int], [1, 2.0], [1, 2]),
    (dict[str, list[bool]], {"a": [True]}, {"a": [True]}),
    (Literal["eur", "usd"], "eur", "eur"),
    (int, UNKNOWN, UNKNOWN),
    (list[int], [1, UNKNOWN], [1, UNKNOWN]),
]


@pytest.mark.parametrize(("kind", "value", "taken"), FITTING)
def test_a_value_that_fits_is_taken(kind: Any, value: Any, taken: Any) -> None:
    fitting, faults = of_kind(kind).fit({"x": value})

    assert (fitting, faults) == ({"x": taken}, [])
    assert type(fitting["x"]) is type(taken)


MISFITS: list[tuple[Any, Any, str, str]] = [
    (str, 5, "x", "Must be a text."),
    (str, None, "x", "Must be a text."),
    (int, "5", "x", "Must be a whole number."),
    (int, 5.5, "x", "Must be a whole number."),
    (int, True, "x", "Must be a whole number."),
    (float, False, "x", "Must be a number."),
    (bool, 1, "x", "Must be true or false."),
    (None, 0, "x", "Must be null."),
    (list, {}, "x", "Must be a list."),
    (dict, [], "x", "Must be an object."),
    (int | None, "a", "x", "Must be a whole number or null."),
    (list[int], [1, "b"], "x[1]", "Must be a whole number."),
    (list[int], "ab", "x", "Must be a list whose members are each a whole number."),
    (dict[str, list[bool]], {"a": [True, 0]}, "x.a[1]", "Must be true or false."),
    (dict[str, int], 1, "x", "Must be an object whose values are each a whole number."),
    (Literal["eur", 1], True, "x", "Must be one of eur, 1."),
]


@pytest.mark.parametrize(("kind", "value", "path", "message"), MISFITS)
def test_a_value_that_does_not_fit_is_refused_at_its_place(
    kind: Any, value: Any, path: str, message: str
) -> None:
    _, faults = of_kind(kind).fit({"x": value})

    assert [(fault.path, fault.message) for fault in faults] == [(path, message)]


def test_all_that_is_wrong_with_the_arguments_is_told_at_once() -> None:
    def function(amount: int, currency: str = "EUR") -> None: ...

    _, faults = registered(function).fit({"currency": 5, "amuont": 1})

    assert [(fault.path, fault.message) for fault in faults] == [
        ("amount", "Is missing: under_test needs a whole number here."),
        ("currency", "Must be a text."),
        ("amuont", "under_test takes no such argument (did you mean amount?)."),
    ]


def test_arguments_by_any_name_fit_where_the_function_takes_them() -> None:
    def function(*, first: int, **others: str) -> None: ...

    fitting, faults = registered(function).fit({"first": 1, "second": "a", "third": 5})

    assert fitting == {"first": 1, "second": "a"}
    assert [(fault.path, fault.message) for fault in faults] == [("third", "Must be a text.")]


def test_an_argument_without_annotation_takes_anything() -> None:
    def function(x, y=None): ...  # type: ignore[no-untyped-def]

    assert registered(function).fit({"x": [{}]}) == ({"x": [{}]}, [])


def _positional(x: int, /) -> None: ...


def _starred(*x: int) -> None: ...


def _bytes(x: bytes) -> None: ...


def _keys(x: dict[int, str]) -> None: ...


def _deep(x: list[set[int]]) -> None: ...


@pytest.mark.parametrize("function", [_positional, _starred, _bytes, _keys, _deep])
def test_a_function_that_json_cannot_call_is_no_task(function: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="'under_test'"):
        registered(function)


def test_two_functions_cannot_have_one_name() -> None:
    registered(_bytes_or_text)

    with pytest.raises(TypeError, match="two tasks are named 'under_test'"):
        registered(test_two_functions_cannot_have_one_name)


def _bytes_or_text(x: str) -> None: ...


@pytest.mark.parametrize("name", ["", " ", None, _positional])
def test_a_task_needs_a_name(name: Any) -> None:
    with pytest.raises(TypeError, match="needs a name"):
        task(name)


def test_the_function_itself_stays_as_it_is() -> None:
    def function(x: int) -> int:
        return x + 1

    assert task("under_test")(function) is function


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("raise RuntimeError('no licence\\nhere')", "RuntimeError: no licence here"),
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        ("from app.tasks import task\n@task('t')\ndef f(x: bytes): ...", "only JSON types can be checked"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_a_module_that_cannot_be_imported_stops_the_start_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, why: str
) -> None:
    (tmp_path / "broken_tasks.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(BadSetting, match="TASK_MODULES names 'broken_tasks'") as refused:
        tasks.load(["broken_tasks"])

    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_modules_are_loaded_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first_tasks", "second_tasks"):
        (tmp_path / f"{name}.py").write_text(f"from app.tasks import task\n@task('{name}')\ndef f(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)

    tasks.load(["first_tasks", "second_tasks"])

    assert [name for name in tasks.TASKS if name.endswith("_tasks")] == ["first_tasks", "second_tasks"]
    for name in ("first_tasks", "second_tasks"):
        del sys.modules[name]
