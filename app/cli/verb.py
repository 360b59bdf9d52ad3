"""A command without a noun, whose errors are one sentence as those of nouns are."""

from collections.abc import Callable
from typing import Any

import click
from flask.cli import with_appcontext

from app.cli.noun import plainly


class Verb(click.Command):
    """A command about the whole installation."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what it cannot do becomes a line on standard error and exit code 1."""
        with plainly():
            return super().invoke(ctx)


def verb(function: Callable[..., None]) -> click.Command:
    """Make a command of a function, in the application's context."""
    return click.command(cls=Verb)(with_appcontext(function))
