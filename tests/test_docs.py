"""The documentation names all there is, nothing that is not, and its links lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

from app.settings import from_environment
from app.states import COMPUTED_REASONS, MOVES, STORED_REASONS, Status
from app.steps.base import STEP_TYPES
from tests.markdown import PAGES, anchors, blocks, links
from tests.servers import PROJECT

DOCS = PROJECT / "docs"
OF_MAKE_RUN = {"DATA_DIR"}
COMMAND = re.compile(r"flask --app wsgi ([a-z-]+)(?: ([a-z][a-z-]*))?([^\n`]*)")
OF_FLASK = {"run", "shell", "routes"}
SPACE = "/workspaces/{workspaceId}/spaces/{spaceId}"


class Asked(dict[str, str]):
    """An environment that remembers which names were read."""

    def __init__(self) -> None:
        needed = {"DATABASE_URL": "postgresql://x/y", "REDIS_URL": "redis://x", "SECRET_KEY": "x"}
        super().__init__(needed)
        self.names: set[str] = set()

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
        """Remember, then look."""
        self.names.add(key)
        return super().get(key, default)


def settings() -> set[str]:
    """Name all settings: those of the application, of the Procfile and of `make run`."""
    asked = Asked()
    from_environment(asked)
    in_procfile = re.findall(r"\$\{(\w+)", (PROJECT / "Procfile").read_text())
    return asked.names | set(in_procfile) | OF_MAKE_RUN


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def routes(app: Flask) -> set[tuple[str, str]]:
    """Give method and path of each route, written as the documentation writes them."""
    return {
        (method, re.sub(r"<(?:[^<>:]+:)?(\w+)>", lambda found: f"{{{camel(found[1])}}}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def documented_routes() -> set[tuple[str, str]]:
    text = (DOCS / "api.md").read_text() + (DOCS / "pages.md").read_text()
    rows = re.findall(r"^\| ([A-Z, ]+) \| `(\S+)` \|", text, re.MULTILINE)
    return {
        (method, path.replace("{space}", SPACE)) for methods, path in rows for method in methods.split(", ")
    }


def commands(app: Flask) -> dict[str, click.Command]:
    """Give our commands by their words: a noun and a verb, or a verb alone."""
    ours = {name: command for name, command in app.cli.commands.items() if name not in OF_FLASK}
    return {name: command for name, command in ours.items() if not isinstance(command, click.Group)} | {
        f"{noun} {verb}": command
        for noun, group in ours.items()
        if isinstance(group, click.Group)
        for verb, command in group.commands.items()
    }


def documented_commands() -> Iterator[tuple[str, str]]:
    """Give the words and the options of each command that a page shows."""
    for page in PAGES:
        for noun, verb, rest in COMMAND.findall(page.read_text()):
            yield f"{noun} {verb}".strip(), rest


def table_after(page: Path, heading: str) -> list[list[str]]:
    """Give the rows of the first table below a heading, without its head."""
    text = page.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return rows[2:]


def codes(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


@pytest.mark.parametrize("name", sorted(STEP_TYPES))
def test_each_step_type_has_its_chapter(name: str) -> None:
    assert f"\n## `{name}`\n" in (DOCS / "workflows.md").read_text()


def test_no_chapter_is_of_a_step_type_that_does_not_exist() -> None:
    chapters = re.findall(r"^## `(\w+)`$", (DOCS / "workflows.md").read_text(), re.MULTILINE)

    assert set(chapters) <= set(STEP_TYPES)


def test_the_settings_are_those_of_the_table() -> None:
    table = [codes(row[0]) for row in table_after(DOCS / "operations.md", "Settings")]

    assert set().union(*table) == settings()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_no_setting_that_does_not_exist(page: Path) -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)\b", page.read_text()))

    assert named <= settings()


def test_the_routes_are_those_of_the_table(app: Flask) -> None:
    assert documented_routes() == routes(app)


def test_each_command_is_shown(app: Flask) -> None:
    ours = {words for words in commands(app) if words.split()[0] not in ("db", "openapi")}

    assert ours <= {words for words, _ in documented_commands()}


def test_each_command_that_is_shown_exists_with_its_options(app: Flask) -> None:
    known = commands(app)
    shown = list(documented_commands())

    for words, rest in shown:
        assert words in known or words in app.cli.commands, words
        options = set(re.findall(r"(?<!\S)--[a-z-]+", rest))
        assert options <= {name for option in known[words].params for name in option.opts}, f"{words}{rest}"
    assert len(shown) > 10


def test_the_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = {word for page in PAGES for word in re.findall(r"(?:`|\$ )make ([a-z]+)", page.read_text())}

    assert named <= targets
    assert {"run", "test", "check"} <= named


def test_the_diagram_has_exactly_the_moves() -> None:
    [diagram] = [block.text for block in blocks(DOCS / "lifecycle.md") if block.language == "mermaid"]
    arrows = re.findall(r"^ *(\S+) --> (\S+)$", diagram, re.MULTILINE)
    drawn = [(start, end) for start, end in arrows if "[*]" not in (start, end)]

    assert sorted(drawn) == sorted((start, end) for start, ends in MOVES.items() for end in ends)
    assert {start for start, end in arrows if end == "[*]"} == {s for s, ends in MOVES.items() if not ends}
    assert [end for start, end in arrows if start == "[*]"] == [Status.PENDING]


def test_the_table_of_moves_has_exactly_the_moves() -> None:
    rows = table_after(DOCS / "lifecycle.md", "States")

    assert {(row[0], row[1]) for row in rows} == {
        (start, end) for start, ends in MOVES.items() for end in ends
    }


def test_the_functions_of_the_moves_exist() -> None:
    for row in table_after(DOCS / "lifecycle.md", "States"):
        module, _, function = row[3].strip("`").partition(".")

        assert f"\ndef {function}(" in (PROJECT / "app" / "store" / f"{module}.py").read_text()


def test_the_table_of_reasons_is_that_of_the_code() -> None:
    lines = (DOCS / "lifecycle.md").read_text().splitlines()
    for status in Status:
        [row] = [line for line in lines if line.startswith(f"| {status} | ") and line.count("|") == 4]
        _, _, stored, computed, _ = row.split("|")

        assert codes(stored) == set(STORED_REASONS[status])
        assert codes(computed) == set(COMPUTED_REASONS[status])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
