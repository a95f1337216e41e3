"""Imports: of sessions that a store has in part, and of others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from stress.messages import one_thread
from stress.nursery import call
from stress.operation import Operation, commands, text
from stress.soundness import index_of
from support import rows

if TYPE_CHECKING:
    from pathlib import Path

    from stress.operation import Found

_SESSIONS: Final = tuple(f"{number}0000000-0000-4000-8000-000000000000" for number in range(1, 5))
_LINES: Final = 60
_KNOWN: Final = 20
"""Lines of the first session that were imported before."""


def _line(session: str, number: int) -> dict[str, Any]:
    """Return a line of Claude Code; every seventh answers the one before the last."""
    above = number - 1 - (number % 7 == 3)
    return {
        "type": "user",
        "uuid": f"{session}-{number}",
        "parentUuid": f"{session}-{above}" if number else None,
        "sessionId": session,
        "timestamp": f"2026-01-02T03:04:{number:02}.000Z",
        "message": {"role": "user", "content": text(number)},
    }


def _write(folder: Path, session: str, lines: int) -> None:
    written = (json.dumps(_line(session, number)) + "\n" for number in range(lines))
    (folder / f"{session}.jsonl").write_text("".join(written))


def _prepare(db: Path) -> None:
    one_thread(db)
    folder = db.parent / "sources"
    folder.mkdir()
    _write(folder, _SESSIONS[0], _KNOWN)
    assert call(db, "import", folder).code == 0
    for session in _SESSIONS:
        _write(folder, session, _LINES)


def _imported(db: Path) -> Found:
    """Find of each session all or nothing, and the line of each in the index."""
    sql = "SELECT content FROM messages WHERE thread_id = :id ORDER BY id"
    whole = [(text(number),) for number in range(_LINES)]
    names = index_of(db)
    missing = []
    for session in _SESSIONS:
        found = rows(db, sql.replace(":id", f"'{session}'"))
        before = whole[:_KNOWN] if session == _SESSIONS[0] else []
        assert found in (before, whole)
        missing += [session] if found == before or session not in names else []
    return {} if missing else {0: (0, None)}


OPERATIONS: Final[dict[str, Operation]] = {
    "import": Operation(
        _prepare,
        commands(lambda db, _: ("-q", "import", db.parent / "sources")),
        _imported,
        writes=1,
        anew=True,
        may_leave=lambda name: name.startswith("sources/"),
    ),
}
