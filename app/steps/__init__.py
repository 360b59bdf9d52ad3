"""The step types; importing this package registers all of them in `base.STEP_TYPES`."""

from app.steps import code, fail, http, task, transform, wait, wait_for_signal, workflow

__all__ = ["code", "fail", "http", "task", "transform", "wait", "wait_for_signal", "workflow"]
