"""Asking before something is destroyed."""

from __future__ import annotations

import sys

from agentstate.cli.invocation import can_ask
from agentstate.errors import UsageError
from agentstate.render.text import screen_safe


def confirm(question: str, *, yes: bool) -> None:
    """Return if `--yes` was given or a person says yes; a no ends the run with code 130.

    Where nobody can be asked, raises `UsageError`: a "y" from a pipe is no answer.
    """
    if yes:
        return
    if not can_ask():
        raise UsageError("this destroys data: add --yes, or look first with --dry-run")
    sys.stderr.write(f"{screen_safe(question)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise KeyboardInterrupt
