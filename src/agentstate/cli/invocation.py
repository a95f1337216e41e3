"""One run of the program: the options before the command, and what every verb asks of them."""

from __future__ import annotations

import os
import signal
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
_INTERRUPTS: Final = frozenset({signal.SIGINT, signal.SIGTERM})


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
    trust_schema: bool = False

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

        store = StateStore.open(
            self.location,
            create=create,
            trust_schema=self.trust_schema,
            timeout=self.timeout,
            before_commit=hold_interrupts,
        )
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


def hold_interrupts() -> None:
    """Let a Ctrl-C or SIGTERM wait until the run is over, for what it came to do is being done.

    Who is told "interrupted" tries again, and a message must not be there twice.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)


def is_interrupted() -> bool:
    """Tell whether an interruption is being held, for a verb that does many things in turn."""
    return not _INTERRUPTS.isdisjoint(signal.sigpending())


def release_interrupts() -> None:
    """Forget the interrupts that were held, and hear new ones."""
    while late := signal.sigpending() & _INTERRUPTS:
        signal.sigwait(late)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)


def invocation(ctx: typer.Context) -> Invocation:
    """Return the run that a verb belongs to."""
    found = ctx.find_object(Invocation)
    if found is None:
        raise RuntimeError("a command was run outside the program")
    return found


def can_ask() -> bool:
    """Tell whether a question would reach a person, and the answer come from one."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
