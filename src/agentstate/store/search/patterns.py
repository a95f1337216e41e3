"""Regular expressions, which may take for ever: each message has its time, and no more.

Python's own engine looks after signals while it tries, so an alarm ends it. Only the main thread
of a program hears alarms; in another one nothing bounds a pattern.
"""

from __future__ import annotations

import re
import signal
import threading
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Final, NoReturn

from agentstate.errors import UsageError
from agentstate.store.context import warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentstate.store.search.folding import Span

_SECONDS: Final = 1.0
"""What a message may take."""
_PATIENCE: Final = 3
"""Messages that may take longer, until the pattern is given up."""
_SHOWN: Final = 50


class _TooSlow(Exception):  # noqa: N818 - it is caught here, and no error to anybody
    pass


class Pattern:
    """A regular expression and the time that it has taken too long."""

    def __init__(self, text: str, seconds: float = _SECONDS) -> None:
        """Compile; a message may take `seconds`. Raises `UsageError` for what cannot be used."""
        try:
            self._compiled = re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            raise UsageError(f"{text!r} is no regular expression: {error}") from error
        self._seconds = seconds
        self._slow = 0

    def spans(self, message_id: int, text: str) -> list[Span]:
        """Return where the first matches are in a text, none also for one that takes too long.

        Raises `UsageError` for a pattern that takes too long again and again.
        """
        try:
            with _alarm(self._seconds):
                found = islice(self._compiled.finditer(text), _SHOWN)
                return [match.span() for match in found]
        except _TooSlow:
            self._slow += 1
        slow = f"takes more than {self._seconds:g} s"
        if self._slow == _PATIENCE:
            raise UsageError(
                f"the pattern {slow} on each of {_PATIENCE} messages; repeat less in it"
            )
        warn(f"message {message_id} is left out: the pattern {slow} on it")
        return []


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _give_up)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)


def _give_up(*_: object) -> NoReturn:
    raise _TooSlow
