"""The step types; importing this package registers all of them in `base.STEP_TYPES`."""

from app.steps import fail, http, task, transform

__all__ = ["fail", "http", "task", "transform"]
