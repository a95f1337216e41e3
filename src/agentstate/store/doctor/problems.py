"""What a check gives: a problem of some kind, with what mends it; and what it is given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.errors import AgentStateError, StoreBusyError
from agentstate.reports.doctor import Finding, Severity
from agentstate.store.doctor.rows import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from agentstate.config import Location
    from agentstate.db.sqlite import SQLiteDatabase
    from agentstate.store.doctor.rows import Rows

    Check = Callable[["Patient"], Iterable["Problem"]]
    """Looks at an open store, and changes nothing."""

Id = int | str

_NAMED: Final = 3
"""How many threads, or the like, a line names."""
_QUOTED: Final = 60
"""Characters of a stored text that a line shows."""


class Kind(NamedTuple):
    """A kind of finding. docs/doctor.md lists them all, each as it stands in its module."""

    slug: str
    severity: Severity
    meaning: str
    """What is wrong, in general; a sentence."""
    fix: str | None = None
    """What mending does, as people are told it; None where only a person can."""
    instead: Severity | None = None
    """Another severity, which it has in the cases that `meaning` tells."""
    tidies: bool = False
    """Whether mending changes nothing that the store or its index says; that needs no backup."""

    def problem(
        self,
        what: str,
        ids: tuple[Id, ...] = (),
        mend: Callable[[], object] | None = None,
    ) -> Problem:
        """Return a problem of this kind, with its severity and its repair."""
        return Problem(self, self.severity, what, ids, self.fix, mend)


class Problem(NamedTuple):
    """Something that is wrong, and how it is mended. Made by its kind."""

    kind: Kind
    severity: Severity
    what: str
    ids: tuple[Id, ...] = ()
    fix: str | None = None
    """What mending does, as people are told it; None where only a person can."""
    mend: Callable[[], object] | None = None
    """Mends it in the open store, inside one transaction; for other places see their modules."""

    def instead(self) -> Problem:
        """Return it with the other severity of its kind."""
        return self._replace(severity=self.kind.instead or self.severity)

    def finding(self, *, fixed: bool = False) -> Finding:
        """Return what the report says of it."""
        return Finding(
            slug=self.kind.slug,
            severity=self.severity,
            what=self.what,
            ids=self.ids,
            fix=self.fix,
            fixed=fixed,
        )


UNCHECKED: Final = Kind(
    "unchecked",
    Severity.ERROR,
    "Checks, which the ids name, could not be made; what is wrong there is not known. Rows of a "
    "table cannot be checked where its columns bear all of SQLite's names for what numbers them.",
)


class Patient(NamedTuple):
    """An open store, which gives text that is not UTF-8 as bytes, and where it is."""

    database: SQLiteDatabase
    location: Location
    version: int
    """The version that the file says it has."""
    trust_schema: bool
    """Whether triggers and views were called harmless."""

    def has(self, table: str, *columns: str) -> bool:
        """Tell whether the file has a table with these columns; where not, the schema tells."""
        return self.database.has_table(table) and all(
            self.database.has_column(table, column) for column in columns
        )

    def rows(self, table: str, *columns: str) -> Rows | None:
        """Return the rows of a table with these columns; where None, `hidden_rows` may tell."""
        return rows_of(self.database, table) if self.has(table, *columns) else None


def look(checks: Iterable[Check], patient: Patient) -> Iterator[Problem]:
    """Give what the checks find; one that cannot look keeps no other from looking.

    Raises `StoreBusyError`.
    """
    failed: dict[str, list[str]] = {}
    for check in checks:
        try:
            yield from check(patient)
        except StoreBusyError:
            raise
        except AgentStateError as error:
            failed.setdefault(reason(error), []).append(check.__name__.replace("_", " "))
    for why, names in failed.items():
        yield UNCHECKED.problem(
            f"{many(len(names), 'check')} could not be made: {why}", tuple(names)
        )


def reason(error: AgentStateError) -> str:
    """Return what an error says, without the advice that led here."""
    return re.sub("; (if it was a store, )?see agentstate doctor$", "", str(error))


def many(number: int, noun: str) -> str:
    """Return `1 message`, `2 messages`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def readable(value: object) -> Id:
    """Return a stored value as an id that can be shown: bytes as text, None as nothing."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, int | str) else "" if value is None else str(value)


def in_threads(thread_ids: Iterable[object]) -> str:
    """Return `in thread 't'`, or of several the first, quoted, and how many more there are."""
    names = dict.fromkeys(map(readable, thread_ids))
    return f"in {'thread' if len(names) == 1 else 'threads'} {some(map(quoted, names), 'thread')}"


def some(texts: Iterable[str], noun: str, separator: str = ", ") -> str:
    """Return the first few, and how many more there are."""
    told = list(texts)
    more = len(told) - _NAMED
    rest = f" and {more} more {noun}{'' if more == 1 else 's'}" if more > 0 else ""
    return separator.join(told[:_NAMED]) + rest


def quoted(value: object, characters: int = _QUOTED) -> str:
    """Return a stored text as a line may show it: cut, in quotes, and what acts as escapes."""
    text = str(readable(value))
    return repr(text if len(text) <= characters else f"{text[: characters - 1]}…")
