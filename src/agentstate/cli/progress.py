"""A progress bar for long work: on a terminal, and only when the work turns out to be long."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress

    from agentstate.cli.invocation import Invocation

_PATIENCE: Final = 0.5
"""Seconds of work that need no bar."""
_STEP: Final = 0.1
"""Seconds between two drawings."""


class Bar:
    """How far the work is, on standard error; nothing where that is no terminal, or is quiet."""

    def __init__(self, run: Invocation, what: str, total: int) -> None:
        """Begin; `total` is in the unit that `advance` takes."""
        self._wanted = not run.quiet and sys.stderr is not None and sys.stderr.isatty()
        self._what = what
        self._total = total
        self._done = 0
        self._next = time.monotonic() + _PATIENCE
        self._shown: Progress | None = None

    def advance(self, amount: int) -> None:
        """Say that so much more has been done."""
        self._done += amount
        if not self._wanted or (now := time.monotonic()) < self._next:
            return
        self._next = now + _STEP
        shown = self._shown or self._show()
        shown.update(shown.task_ids[0], completed=min(self._done, self._total))
        shown.refresh()

    def _show(self) -> Progress:
        from rich.console import Console  # noqa: PLC0415 - long work only
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - as above

        percent = TextColumn("{task.percentage:>3.0f} %")
        self._shown = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            percent,
            TimeRemainingColumn(),
            console=Console(stderr=True),
            auto_refresh=False,
            transient=True,
        )
        self._shown.add_task(self._what, total=self._total)
        self._shown.start()
        return self._shown

    def __enter__(self) -> Self:
        """Return the bar."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar off the screen."""
        if self._shown is not None:
            self._shown.stop()
