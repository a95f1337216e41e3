"""One run of the program: the options before the command, and what every verb asks of them."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from agentstate.cli.printing import note
from agentstate.config import locate
from agentstate.record import Record, record

if TYPE_CHECKING:
    from collections.abc import Callable

    import typer

    from agentstate.config import Location
    from agentstate.store import StateStore

DEFAULT_TIMEOUT: Final = 5.0


class ColorChoice(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@record
class Invocation(Record):
    """The options of one run."""

    db: str | None
    timeout: float
    color: ColorChoice
    quiet: bool
    folder: Callable[[], str]
    """Gives the current folder, or raises `UsageError`; it may be gone."""

    @property
    def location(self) -> Location:
        """Where the store is."""
        found = locate(self.db, os.environ)
        if not found.path.is_absolute():
            self.folder()
        return found

    def read(self) -> StateStore:
        """Open the store so that nothing in its folder changes."""
        from agentstate.store import StateStore  # noqa: PLC0415 - help needs no store

        return StateStore.open(self.location, read_only=True, timeout=self.timeout)

    def write(self, *, create: bool = False) -> StateStore:
        """Open the store to write, migrating it first; `create` makes it where there is none."""
        from agentstate.store import NEWEST_VERSION, StateStore  # noqa: PLC0415 - as above

        store = StateStore.open(self.location, create=create, timeout=self.timeout)
        if store.found_version is None:
            self.note(f"created {store.path}")
        elif store.found_version < NEWEST_VERSION:
            self.note(
                f"migrated {store.path} from version {store.found_version} to {NEWEST_VERSION}"
            )
        return store

    def note(self, text: str) -> None:
        """Say something beside the answer, unless `--quiet`."""
        if not self.quiet:
            note(text)


def invocation(ctx: typer.Context) -> Invocation:
    """Return the run that a verb belongs to."""
    found = ctx.find_object(Invocation)
    if found is None:
        raise RuntimeError("a command was run outside the program")
    return found


def can_ask() -> bool:
    """Tell whether a question would reach a person, and the answer come from one."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
