"""Whose turn it is in the sandbox."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from app.engine.sandbox_turns import Kind, Turns

CODE, EXPRESSIONS = Kind.CODE, Kind.EXPRESSIONS
A, B, C, FIRST = uuid4(), uuid4(), uuid4(), uuid4()


class Line:
    """Asks for places and notes who got one, in order."""

    def __init__(self, places: int) -> None:
        self.turns = Turns(places)
        self.got: list[str] = []
        self._asked: list[asyncio.Task[None]] = []

    async def ask(self, name: str, workspace_id: UUID, kind: Kind) -> None:
        """Ask for a place, and go on when all who may have one have it."""

        async def take() -> None:
            await self.turns.take(workspace_id, kind)
            self.got.append(name)

        self._asked.append(asyncio.create_task(take(), name=name))
        await settled()

    async def give_back(self, workspace_id: UUID, kind: Kind) -> None:
        """Free a place."""
        self.turns.give_back(workspace_id, kind)
        await settled()

    async def give_up(self, name: str) -> None:
        """Wait no longer."""
        next(task for task in self._asked if task.get_name() == name).cancel()
        await settled()

    async def close(self) -> None:
        for task in self._asked:
            task.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def in_line(places: int, work: Callable[[Line], Awaitable[None]]) -> list[str]:
    """Do something with a line; give who got a place, in order."""

    async def main() -> list[str]:
        line = Line(places)
        await work(line)
        got = list(line.got)
        await line.close()
        return got

    return asyncio.run(main())


@pytest.mark.parametrize("places", [2, 3, 4, 5, 8])
def test_an_expression_never_waits_for_code_of_its_own_workspace(places: int) -> None:
    async def work(line: Line) -> None:
        for number in range(20):
            await line.ask(f"code {number}", A, CODE)
        await line.ask("expression", A, EXPRESSIONS)

    got = in_line(places, work)

    assert got == [f"code {number}" for number in range(max(1, places // 2))] + ["expression"]


@pytest.mark.parametrize("places", [2, 3, 4, 5, 8])
def test_an_expression_never_waits_for_code_of_all_the_others(places: int) -> None:
    async def work(line: Line) -> None:
        for number in range(20):
            await line.ask("code", uuid4() if number % 2 else A, CODE)
        await line.ask("expression", B, EXPRESSIONS)

    got = in_line(places, work)

    assert got == ["code"] * (places - 1) + ["expression"]


def test_one_workspace_has_half_of_the_places_for_expressions_too() -> None:
    async def work(line: Line) -> None:
        for number in range(6):
            await line.ask(f"a{number}", A, EXPRESSIONS)
        await line.ask("b", B, EXPRESSIONS)

    assert in_line(4, work) == ["a0", "a1", "b"]


def test_with_its_code_at_work_a_workspace_has_one_place_for_expressions_and_no_more() -> None:
    async def work(line: Line) -> None:
        for name, kind in [("c0", CODE), ("c1", CODE), ("e0", EXPRESSIONS), ("e1", EXPRESSIONS)]:
            await line.ask(name, A, kind)
        await line.ask("b", B, EXPRESSIONS)
        await line.give_back(A, EXPRESSIONS)

    assert in_line(4, work) == ["c0", "c1", "e0", "b", "e1"]


def test_workspaces_are_served_one_after_the_other() -> None:
    async def work(line: Line) -> None:
        await line.ask("first", FIRST, EXPRESSIONS)
        for workspace, name in [(A, "a"), (B, "b"), (C, "c")]:
            for number in range(2):
                await line.ask(f"{name}{number}", workspace, EXPRESSIONS)
        for workspace in (FIRST, A, B, C, A, B):
            await line.give_back(workspace, EXPRESSIONS)

    assert in_line(1, work) == ["first", "a0", "b0", "c0", "a1", "b1", "c1"]


def test_within_a_workspace_who_asked_first_is_first() -> None:
    async def work(line: Line) -> None:
        for name, kind in [("e0", EXPRESSIONS), ("c0", CODE), ("e1", EXPRESSIONS), ("c1", CODE)]:
            await line.ask(name, A, kind)
        for kind in (EXPRESSIONS, CODE, EXPRESSIONS):
            await line.give_back(A, kind)

    assert in_line(1, work) == ["e0", "c0", "e1", "c1"]


def test_who_waits_no_longer_keeps_nobody_waiting() -> None:
    async def work(line: Line) -> None:
        for name in ("c0", "c1", "c2"):
            await line.ask(name, A, CODE)
        await line.give_up("c1")
        await line.give_back(A, CODE)

    assert in_line(1, work) == ["c0", "c2"]


def test_a_place_that_comes_to_one_who_has_just_given_up_goes_to_the_next() -> None:
    async def work(line: Line) -> None:
        for name in ("c0", "c1", "c2"):
            await line.ask(name, A, CODE)
        line.turns.give_back(A, CODE)  # c1 has the place by now, but has not heard of it
        await line.give_up("c1")

    assert in_line(1, work) == ["c0", "c2"]
