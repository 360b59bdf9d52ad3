"""What walks ask the database: definitions, which are kept, secrets, which are not, and news."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row
from sqlalchemy.exc import DBAPIError

from app import log
from app.crypto import Keyring, Undecryptable
from app.engine.graph import Graph, compile_graph
from app.engine.input_schema import InputSchema
from app.errors import InvalidDefinition
from app.states import Reason
from app.store import children, flushes, secrets
from app.store.allowance import Allowance
from app.store.children import Checks, Parent, Refused
from app.strictjson import loads_stored

GRAPHS_KEPT = 500
RETRY_SECONDS = 1.0

logger = log.get(__name__)
Json = Any
Version = tuple[UUID, int]
Book = Graph | InvalidDefinition | None


class Library:
    """Answers what walks ask the database, in threads; it asks again while the database is away."""

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        send: Callable[[Row[Any]], None],
        held: Callable[[UUID], None],
    ) -> None:
        self._engine = engine
        self._keyring = keyring
        self._send = send
        self._held = held
        self._checks = Checks(_misfit, Allowance())
        self._books: OrderedDict[Version, Book] = OrderedDict()
        self._coming: dict[Version, asyncio.Task[str | None]] = {}
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="library")

    def known(self, version: Version) -> Graph | None:
        """Give a definition that was compiled before and needs nothing more to run."""
        book = self._books.get(version)
        return book if isinstance(book, Graph) and not book.secrets else None

    async def book(self, version: Version) -> Book:
        """Give a compiled definition, what is wrong with it, or None when it is gone."""
        if version in self._books:
            self._books.move_to_end(version)
            return self._books[version]
        if version not in self._coming:
            self._coming[version] = asyncio.create_task(self.ask(_definition, *version))
        text = await self._coming[version]
        self._coming.pop(version, None)
        if version not in self._books:
            self._books[version] = await asyncio.to_thread(_compiled, text)
            self._forget_oldest()
        return self._books[version]

    def _forget_oldest(self) -> None:
        while len(self._books) > GRAPHS_KEPT:
            self._books.popitem(last=False)

    async def secrets(self, workspace_id: UUID, names: frozenset[str]) -> dict[str, str]:
        """Read the values of secrets; one that cannot be decrypted is left out, and the log says so."""
        if not names:
            return {}
        try:
            found: dict[str, str] = await self.ask(secrets.values, self._keyring, workspace_id, names)
        except Undecryptable as error:
            logger.error("a secret cannot be decrypted: check ENCRYPTION_KEYS", error=str(error))
            return {}
        return found

    async def ask(self, question: Callable[..., Any], *given: object) -> Any:
        """Ask the database something in a transaction of its own, until it answers."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await loop.run_in_executor(self._threads, self._ask, question, given)
            except DBAPIError as error:
                logger.warning("the database did not answer; asking again", error=str(error.orig).strip())
                await asyncio.sleep(RETRY_SECONDS)

    async def start_child(
        self, parent: Parent, place: str, workflow_id: UUID, input: Json
    ) -> Row[Any] | Refused:
        """Make a child execution and send its ticket, or look for its place; gives its row, or why not."""
        row: Row[Any] | Refused = await self.ask(
            children.start, parent, place, workflow_id, input, self._checks
        )
        if isinstance(row, Refused):
            return row
        if getattr(row, "reason", None) == Reason.CONCURRENCY:
            self._held(parent.workspace_id)
        elif getattr(row, "sent_at", None) is not None:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._send, row)
        return row

    def close(self) -> None:
        """Answer nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, question: Callable[..., Any], given: tuple[object, ...]) -> Any:
        with self._engine.begin() as tx:
            return question(tx, *given)


def _definition(tx: Any, workflow_id: UUID, number: int) -> str | None:
    text: str | None = flushes.definition_of(tx, workflow_id, number)
    return text


def _misfit(schema: Json, value: Json) -> str | None:
    """Say what keeps a child's input from fitting its inputSchema."""
    faults = InputSchema(schema).check(value)
    if not faults:
        return None
    return "The child's input does not fit: " + "; ".join(f"{f.path}: {f.message}" for f in faults[:3])


def _compiled(text: str | None) -> Book:
    if text is None:
        return None
    try:
        return compile_graph(loads_stored(text))
    except InvalidDefinition as error:
        return error
