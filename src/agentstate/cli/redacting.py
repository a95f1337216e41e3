"""`--redact`: every text that leaves the store, but for ids, goes through the redactor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from agentstate import jsontext
from agentstate.cli.inputs import home_folder
from agentstate.db.own_schema import IMPORTED_MESSAGES, IMPORTS
from agentstate.jsontext import JsonText
from agentstate.record import Record

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from agentstate.redaction import Redactor
    from agentstate.store.bundles import Change, Text

_Record = TypeVar("_Record", bound=Record)

_KEPT: Final = frozenset({"id", "git_sha"})
"""Names of what stays, besides all that end in `_id`: it joins rows, or is no secret."""
_SESSION: Final = "session_id"
_NATIVE: Final = "native_id"
_FOREIGN: Final = frozenset({_SESSION, "parent_session_id", _NATIVE})
"""Names of ids that the source of an import chose: they join no rows of the store."""
_HASH: Final = 16


class Redacting:
    """What is done to texts on their way out; nothing, unless `wanted`."""

    def __init__(self, *, wanted: bool) -> None:
        """Load the redactor; raises `UsageError` where it is not installed."""
        self._redactor: Redactor | None = None
        if wanted:
            from agentstate.redaction import Redactor  # noqa: PLC0415 - 160 ms

            home = home_folder()
            self._redactor = Redactor(home=home if home.startswith("/") else None)
            self._uncounted = self._redactor.apart()

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

    def record(self, one: _Record, counted: Collection[str] | None = None) -> _Record:
        """Return a record with its texts redacted; JSON is `JsonText`.

        Where some fields are `counted`, what is replaced in the others is not in `counts`.
        """
        if self._redactor is None:
            return one
        changed: dict[str, Any] = {}
        for name, value in vars(one).items():
            if _is_kept(name):
                continue
            leaves = counted is None or name in counted
            redactor = self._redactor if leaves else self._uncounted
            if isinstance(value, JsonText):
                changed[name] = redactor.value(value)
            elif type(value) is str:
                changed[name] = redactor.text(value)
        return type(one)(**{**vars(one), **changed})

    def cells(self, thread_id: str) -> Change | None:
        """Return what redacts the texts of a thread's bundle; None if nothing does."""
        return None if self._redactor is None else _Cells(self._redactor, thread_id).cell


class _Cells:
    """The texts of one thread's bundle on their way out."""

    def __init__(self, redactor: Redactor, thread_id: str) -> None:
        self._redactor = redactor
        self._thread_id = thread_id
        self._native_ids: dict[str, int] = {}

    def cell(self, table: str, column: str, text: Text) -> Text:
        """Return the text of a column redacted; bytes that are no text, too."""
        if _is_kept(column):
            return text
        if isinstance(text, bytes):
            redacted = self._text(table, column, text.decode(errors="surrogateescape"))
            return type(text)(redacted.encode(errors="surrogateescape"))
        return self._text(table, column, text)

    def _text(self, table: str, column: str, text: str) -> str:
        if column.endswith(("_json", "_schema")):
            try:
                return str(self._redactor.value(jsontext.verify(text)))
            except ValueError:
                pass  # no JSON, so it is as good as any text
        if (table, column) == (IMPORTED_MESSAGES, _NATIVE):
            return self._redactor.key(text, self._native_ids)
        redacted = self._redactor.text(text)
        if (table, column) == (IMPORTS, _SESSION) and redacted != text:
            from hashlib import sha256  # noqa: PLC0415 - rarely

            # No two sessions of a store have one id. The hash is of what stays.
            digest = sha256(self._thread_id.encode(errors="surrogatepass")).hexdigest()
            return f"{redacted} {digest[:_HASH]}"
        return redacted


def summary(kinds: Mapping[str, int]) -> str:
    """Return what was replaced, in a sentence."""
    listed = ", ".join(f"{kind} {times}" for kind, times in sorted(kinds.items()))
    return f"redacted: {listed}" if listed else "found nothing to redact"


def _is_kept(name: str) -> bool:
    return name in _KEPT or (name.endswith("_id") and name not in _FOREIGN)
