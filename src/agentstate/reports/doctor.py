"""What is wrong with a store, and what was mended."""

from __future__ import annotations

from enum import StrEnum

from agentstate.record import Record, record


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Something is lost, cannot be read, or will fail."""
    WARNING = "warning"
    """Something contradicts itself, or others may read it."""
    NOTE = "note"
    """Worth knowing; a store with nothing but notes is healthy."""


@record
class Finding(Record):
    """One thing that `doctor` found."""

    slug: str
    """Its kind, for scripts."""
    severity: Severity
    what: str
    """What is wrong, in a line."""
    ids: tuple[int | str, ...]
    """Messages, threads, jobs, lines or files that it is about."""
    fix: str | None
    """What `--fix` does about it; None where only a person can."""
    fixed: bool = False
    """Whether that was done."""


@record
class DoctorReport(Record):
    """What `doctor` found, and what it mended."""

    path: str
    healthy: bool
    """Whether nothing but notes is left."""
    backup: str | None
    """The store as it was before it was mended; None where nothing was."""
    findings: tuple[Finding, ...]
