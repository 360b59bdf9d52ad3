"""The step types; importing this package registers all of them in `base.STEP_TYPES`."""

from app.steps import http, transform

__all__ = ["http", "transform"]
