"""`workflows validate`: JSON and YAML, with every fault at its place."""

import json
from pathlib import Path

import pytest

from tests.cli.shell import Run, parsed

GOOD = {"steps": [{"id": "day", "type": "transform", "with": {"value": "2024-01-31"}}]}
BAD = {
    "steps": [
        {"id": "a", "type": "teleport"},
        {"id": "b", "type": "http", "with": {"method": "GET"}},
        {"id": "b", "type": "transform", "needs": ["nobody"], "with": {"value": "${{ steps.zz.output }}"}},
    ],
    "colour": "red",
}


def written(folder: Path, name: str, text: str | bytes) -> str:
    """Write a file and give its path."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("workflow.json", json.dumps(GOOD)),
        ("workflow", json.dumps(GOOD)),
        ("workflow.yaml", "steps:\n  - {id: day, type: transform, with: {value: 2024-01-31}}\n"),
        ("workflow.yml", json.dumps(GOOD)),
        ("workflow", "# in YAML\nsteps: [{id: day, type: transform, with: {value: &day 1}}]\noutput: *day\n"),
    ],
)
def test_a_valid_definition_is_valid_in_json_and_yaml(run: Run, tmp_path: Path, name: str, text: str) -> None:
    path = written(tmp_path, name, text)

    assert run("workflows", "validate", path).stdout == "valid\n"
    assert parsed(run("workflows", "validate", path, "--json")) == {
        "valid": True,
        "errors": [],
        "warnings": [],
    }


def test_all_faults_are_listed_with_their_paths_and_the_exit_code_is_1(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "bad.json", json.dumps(BAD))

    verdict = run("workflows", "validate", path, "--json")
    table = run("workflows", "validate", path)

    answer = json.loads(verdict.stdout)
    paths = {fault["path"] for fault in answer["errors"]}
    places = {"colour", "steps[0].type", "steps[1].with.url", "steps[2].id", "steps[2].needs"}
    assert (verdict.exit_code, table.exit_code, answer["valid"]) == (1, 1, False)
    assert places <= paths
    assert {line.split()[1] for line in table.stdout.splitlines()[1:]} == paths
    assert (
        table.stderr
        == f"Error: {path} has {len(answer['errors'])} faults: mend what is listed and validate again.\n"
    )


def test_a_definition_is_read_from_standard_input(run: Run) -> None:
    assert run("workflows", "validate", "-", stdin=json.dumps(GOOD).encode()).stdout == "valid\n"


@pytest.mark.parametrize(
    ("name", "text", "path", "message"),
    [
        ("a.json", b"", "", "The file is empty."),
        ("a.json", b"{", "", "The file is not JSON"),
        ("a.json", b"\xff{}", "", "The file is not UTF-8"),
        ("a.json", b'{"steps": [], "steps": []}', "steps", "twice"),
        ("a.json", b'{"steps": 1e400}', "steps", ""),
        ("a.yaml", b"", "", "Must be an object with steps"),
        ("a.yaml", b"steps: [", "", "The file is not YAML: "),
        ("a.yaml", b"\xfe\x00\x00", "", "The file is not YAML"),
        (
            "a.yaml",
            b"steps:\n- {id: a, if: ${{ input.x }}}",
            "",
            "(line 2, column 16); put the text with ${{ }}",
        ),
        ("a.yaml", b"steps:\n- if: ${{ input.x == 'a: b' }}", "", "in quotes."),
        ("a.yaml", b"steps: []\n---\nsteps: []", "", "expected a single document in the stream but found"),
        ("a.yaml", b"a: 1\nb: 2\na: 3\n", "", "The key 'a' is there twice, again in line 3"),
        ("a.yaml", b"1: 2\n", "", "The key 1 in line 1 must be a text"),
        ("a.yaml", b"steps: .nan\n", "steps", "NaN"),
        ("a.yaml", b"steps: 9007199254740993\n", "steps", ""),
        ("a.yaml", b"steps: !!binary aGk=\n", "", "what JSON lacks"),
        ("a.yaml", b"steps: &a [*a]\n", "", "contains itself"),
        ("a.yaml", b"[" * 5000, "", "nests too deeply"),
        ("a.yaml", b'!!python/object/apply:os.system ["exit"]', "", "The file is not YAML"),
    ],
)
def test_what_cannot_be_read_is_one_fault_at_its_place(
    run: Run, tmp_path: Path, name: str, text: bytes, path: str, message: str
) -> None:
    verdict = run("workflows", "validate", written(tmp_path, name, text), "--json")

    [fault] = json.loads(verdict.stdout)["errors"]
    assert verdict.exit_code == 1
    assert fault["path"] == path
    assert message in fault["message"]


def test_aliases_that_unfold_to_something_huge_are_refused(run: Run, tmp_path: Path) -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]

    verdict = run("workflows", "validate", written(tmp_path, "bomb.yaml", "\n".join(lines)))

    assert verdict.exit_code == 1
    assert "The file is too large for a definition." in verdict.stdout


def test_a_file_that_is_not_there_is_named(run: Run) -> None:
    refused = run("workflows", "validate", "/nowhere.json")

    assert refused.exit_code == 2
    assert "'/nowhere.json': No such file or directory" in refused.stderr
