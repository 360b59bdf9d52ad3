"""Workflows and their versions over HTTP."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.caller import DEFINITION, Caller

OTHER = {"steps": [{"id": "one", "type": "transform", "with": {"value": 2}}]}


def path(api: Caller, workflow: dict[str, Any]) -> str:
    return f"{api.space}/workflows/{workflow['id']}"


def test_a_saved_workflow_reads_back_as_it_was_sent(api: Caller) -> None:
    sent = {"name": "Add one", "definition": DEFINITION, "enabled": False, "maxConcurrency": 3}

    made = api.post(f"{api.space}/workflows", sent)
    read = api.get(made.headers["Location"])

    assert made.status_code == 201
    assert read.json == made.json
    assert {name: read.json[name] for name in sent} == sent
    assert (read.json["version"], read.json["warnings"]) == (1, [])
    assert read.json["createdAt"].endswith("Z")
    assert read.headers["ETag"] == made.headers["ETag"]


def test_what_is_left_out_has_its_default(workflow: dict[str, Any]) -> None:
    assert (workflow["enabled"], workflow["maxConcurrency"]) == (True, None)


@pytest.mark.parametrize(
    "value", [1e300, 123456789012345680000.0, -0.5, 9007199254740991, "é😀", {"a": [None]}]
)
def test_a_value_in_a_definition_reads_back_equal(api: Caller, value: Any) -> None:
    definition = {"steps": [{"id": "one", "type": "transform", "with": {"value": value}}]}

    made = api.post(f"{api.space}/workflows", {"name": "x", "definition": definition})

    assert api.get(made.headers["Location"]).json["definition"] == definition


def test_another_definition_makes_a_version_and_the_same_value_does_not(
    api: Caller, workflow: dict[str, Any]
) -> None:
    place = path(api, workflow)
    same = {"steps": [{"with": {"value": 1.0}, "type": "transform", "id": "one"}]}

    versions = [
        api.ask("PATCH", place, {"definition": same}).json["version"],
        api.ask("PATCH", place, {"definition": OTHER}).json["version"],
        api.ask("PUT", place, {"name": "Add one", "definition": OTHER}).json["version"],
        api.ask("PUT", place, {"name": "Add one", "definition": DEFINITION}).json["version"],
    ]

    assert versions == [1, 2, 2, 3]


def test_versions_are_listed_newest_first_and_read_one_by_one(api: Caller, workflow: dict[str, Any]) -> None:
    place = path(api, workflow)
    api.ask("PATCH", place, {"definition": OTHER})

    first = api.get(f"{place}/versions?limit=1").json
    second = api.get(f"{place}/versions?limit=1&cursor={first['nextCursor']}").json

    assert [first["data"][0]["version"], second["data"][0]["version"]] == [2, 1]
    assert second["nextCursor"] is None
    assert api.get(f"{place}/versions/1").json["definition"] == DEFINITION
    assert api.get(f"{place}/versions/2").json["definition"] == OTHER


@pytest.mark.parametrize("number", ["0", "2", "99999999999999999999", "-1", "x"])
def test_a_version_that_is_not_there_is_404(api: Caller, workflow: dict[str, Any], number: str) -> None:
    reply = api.get(f"{path(api, workflow)}/versions/{number}")

    assert (reply.status_code, reply.json["code"]) == (404, "not_found")


def test_put_replaces_the_whole_but_never_enables_unasked_and_patch_keeps_the_rest(
    api: Caller, workflow: dict[str, Any]
) -> None:
    place = path(api, workflow)

    patched = api.ask("PATCH", place, {"maxConcurrency": 5, "enabled": False})
    kept = api.ask("PATCH", place, {"name": "Other"})
    put = api.ask("PUT", place, {"name": "Other", "definition": DEFINITION})

    assert (patched.json["maxConcurrency"], patched.json["enabled"]) == (5, False)
    assert (kept.json["maxConcurrency"], kept.json["enabled"], kept.json["name"]) == (5, False, "Other")
    assert (put.json["maxConcurrency"], put.json["enabled"]) == (None, False)


def test_the_etag_changes_with_each_change_and_with_nothing_else(
    api: Caller, workflow: dict[str, Any]
) -> None:
    place = path(api, workflow)
    first = api.get(place).headers["ETag"]

    unchanged = api.ask("PATCH", place, {"name": workflow["name"]}).headers["ETag"]
    changed = api.ask("PATCH", place, {"name": "Other"}).headers["ETag"]

    assert unchanged == first
    assert changed != first


@pytest.mark.parametrize("form", ["{}", "W/{}", '"0", {}', "*"])
def test_a_read_of_what_the_caller_has_already_is_304(
    api: Caller, workflow: dict[str, Any], form: str
) -> None:
    place = f"{api.space}/workflows/{workflow['id']}"
    fresh = api.get(place).headers["ETag"]

    same = api.get(place, headers={"If-None-Match": form.format(fresh)})
    api.ask("PATCH", place, {"name": "Other"})
    other = api.get(place, headers={"If-None-Match": fresh})

    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", fresh)
    assert (other.status_code, other.json["name"]) == (200, "Other")


@pytest.mark.parametrize(
    ("method", "body"),
    [("PUT", {"name": "n", "definition": DEFINITION}), ("PATCH", {"name": "n"}), ("DELETE", None)],
)
def test_a_stale_etag_refuses_the_change(
    api: Caller, workflow: dict[str, Any], method: str, body: Any
) -> None:
    place = path(api, workflow)
    stale = api.get(place).headers["ETag"]
    api.ask("PATCH", place, {"name": "in between"})

    refused = [
        api.ask(method, place, body, headers={"If-Match": tag})
        for tag in (stale, "nonsense", f"W/{stale}", '"x"')
    ]

    assert [(r.status_code, r.json["code"]) for r in refused] == [(412, "precondition_failed")] * 4
    assert api.get(place).json["name"] == "in between"


@pytest.mark.parametrize("form", ["{0}", '"77", {0}', "*"])
def test_a_fresh_etag_lets_the_change_pass(api: Caller, workflow: dict[str, Any], form: str) -> None:
    place = path(api, workflow)
    fresh = api.get(place).headers["ETag"]

    reply = api.ask("PATCH", place, {"name": "n"}, headers={"If-Match": form.format(fresh)})

    assert (reply.status_code, reply.json["name"]) == (200, "n")


def test_an_invalid_definition_is_refused_with_the_place(api: Caller, workflow: dict[str, Any]) -> None:
    bad = {"steps": [{"id": "a", "type": "nonsense"}]}

    replies = [
        api.post(f"{api.space}/workflows", {"name": "x", "definition": bad}),
        api.ask("PATCH", path(api, workflow), {"definition": bad}),
    ]

    for reply in replies:
        assert (reply.status_code, reply.json["code"]) == (422, "invalid_definition")
        assert reply.json["errors"][0]["path"].startswith("steps[0]")
    assert api.get(path(api, workflow)).json["version"] == 1


@pytest.mark.parametrize("definition", [None, 5, [], "x", {}, {"steps": []}, {"steps": None}])
def test_a_definition_that_is_none_is_422(api: Caller, definition: Any) -> None:
    reply = api.post(f"{api.space}/workflows", {"name": "x", "definition": definition})

    assert reply.status_code == 422
    assert reply.json["errors"]


def test_validate_says_what_saving_would_and_saves_nothing(api: Caller) -> None:
    good = api.post(f"{api.space}/workflows/validate", {"definition": DEFINITION})
    bad = api.post(f"{api.space}/workflows/validate", {"definition": {"steps": [{"id": "a", "type": "no"}]}})

    assert (good.status_code, good.json) == (200, {"valid": True, "errors": [], "warnings": []})
    assert (bad.status_code, bad.json["valid"]) == (200, False)
    assert set(bad.json["errors"][0]) == {"path", "message"}
    assert api.get(f"{api.space}/workflows").json["data"] == []


@pytest.mark.parametrize("nothing", [None, [], "x", 5, False])
def test_what_is_no_definition_at_all_is_told_the_same_wherever_it_is_sent(
    api: Caller, workflow: dict[str, Any], nothing: Any
) -> None:
    one = f"{api.space}/workflows/{workflow['id']}"
    verdict = api.post(f"{api.space}/workflows/validate", {"definition": nothing})
    refused = [
        api.post(f"{api.space}/workflows", {"name": "n", "definition": nothing}),
        api.ask("PUT", one, {"name": "n", "definition": nothing}),
        api.ask("PATCH", one, {"definition": nothing}),
    ]

    assert (verdict.status_code, verdict.json["valid"], verdict.json["warnings"]) == (200, False, [])
    assert [fault["path"] for fault in verdict.json["errors"]] == [""]
    for reply in refused:
        assert (reply.status_code, reply.json["code"]) == (422, "invalid_definition")
        assert reply.json["errors"] == verdict.json["errors"]


def test_to_validate_without_a_definition_is_a_fault_of_the_request(api: Caller) -> None:
    reply = api.post(f"{api.space}/workflows/validate", {})

    assert (reply.status_code, reply.json["code"]) == (422, "validation_failed")
    assert reply.json["errors"] == [{"path": "definition", "message": "Is missing."}]


def test_a_secret_that_does_not_exist_is_a_warning(api: Caller) -> None:
    step = {
        "id": "a",
        "type": "http",
        "with": {"url": "https://example.com", "auth": {"bearer": "${{ secrets.T }}"}},
    }

    made = api.post(f"{api.space}/workflows", {"name": "x", "definition": {"steps": [step]}})

    assert made.status_code == 201
    [warning] = made.json["warnings"]
    assert warning["path"] == "steps[0].with.auth.bearer"
    assert "no secret T" in warning["message"]


def test_a_workflow_that_does_not_exist_is_a_warning_until_it_does(api: Caller) -> None:
    there = api.post(f"{api.space}/workflows", {"name": "there", "definition": DEFINITION}).json["id"]
    other = api.post(f"{api.space}/workflows", {"name": "other", "definition": DEFINITION})
    unknown, from_input = str(uuid4()), "${{ input.id }}"
    definition = {
        "onFailure": {"workflowId": other.json["id"]},
        "steps": [
            {"id": f"s{number}", "type": "workflow", "with": {"workflowId": workflow_id}}
            for number, workflow_id in enumerate([there, unknown, from_input])
        ],
    }

    made = api.post(f"{api.space}/workflows", {"name": "x", "definition": definition})
    api.ask("DELETE", f"{api.space}/workflows/{other.json['id']}")
    read = api.get(made.headers["Location"])
    verdict = api.post(f"{api.space}/workflows/validate", {"definition": definition})

    assert [w["path"] for w in made.json["warnings"]] == ["steps[1].with.workflowId"]
    assert unknown in made.json["warnings"][0]["message"]
    assert [w["path"] for w in read.json["warnings"]] == ["onFailure.workflowId", "steps[1].with.workflowId"]
    assert verdict.json == {"valid": True, "errors": [], "warnings": read.json["warnings"]}


def test_workflows_are_listed_newest_first(api: Caller) -> None:
    for name in ("a", "b", "c"):
        api.post(f"{api.space}/workflows", {"name": name, "definition": DEFINITION})

    first = api.get(f"{api.space}/workflows?limit=2").json
    second = api.get(f"{api.space}/workflows?limit=2&cursor={first['nextCursor']}").json

    assert [w["name"] for w in first["data"] + second["data"]] == ["c", "b", "a"]
    assert first["data"][0]["definition"] == DEFINITION
    assert second["nextCursor"] is None


def test_a_page_of_large_definitions_is_short_and_goes_on(api: Caller) -> None:
    large = {"steps": [{"id": "one", "type": "transform", "with": {"value": "x" * 250_000}}]}
    for n in range(20):
        api.post(f"{api.space}/workflows", {"name": str(n), "definition": large})

    found, cursor, pages = [], "", 0
    while cursor is not None:
        reply = api.get(f"{api.space}/workflows?{cursor and 'cursor=' + cursor}")
        found += [one["name"] for one in reply.json["data"]]
        cursor, pages = reply.json["nextCursor"], pages + 1

    assert found == [str(n) for n in reversed(range(20))]
    assert pages > 1


def test_a_deleted_workflow_is_unknown_from_then_on(api: Caller, workflow: dict[str, Any]) -> None:
    gone = api.ask("DELETE", path(api, workflow))

    replies = [
        api.get(path(api, workflow)),
        api.ask("DELETE", path(api, workflow)),
        api.ask("PATCH", path(api, workflow), {"name": "n"}),
        api.get(f"{path(api, workflow)}/versions"),
        api.get(f"{path(api, workflow)}/versions/1"),
        api.post(f"{api.space}/executions", {"workflowId": workflow["id"]}),
    ]
    assert gone.status_code == 204
    assert [(reply.status_code, reply.json["code"]) for reply in replies] == [(404, "not_found")] * 6
    assert api.get(f"{api.space}/workflows").json["data"] == []


def test_a_workflow_is_not_found_through_another_space(api: Caller, workflow: dict[str, Any]) -> None:
    other = api.post(f"{api.workspace}/spaces", {"name": "other"}).headers["Location"]

    reply = api.get(f"{other}/workflows/{workflow['id']}")

    assert reply.status_code == 404
