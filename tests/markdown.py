"""Reads the project's Markdown: code blocks, links, headings."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.servers import PROJECT

PAGES = (
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    PROJECT / "CHANGELOG.md",
    *sorted((PROJECT / "docs").glob("*.md")),
)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$\n?(.*?)(?=^```|\Z)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page; `after` is the text up to the next one."""

    language: str
    text: str
    after: str


def blocks(page: Path) -> list[Block]:
    """List the fenced blocks of a page."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text())]


def links(page: Path) -> list[str]:
    """List what a page links to, outside its blocks."""
    return _LINK.findall(without_blocks(page))


def anchors(page: Path) -> set[str]:
    """Name the headings of a page as links name them."""
    heads = _HEADING.findall(without_blocks(page))
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def without_blocks(page: Path) -> str:
    """Give the text of a page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
