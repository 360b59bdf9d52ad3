"""`workspaces` and `api-keys`: made and listed by the operator."""

from uuid import UUID

import pytest
from flask import Flask

from app.services.identity import identify
from app.states import Role
from tests.cli.shell import Place, Run, parsed, refusal

pytestmark = pytest.mark.usefixtures("database_url")


def test_a_new_workspace_comes_with_a_space_and_an_admin_key(run: Run, app: Flask) -> None:
    made = parsed(run("workspaces", "create", "Acme", "--json"))

    assert set(made) == {"workspaceId", "spaceId", "apiKey"}
    with app.app_context():
        identity = identify(made["apiKey"])
    assert identity is not None
    assert (identity.workspace_id, identity.role) == (UUID(made["workspaceId"]), Role.ADMIN)


def test_people_get_a_new_workspace_as_named_lines(run: Run) -> None:
    shown = run("workspaces", "create", "Acme")

    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["workspaceId", "spaceId", "apiKey"]


@pytest.mark.parametrize("name", ["   ", "x" * 201, "two\nlines"])
def test_a_name_that_is_no_name_is_refused_in_one_sentence(run: Run, name: str) -> None:
    refused = run("workspaces", "create", name)

    assert refusal(refused).startswith("name: Must ")


def test_a_name_that_is_no_text_is_refused_in_one_sentence(run: Run) -> None:
    refused = run("workspaces", "create", "ab\udcff")

    assert refusal(refused) == "What was given is not text in UTF-8: check how it is encoded."


def test_workspaces_are_listed_oldest_first(run: Run) -> None:
    made = [parsed(run("workspaces", "create", name, "--json"))["workspaceId"] for name in ("Acme", "Globex")]

    listed = parsed(run("workspaces", "list", "--json"))
    table = run("workspaces", "list").stdout.splitlines()

    assert [(row["id"], row["name"]) for row in listed] == list(zip(made, ("Acme", "Globex"), strict=True))
    assert [line.split()[:2] for line in table] == [["ID", "NAME"], [made[0], "Acme"], [made[1], "Globex"]]


@pytest.mark.parametrize("role", list(Role))
def test_a_key_of_any_role_is_made_for_a_workspace_by_its_name(
    run: Run, app: Flask, place: Place, role: Role
) -> None:
    made = parsed(run("api-keys", "create", "Acme", "--role", role.value, "--json"))

    with app.app_context():
        identity = identify(made["key"])
    assert identity is not None
    assert (identity.workspace_id, identity.role) == (place.scope.workspace_id, role)


def test_a_key_is_made_for_a_workspace_by_its_id_and_is_an_admins_by_default(run: Run, place: Place) -> None:
    made = parsed(run("api-keys", "create", str(place.scope.workspace_id), "--json"))

    assert made["role"] == "admin"


def test_an_unknown_workspace_is_named_in_one_sentence(run: Run) -> None:
    assert (
        refusal(run("api-keys", "create", "Nobody")) == "There is no workspace with the id or name 'Nobody'"
    )


def test_a_name_that_two_workspaces_share_asks_for_the_id(run: Run) -> None:
    ids = [parsed(run("workspaces", "create", "Twin", "--json"))["workspaceId"] for _ in range(2)]

    refused = refusal(run("api-keys", "create", "Twin"))

    assert refused.startswith("There are several workspaces of the name 'Twin': give the id")
    assert all(found in refused for found in ids)
