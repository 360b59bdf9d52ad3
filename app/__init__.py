"""Linea Executions: a lightweight, self-hosted service that runs people's workflows."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.settings import Settings


def create_app(settings: "Settings | None" = None) -> "Flask":
    """Build the Flask application from `settings`, by default from the environment; raises BadSetting."""
    # Most of a second's worth of modules, which the processes that only start others do without.
    from app.factory import build

    return build(settings)
