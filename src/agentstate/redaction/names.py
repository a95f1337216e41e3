"""What the values in JSON are called, by which secrets without a shape can be told."""

from __future__ import annotations

import re
from typing import Final

_LABELS: Final = frozenset(("name", "key"))
_LABELLED: Final = "value"
_OPTION: Final = re.compile(r"--?[A-Za-z]")


class Level:
    """An object or a list on the way down, which knows what its parts are called.

    A member is called by its key; a part of a list as the list is, or by the option of a
    command before it. Where `{"name": …, "value": …}` stands, and in `{"value": …}` alone, the
    key says nothing: the value is called by the name beside it, or as the object is.
    """

    def __init__(self, name: str = "") -> None:
        """Start at the front of what is called `name`."""
        self._name = name
        self._label = ""
        self.taken: dict[str, int] = {}
        """The keys so far; see `Redactor.key`."""

    def part(self, key: str | None) -> str:
        """Return what the part under a key, or the next one of a list, is called."""
        if key is None or key.lower() == _LABELLED:
            return self._label or self._name or (key or "")
        return key

    def passed(self, key: str | None, value: str) -> None:
        """Learn from a string what the parts behind it are called."""
        if key is None:
            self._label = value if _OPTION.match(value) else ""
        elif key.lower() in _LABELS:
            self._label = value
