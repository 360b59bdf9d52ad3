"""Children are made only while the step that wants them is still under way."""

import pytest

from app.states import Reason
from app.store import children, executions, news
from app.store.allowance import Allowance
from app.store.children import Checks, Parent, Refused
from tests.store.place import Place


def begun(place: Place, step_status: str, item_status: str | None = None) -> Parent:
    """Give a running execution whose step, or first item, has a status."""
    [parent_id] = place.running()
    place.sql(
        "INSERT INTO execution_steps (execution_id, workspace_id, step_id, position, type, status, attempt,"
        " started_at, completed_at, error)"
        " VALUES (%(id)s, %(workspace)s, 'one', 0, 'workflow', %(status)s, 1, now(),"
        " CASE WHEN %(status)s <> 'running' THEN now() END, CASE WHEN %(status)s = 'failed' THEN 'no' END)",
        id=str(parent_id),
        workspace=str(place.scope.workspace_id),
        status=step_status,
    )
    if item_status is not None:
        place.sql(
            "INSERT INTO execution_step_items (execution_id, step_id, index, status, attempt)"
            " VALUES (%(id)s, 'one', 0, %(status)s, 1)",
            id=str(parent_id),
            status=item_status,
        )
    return Parent(parent_id, place.scope.workspace_id, 1, "w1")


def start(place: Place, parent: Parent, spot: str) -> object:
    """Start a child at a place of the parent."""
    with place.transaction() as tx:
        checks = Checks(lambda schema, value: None, Allowance())
        return children.start(tx, parent, spot, place.workflow_id, {}, checks)


@pytest.mark.parametrize("item", [None, "running"])
def test_a_step_under_way_starts_its_child(place: Place, item: str | None) -> None:
    parent = begun(place, "running", item)
    spot = "one" if item is None else "one[0]"

    start(place, parent, spot)

    with place.transaction() as tx:
        assert news.child(tx, parent.id, spot) is not None


@pytest.mark.parametrize(
    ("step", "item", "spot"),
    [("cancelled", None, "one"), ("failed", "completed", "one[0]"), ("running", "cancelled", "one[0]")],
)
def test_an_aborted_step_or_item_starts_none(place: Place, step: str, item: str | None, spot: str) -> None:
    parent = begun(place, step, item)

    said = start(place, parent, spot)

    assert said == Refused("The step was aborted before its child could start")
    with place.transaction() as tx:
        assert news.child(tx, parent.id, spot) is None


def test_who_cancels_a_child_is_given_its_parent_to_send(place: Place) -> None:
    parent = begun(place, "running")
    start(place, parent, "one")
    place.change(
        "worker = NULL, lease_expires_at = NULL, waiting_since = now(), sent_at = now()", [parent.id]
    )
    [child] = [i for i in place.statuses() if i != parent.id]

    with place.transaction() as tx:
        touched = executions.cancel_many(tx, parent.workspace_id, [child], Reason.REQUESTED, None)

    assert [(row.id, row.sent_at is not None) for row in touched] == [(child, False), (parent.id, True)]
    assert (touched[1].send_no, place.row(parent.id).wake_at) == (2, touched[1].sent_at)
