"""What `agentstate doctor` found, on a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentstate.render.text import count, cut, screen_safe, wrap
from agentstate.reports.doctor import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from agentstate.render.theme import Line
    from agentstate.reports.doctor import DoctorReport, Finding

_STYLES: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "dim"}
_FIXED: Final = "mended"
_MARGIN: Final = max(len(word) for word in (*Severity, _FIXED)) + 2
_NARROWEST: Final = 24
"""Cells that the words get, however narrow the screen is."""

_DAMAGED: Final = {"file_unreadable", "pages_damaged", "store_incomplete"}
"""Slugs of damage that only `recover` helps against."""
_RECOVER: Final = "agentstate recover OUT reads what can be read into a new store"

_ALIKE: Final = 5
"""How many findings of one kind are shown; a damaged tree may have thousands of cycles."""
_IDS: Final = 12
_ID_CELLS: Final = 60


def diagnosis(report: DoctorReport, *, width: int) -> Iterator[Line]:
    """Yield the lines of a report: what was mended, what is wrong or left, and the sum.

    Each finding comes with its ids and its repair.
    """
    cells = max(width - _MARGIN, _NARROWEST)
    kinds: dict[tuple[str, bool], list[Finding]] = {}
    for finding in sorted(report.findings, key=lambda finding: not finding.fixed):
        kinds.setdefault((finding.slug, finding.fixed), []).append(finding)
    for alike in kinds.values():
        for finding in alike[:_ALIKE]:
            yield from _lines(finding, cells)
        if len(alike) > _ALIKE:
            more = f"… and {len(alike) - _ALIKE} more of {alike[0].slug}"
            yield [(" " * _MARGIN, ""), (more, "dim")]
    for text in wrap(_sum(report), max(width, _NARROWEST)):
        yield [(text, "title")]


def _lines(finding: Finding, cells: int) -> Iterator[Line]:
    word, style = (
        (_FIXED, "title") if finding.fixed else (finding.severity.value, _STYLES[finding.severity])
    )
    first = (word.ljust(_MARGIN), style)
    for text in wrap(f"{finding.slug}: {screen_safe(finding.what)}", cells):
        yield [first, (text, "")]
        first = (" " * _MARGIN, "")
    if finding.ids:
        for text in wrap(_ids(finding.ids), cells):
            yield [(" " * _MARGIN, ""), (text, "dim")]
    if finding.fix is not None:
        for text in wrap(f"{'done' if finding.fixed else '--fix'}: {finding.fix}", cells):
            yield [(" " * _MARGIN, ""), (text, "")]


def _ids(ids: Sequence[int | str]) -> str:
    shown = ", ".join(cut(screen_safe(str(one)), _ID_CELLS) or "''" for one in ids[:_IDS])
    more = len(ids) - _IDS
    return f"{shown} and {more} more" if more > 0 else shown


def untouched(report: DoctorReport) -> str:
    """Return what is said where a store was to be mended, and nothing in it could be."""
    said = "nothing in the store was changed"
    return f"{said}; {_RECOVER}" if _is_damaged(report.findings) else said


def _is_damaged(findings: Iterable[Finding]) -> bool:
    return any(finding.slug in _DAMAGED for finding in findings)


def _sum(report: DoctorReport) -> str:
    left = [finding for finding in report.findings if not finding.fixed]
    mended = len(report.findings) - len(left)
    parts = [
        count(number, severity.value)
        for severity in Severity
        if (number := sum(finding.severity is severity for finding in left))
    ]
    said = f"{mended} mended; " if mended else ""
    if report.healthy:
        return f"{said}healthy" + (f", with {parts[0]}" if parts else "")
    said += ", ".join(parts) + (" left" if mended else "")
    return f"{said}; {_outlook(left)}"


def _outlook(left: Sequence[Finding]) -> str:
    """Return what can be done about findings of which one at least is no note."""
    if _is_damaged(left):
        return f"agentstate doctor --fix cannot mend a damaged file; {_RECOVER}"
    can = sum(finding.fix is not None for finding in left)
    mends = f"mends {can} of {len(left)}" if can else "can mend nothing of this"
    return f"agentstate doctor --fix {mends}"
