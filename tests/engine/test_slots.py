"""Slots: never more at work than there are, and claims run ahead only of what ends at once."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

from app.engine.change import Key
from app.engine.slots import Slots


def key() -> Key:
    """Make up an execution."""
    return Key(uuid4(), uuid4(), 1, None)


def enter(slots: Slots, begin: Callable[[], None]) -> Key:
    """Reserve and enter at once."""
    slots.reserve(1)
    slots.enter(found := key(), begin)
    return found


def test_what_ends_at_once_lets_as_many_be_claimed_ahead_up_to_some_slotfuls() -> None:
    async def work() -> list[int]:
        slots, rooms = Slots(1), []
        for _ in range(5):
            enter(slots, slots.leave)
            rooms.append(slots.room)
        return rooms

    assert asyncio.run(work()) == [2, 3, 4, 4, 4]


def test_one_that_stays_at_work_ends_the_claims_ahead() -> None:
    async def work() -> int:
        slots = Slots(3)
        for _ in range(3):
            enter(slots, slots.leave)
        enter(slots, lambda: None)
        return slots.room

    assert asyncio.run(work()) == 2


def test_what_was_claimed_ahead_begins_when_a_slot_is_free_and_not_before() -> None:
    async def work() -> tuple[list[str], list[str]]:
        slots, begun = Slots(1), list[str]()
        enter(slots, lambda: begun.append("first"))
        enter(slots, lambda: begun.append("second"))
        early = list(begun)
        slots.leave()
        await asyncio.sleep(0)
        return early, begun

    assert asyncio.run(work()) == (["first"], ["first", "second"])


def test_what_finds_no_slot_in_time_is_given_up_and_never_begins() -> None:
    async def work() -> tuple[list[Key], list[Key], list[str], int]:
        slots, begun = Slots(1), list[str]()
        enter(slots, lambda: begun.append("first"))
        waiting = enter(slots, lambda: begun.append("second"))
        patient, impatient = slots.impatient(60), slots.impatient(0)
        slots.leave()
        await asyncio.sleep(0)
        assert impatient == [waiting]
        return patient, impatient, begun, slots.taken

    patient, _, begun, taken = asyncio.run(work())

    assert (patient, begun, taken) == ([], ["first"], 0)


def test_a_refused_claim_gives_its_place_back() -> None:
    slots = Slots(2)

    slots.reserve(2)
    slots.refuse()

    assert (slots.room, slots.taken) == (1, 1)
