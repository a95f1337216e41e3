"""`--redact`: every text that leaves the store, but for ids, goes through the redactor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from agentstate import jsontext
from agentstate.cli.inputs import home_folder
from agentstate.jsontext import JsonText
from agentstate.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentstate.store.bundles import Text

_Record = TypeVar("_Record", bound=Record)

_KEPT: Final = frozenset({"id", "git_sha"})
"""Names of what stays, besides all that end in `_id`: it joins rows, or is no secret."""


class Redacting:
    """What is done to texts on their way out; nothing, unless `wanted`."""

    def __init__(self, *, wanted: bool) -> None:
        """Load the redactor; raises `UsageError` where it is not installed."""
        self._redactor = None
        if wanted:
            from agentstate.redaction import Redactor  # noqa: PLC0415 - 160 ms

            home = home_folder()
            self._redactor = Redactor(home=home if home.startswith("/") else None)

    @property
    def is_on(self) -> bool:
        """Whether texts are changed at all."""
        return self._redactor is not None

    @property
    def counts(self) -> dict[str, int]:
        """How many were replaced so far, by kind."""
        return dict(self._redactor.counts) if self._redactor else {}

    def since(self, before: Mapping[str, int]) -> dict[str, int]:
        """Return how many were replaced since `counts` was `before`."""
        new = {kind: times - before.get(kind, 0) for kind, times in self.counts.items()}
        return {kind: times for kind, times in new.items() if times}

    def record(self, one: _Record) -> _Record:
        """Return a record with its texts redacted; JSON is `JsonText`."""
        if self._redactor is None:
            return one
        changed: dict[str, Any] = {}
        for name, value in vars(one).items():
            if _is_kept(name):
                continue
            if isinstance(value, JsonText):
                changed[name] = self._redactor.value(value)
            elif type(value) is str:
                changed[name] = self._redactor.text(value)
        return type(one)(**{**vars(one), **changed})

    def cell(self, _table: str, column: str, text: Text) -> Text:
        """Return the text of a column of a bundle redacted; bytes that are no text, too."""
        if self._redactor is None or _is_kept(column):
            return text
        if isinstance(text, bytes):
            redacted = self._redactor.text(text.decode(errors="surrogateescape"))
            return type(text)(redacted.encode(errors="surrogateescape"))
        if column.endswith(("_json", "_schema")):
            try:
                return str(self._redactor.value(jsontext.verify(text)))
            except ValueError:
                pass  # no JSON, so it is as good as any text
        return self._redactor.text(text)


def summary(kinds: Mapping[str, int]) -> str:
    """Return what was replaced, in a sentence."""
    listed = ", ".join(f"{kind} {times}" for kind, times in sorted(kinds.items()))
    return f"redacted: {listed}" if listed else "found nothing to redact"


def _is_kept(name: str) -> bool:
    return name in _KEPT or name.endswith("_id")
