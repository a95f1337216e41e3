"""What a check gives: a problem, with what mends it; and what it is given: the open store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from agentstate.errors import AgentStateError, StoreBusyError
from agentstate.reports import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from agentstate.config import Location
    from agentstate.db.sqlite import SQLiteDatabase

    Check = Callable[["Patient"], Iterable["Problem"]]
    """Looks at an open store, and changes nothing."""

Id = int | str

UNCHECKED: Final = "unchecked"


class Problem(NamedTuple):
    """Something that is wrong, and how it is mended."""

    slug: str
    severity: Severity
    what: str
    ids: tuple[Id, ...] = ()
    fix: str | None = None
    """What mending does, as people are told it; None where only a person can."""
    mend: Callable[[], object] | None = None
    """Mends it in the open store, inside one transaction; for other places see their modules."""

    def finding(self, *, fixed: bool = False) -> Finding:
        """Return what the report says of it."""
        return Finding(
            slug=self.slug,
            severity=self.severity,
            what=self.what,
            ids=self.ids,
            fix=self.fix,
            fixed=fixed,
        )


class Patient(NamedTuple):
    """An open store, which gives text that is not UTF-8 as bytes, and where it is."""

    database: SQLiteDatabase
    location: Location
    version: int
    """The version that the file says it has."""
    trust_schema: bool = False
    """Whether triggers and views were called harmless."""

    def has(self, table: str, *columns: str) -> bool:
        """Tell whether the file has a table with these columns; where not, the schema tells."""
        return self.database.has_table(table) and all(
            self.database.has_column(table, column) for column in columns
        )


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
        yield Problem(
            UNCHECKED,
            Severity.ERROR,
            f"{many(len(names), 'check')} could not be made: {why}",
            tuple(names),
        )


def reason(error: AgentStateError) -> str:
    """Return what an error says, without the advice that led here."""
    return str(error).removesuffix("; see agentstate doctor")


def many(number: int, noun: str) -> str:
    """Return `1 message`, `2 messages`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def readable(value: object) -> Id:
    """Return a stored value as an id that can be shown: bytes as text, None as nothing."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, int | str) else "" if value is None else str(value)
