"""Who asks, and where: every service call carries it, so that no query forgets the workspace."""

from dataclasses import dataclass
from uuid import UUID

from app.errors import NotFound
from app.states import Role


@dataclass(frozen=True, slots=True)
class Scope:
    """A workspace, optionally narrowed to one of its spaces, and the role of the caller.

    `browser` is true in a page's session, where a trigger counts as `manual`.
    """

    workspace_id: UUID
    role: Role
    space_id: UUID | None = None
    browser: bool = False

    @property
    def named_space_id(self) -> UUID:
        """Give the space, where one must be named; raises NotFound."""
        if self.space_id is None:
            raise NotFound("Name a space: …/spaces/{spaceId}.")
        return self.space_id
