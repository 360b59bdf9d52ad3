"""The command line, `flask --app wsgi …`: one file a noun, or a verb about the whole installation."""

from flask import Flask

from app.cli.api_keys import api_keys
from app.cli.doctor import doctor
from app.cli.executions import executions
from app.cli.prune import prune
from app.cli.queue import queue
from app.cli.workflows import workflows
from app.cli.workspaces import workspaces


def register(app: Flask) -> None:
    """Add our nouns to the commands of Flask and Flask-Migrate."""
    for command in (workspaces, api_keys, executions, workflows, queue, doctor, prune):
        app.cli.add_command(command)
