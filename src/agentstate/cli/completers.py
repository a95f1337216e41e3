"""Live completion: thread ids and names, messages, checkpoints and jobs, read from the store.

A completion only reads, and where it cannot it offers nothing.
"""

import typer


def complete_threads(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Offer thread ids."""
    return []


def complete_messages(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Offer message ids."""
    return []


def complete_checkpoints(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Offer checkpoint ids."""
    return []


def complete_jobs(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Offer job ids."""
    return []


def complete_records(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of records."""
    return []
