"""A sandbox of a test's own, and the value of one expression in it."""

import asyncio
from uuid import uuid4

from app.engine.sandbox import Expressions, Sandbox, Script

HERE = uuid4()


def in_sandbox(test, children=2):
    """Run a coroutine function with a sandbox of its own."""

    async def main():
        sandbox = Sandbox(children)
        try:
            return await test(sandbox)
        finally:
            await sandbox.close()

    return asyncio.run(main())


async def value_of(sandbox, source, workspace_id=HERE, **values):
    reply = await sandbox.evaluate(workspace_id, Expressions((Script(source),), values))
    return reply.error["message"] if reply.error else reply.values[0]
