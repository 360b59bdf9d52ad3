"""Prepares the database for `make run`: migrations, then a workspace with sample workflows, made once."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from flask_migrate import upgrade

from app import create_app, data_dir
from app.errors import NotFound
from app.samples import GREETING, ORDER, price_check
from app.services import api_keys, sessions, spaces, workflows, workspaces
from app.services.identity import identify
from app.services.scope import Scope
from app.settings import BadSetting
from app.states import Role

Demo = dict[str, Any]


def prepare(folder: Path, upstream_port: int) -> None:
    """Migrate and make the demo: what it is and how to get in, in `demo.json`.

    `{workspaceId, spaceId, apiKey, priceCheckId, upstreamPort, loginToken}`; the token logs in once.

    What its user changed or deleted since stays so; only the price check follows its
    upstream to another port, and a key that no longer works is replaced, and so is a
    deleted space, with new samples.
    """
    upgrade()
    path = folder / "demo.json"
    demo = _found(path) or _create_workspace()
    _save(path, demo)  # before the samples, so that a start cut short here does not make a second workspace
    if "priceCheckId" not in demo:
        _add_samples(demo, upstream_port)
    elif demo["upstreamPort"] != upstream_port:
        _follow(demo, upstream_port)
    demo["loginToken"] = _login_token(demo["apiKey"])
    _save(path, demo)


def _found(path: Path) -> Demo | None:
    """Read what an earlier start made, with a key and a space that work; None when this database lacks it."""
    demo: Demo | None = json.loads(path.read_text()) if path.exists() else None
    if demo is None:
        return None
    try:
        if identify(demo["apiKey"]) is None:
            _, demo["apiKey"] = api_keys.create(UUID(demo["workspaceId"]), "demo key", Role.ADMIN)
    except NotFound:
        return None
    return _with_space(demo)


def _with_space(demo: Demo) -> Demo:
    """Give a demo whose space was deleted another one, which has no samples yet."""
    try:
        spaces.show(_scope(demo))
    except NotFound:
        space_id = spaces.create(_scope(demo), workspaces.FIRST_SPACE).id
        return {"workspaceId": demo["workspaceId"], "spaceId": str(space_id), "apiKey": demo["apiKey"]}
    return demo


def _login_token(key: str) -> str | None:
    """Make the link of this start."""
    found = identify(key)
    return None if found is None else sessions.make_link(found.key_id)


def _save(path: Path, demo: Demo) -> None:
    data_dir.write_private(path, json.dumps(demo, indent=2) + "\n")


def _create_workspace() -> Demo:
    made = workspaces.create("Demo")
    return {
        "workspaceId": str(made.workspace_id),
        "spaceId": str(made.space_id),
        "apiKey": made.api_key,
    }


def _add_samples(demo: Demo, upstream_port: int) -> None:
    scope = _scope(demo)
    _add(scope, "Greeting", GREETING)
    _add(scope, "Order total", ORDER)
    demo["priceCheckId"] = str(_add(scope, "Price check", price_check(upstream_port)))
    demo["upstreamPort"] = upstream_port


def _scope(demo: Demo) -> Scope:
    return Scope(UUID(demo["workspaceId"]), Role.ADMIN, UUID(demo["spaceId"]))


def _add(scope: Scope, name: str, definition: Any) -> UUID:
    values = {"name": name, "definition": definition, "enabled": True, "max_concurrency": None}
    return workflows.create(scope, values).id


def _follow(demo: Demo, upstream_port: int) -> None:
    """Point the price check to the new port, unless somebody changed or deleted it."""
    scope, workflow_id = _scope(demo), UUID(demo["priceCheckId"])
    with suppress(NotFound):
        if workflows.show(scope, workflow_id).definition == price_check(demo["upstreamPort"]):
            workflows.change(scope, workflow_id, {"definition": price_check(upstream_port)}, None)
    demo["upstreamPort"] = upstream_port


def main() -> None:
    """Prepare what the environment names; one line and exit code 1 when it is wrong or away."""
    try:
        with create_app().app_context():
            prepare(data_dir.locate(os.environ), int(os.environ["DEMO_UPSTREAM_PORT"]))
    except BadSetting as refusal:
        sys.exit(str(refusal))


if __name__ == "__main__":
    main()
