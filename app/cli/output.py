"""How results are printed: JSON for machines, tables for people."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 100_000
STYLES = {
    "completed": "green",
    "failed": "red",
    "cancelled": "magenta",
    "running": "blue",
    "waiting": "cyan",
    "pending": "yellow",
}

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def print_json(value: Any) -> None:
    """Print a value for machines."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows below their headings; ids and numbers are never cut."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*[cell(value) for value in row])
    _print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Print named values one below the other; what is None or empty is left out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        if value not in (None, "", []):
            table.add_row(name, cell(value))
    _print(table)


def cell(value: object) -> Text:
    """Write a value as a cell; a status has its colour."""
    text = plain("" if value is None else str(value))
    return Text(text, style=STYLES.get(text.partition(" ")[0], ""))


def plain(text: str) -> str:
    """Take out what a terminal would obey: texts come from the users' workflows."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def duration(milliseconds: int | None) -> str:
    """Write how long something took."""
    if milliseconds is None:
        return ""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def _print(table: Table) -> None:
    """Print a table as wide as the terminal; into a file or pipe as wide as it is."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())
