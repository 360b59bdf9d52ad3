"""Triggers that arrive together share a commit, and each gets its own answer."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from app.clock import new_id
from app.errors import IdempotencyKeyReused, LineaError, NotFound, WorkflowDisabled
from app.extensions import db
from app.services.intake import Intake
from app.services.orders import Accepted, Order, TriggerRequest
from app.services.scope import Scope
from app.states import Role, TriggeredBy
from tests.engine.changes import counted_commits, waiting_for_a_lock
from tests.journeys.processes import eventually
from tests.store.place import Place, new_workflow

NUL = "a\0b"
HOLD = "LOCK TABLE executions IN SHARE ROW EXCLUSIVE MODE"


def order(
    place: Place, input: object = None, *, key: str | None = None, workflow_id: UUID | None = None
) -> Order:
    """Ask for one execution."""
    request = TriggerRequest(workflow_id or place.workflow_id, input, TriggeredBy.API)
    return Order(place.scope, (request,), "trigger", key, b"body")


def together(app: Flask, place: Place, intake: Intake, orders: Sequence[Order]) -> list[Accepted | Exception]:
    """Submit orders so that all but the first gather behind its commit; give each thread's answer."""
    ready = threading.Barrier(len(orders))

    def submit(own: Order) -> Accepted | Exception:
        ready.wait()
        try:
            with app.app_context():
                return intake.submit(own)
        except (LineaError, DBAPIError) as error:
            return error

    def first(own: Order) -> Accepted:
        with app.app_context():
            return intake.submit(own)

    with ThreadPoolExecutor(len(orders) + 1) as pool:
        with place.engine.begin() as holder:
            holder.exec_driver_sql(HOLD)
            leader = pool.submit(first, order(place))
            waiting_for_a_lock(place)
            answers = [pool.submit(submit, own) for own in orders]
            assert eventually(lambda: len(intake._line) == len(orders))
        leader.result(60)
        return [answer.result(60) for answer in answers]


def engine_of(app: Flask) -> Engine:
    """Give the application's engine."""
    with app.app_context():
        return db.engine


def test_triggers_that_gather_share_one_commit(app: Flask, place: Place) -> None:
    with counted_commits(engine_of(app)) as commits:
        answers = together(app, place, Intake(), [order(place, number) for number in range(40)])
        assert commits() == 2  # the first alone, then all that gathered behind it

    made = [answer.rows[0].input for answer in answers if isinstance(answer, Accepted)]
    assert made == list(range(40))
    assert len(place.statuses()) == 41


def test_a_poisoned_order_is_refused_alone(app: Flask, place: Place) -> None:
    orders = [order(place, number) for number in range(40)]
    orders[17] = order(place, NUL)

    answers = together(app, place, Intake(), orders)

    assert isinstance(answers.pop(17), DBAPIError)
    assert all(isinstance(answer, Accepted) and len(answer.rows) == 1 for answer in answers)
    assert len(place.statuses()) == 40


def test_each_order_gets_its_own_error(app: Flask, place: Place) -> None:
    disabled = new_workflow(app, place.scope)
    place.sql("UPDATE workflows SET enabled = false WHERE id = %(id)s", id=str(disabled))
    foreign = replace(order(place), scope=Scope(new_id(), Role.ADMIN, None))
    orders = [
        order(place, 1),
        order(place, 2, workflow_id=new_id()),
        order(place, 3, workflow_id=disabled),
        foreign,
        replace(order(place, 4), scope=replace(place.scope, space_id=new_id())),
        order(place, 5),
    ]

    answers = together(app, place, Intake(), orders)

    kinds = [type(answer) for answer in answers]
    assert kinds == [Accepted, NotFound, WorkflowDisabled, NotFound, NotFound, Accepted]
    assert len(place.statuses()) == 3


def test_a_group_with_one_key_twice_makes_one_execution(app: Flask, place: Place) -> None:
    other = replace(order(place, key="k"), fingerprint=b"another body")

    answers = together(app, place, Intake(), [*(order(place, key="k") for _ in range(20)), other])

    accepted = [answer for answer in answers if isinstance(answer, Accepted)]
    reused = [answer for answer in answers if isinstance(answer, IdempotencyKeyReused)]
    assert (len(accepted), len(reused)) in ((20, 1), (1, 20))
    assert len({answer.execution_ids for answer in accepted}) == 1
    assert [answer.replayed for answer in accepted].count(False) == 1
    assert len(place.statuses()) == 2


def test_one_key_in_many_processes_makes_one_execution(app: Flask, place: Place) -> None:
    intakes = [Intake() for _ in range(12)]
    ready = threading.Barrier(12)

    def submit(intake: Intake) -> Accepted:
        ready.wait()
        with app.app_context():
            return intake.submit(order(place, key="k"))

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(submit, intakes))

    assert len({answer.execution_ids for answer in answers}) == len(place.statuses()) == 1
    assert [answer.replayed for answer in answers].count(False) == 1


def test_a_refused_order_leaves_no_trace_of_its_key(app: Flask, place: Place) -> None:
    intake = Intake()
    with app.app_context():
        with pytest.raises(NotFound):
            intake.submit(order(place, key="k", workflow_id=new_id()))
        with pytest.raises(DBAPIError):
            intake.submit(order(place, NUL, key="k"))

        accepted = intake.submit(order(place, key="k"))

    assert not accepted.replayed
    assert len(place.statuses()) == len(place.sql("SELECT 1 FROM idempotency_keys")) == 1


def test_a_batch_is_made_whole_or_not_at_all(app: Flask, place: Place) -> None:
    good = TriggerRequest(place.workflow_id, 1, TriggeredBy.API)
    bad = [replace(good, workflow_id=new_id()), replace(good, input=NUL)]
    intake = Intake()

    with app.app_context():
        for member in bad:
            with pytest.raises((NotFound, DBAPIError)):
                intake.submit(Order(place.scope, (good, member, good), "batch"))
        accepted = intake.submit(Order(place.scope, (good,) * 1000, "batch"))

    assert len(accepted.execution_ids) == len(set(accepted.execution_ids)) == len(place.statuses()) == 1000
