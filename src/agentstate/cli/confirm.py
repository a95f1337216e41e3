"""Asking before something is destroyed."""

from __future__ import annotations

from agentstate.cli.invocation import can_ask
from agentstate.cli.printing import ask
from agentstate.errors import UsageError


def refuse_unasked(*, yes: bool) -> None:
    """Raise `UsageError` where nobody said `--yes` and nobody can be asked.

    A "y" from a pipe is no answer. Verbs call this before they open the store, which migrates it.
    """
    if not yes and not can_ask():
        raise UsageError("this destroys data: add --yes, or look first with --dry-run")


def confirm(question: str, *, yes: bool) -> None:
    """Return if `--yes` was given or a person says yes; a no ends the run with code 130."""
    refuse_unasked(yes=yes)
    if not yes and ask(f"{question} [y/N]").strip().lower() not in {b"y", b"yes"}:
        raise KeyboardInterrupt("nothing was done")
