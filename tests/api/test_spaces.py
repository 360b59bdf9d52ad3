"""Spaces over HTTP."""

from tests.api.caller import Caller


def test_a_new_workspace_has_a_space_named_default(api: Caller) -> None:
    reply = api.get(f"{api.workspace}/spaces")

    assert [space["name"] for space in reply.json["data"]] == ["default"]
    assert reply.json["nextCursor"] is None


def test_a_space_is_made_read_renamed_and_listed(api: Caller) -> None:
    made = api.post(f"{api.workspace}/spaces", {"name": "  Billing "})
    renamed = api.ask("PATCH", made.headers["Location"], {"name": "Invoices"})
    listed = api.get(f"{api.workspace}/spaces")

    assert (made.status_code, made.json["name"]) == (201, "Billing")
    assert (renamed.status_code, renamed.json) == (200, made.json | {"name": "Invoices"})
    assert [space["name"] for space in listed.json["data"]] == ["Invoices", "default"]


def test_a_change_that_names_nothing_changes_nothing(api: Caller) -> None:
    reply = api.ask("PATCH", api.space, {})

    assert (reply.status_code, reply.json["name"]) == (200, "default")


def test_a_list_is_read_page_by_page_without_gaps(api: Caller) -> None:
    names = [f"space {n}" for n in range(5)]
    for name in names:
        api.post(f"{api.workspace}/spaces", {"name": name})

    found, cursor = [], ""
    while cursor is not None:
        reply = api.get(f"{api.workspace}/spaces?limit=2{cursor and '&cursor=' + cursor}")
        found += [space["name"] for space in reply.json["data"]]
        cursor = reply.json["nextCursor"]

    assert found == [*reversed(names), "default"]


def test_a_deleted_space_is_unknown_from_then_on(api: Caller) -> None:
    gone = api.ask("DELETE", api.space)

    replies = [
        api.get(api.space),
        api.ask("DELETE", api.space),
        api.ask("PATCH", api.space, {"name": "back"}),
        api.get(f"{api.space}/workflows"),
        api.get(f"{api.space}/executions"),
    ]
    assert (gone.status_code, gone.data) == (204, b"")
    assert [(reply.status_code, reply.json["code"]) for reply in replies] == [(404, "not_found")] * 5
    assert api.get(f"{api.workspace}/spaces").json["data"] == []
