"""Trees of messages to draw: from a store as it lies on disk, and made for a purpose."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentstate.records import (
    MessageRecord,
    SessionSource,
    SideBranch,
    ThreadMetadata,
    ThreadStatus,
)
from agentstate.render.theme import plain
from agentstate.render.tree import tree_lines
from agentstate.render.tree_forest import Forest
from agentstate.render.tree_layout import BranchView, WholeView
from agentstate.render.tree_row import TreeOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HERE: Final = Path(__file__).parent
NOW: Final = 1_800_000_000
HOUR: Final = 3600
NODE: Final = re.compile(r"^[│├└─ …]*[●◉○] +#(-?\d+) ")
"""The start of a message's line."""


def drawing(view: BranchView | WholeView, **options: Any) -> list[str]:  # noqa: ANN401 - options of a drawing
    return [plain(line) for line in tree_lines(view, TreeOptions(**{"now": NOW, **options}))]


def ids(lines: Iterable[str]) -> list[int]:
    """Return the ids of the messages that have a line, in the order drawn."""
    return [int(found[1]) for line in lines if (found := NODE.match(line))]


def golden(name: str, lines: Iterable[str]) -> tuple[str, str]:
    """Return what is drawn and what should be; with AGENTSTATE_WRITE_GOLDEN set, write it."""
    path = HERE / "golden" / f"{name}.txt"
    drawn = "".join(f"{line}\n" for line in lines)
    if os.environ.get("AGENTSTATE_WRITE_GOLDEN"):
        path.write_text(drawn, encoding="utf-8")
    return drawn, path.read_text(encoding="utf-8")


def thread(leaf: int | None, **columns: Any) -> ThreadMetadata:  # noqa: ANN401 - its columns
    defaults: dict[str, Any] = {
        "id": "t-1",
        "name": "A tree",
        "cwd": "/home/u/src/app",
        "created_at": NOW - 9 * HOUR,
        "updated_at": NOW - 3 * HOUR,
        "current_leaf_id": leaf,
    }
    return ThreadMetadata(**{**defaults, **columns})


def message(
    entry: int,
    parent: int | None,
    content: str | None = None,
    **columns: Any,  # noqa: ANN401 - its columns
) -> MessageRecord:
    defaults: dict[str, Any] = {
        "id": entry,
        "thread_id": "t-1",
        "role": "user",
        "content": f"message {entry}" if content is None else content,
        "created_at": NOW - HOUR,
        "parent_entry_id": parent,
    }
    return MessageRecord(**{**defaults, **columns})


def chain(length: int) -> list[MessageRecord]:
    return [message(entry, entry - 1 or None) for entry in range(1, length + 1)]


def branch_view(
    owner: ThreadMetadata, messages: Sequence[MessageRecord], limit: int | None = None
) -> BranchView:
    """Return the view that a store would give of these messages."""
    forest = Forest(messages)
    path = forest.path_to(owner.current_leaf_id)
    shown = path if limit is None else path[-limit:]
    on_branch = set(path)
    return BranchView(
        thread=owner,
        stats=WholeView(thread=owner, messages=messages).stats,
        messages=[forest.messages[entry] for entry in shown],
        earlier=len(path) - len(shown),
        stubs=[
            SideBranch(
                message=record,
                size=forest.size[record.id],
                leaves=forest.leaves[record.id],
                leaf_id=forest.newest_leaf[record.id],
            )
            for record in messages
            if record.id not in on_branch
            and record.id in forest.size
            and (record.parent_entry_id is None or record.parent_entry_id in on_branch)
        ],
    )


def stored(thread_id: str) -> tuple[ThreadMetadata, list[MessageRecord]]:
    """Read a thread of the store that the Rust program wrote, with nothing but sqlite3."""
    path = HERE / "data" / "v2_rich" / "state.db"
    database = sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)
    database.row_factory = sqlite3.Row
    try:
        sql = "SELECT * FROM threads WHERE id = ?"
        columns = dict(database.execute(sql, (thread_id,)).fetchone())
        sql = "SELECT * FROM messages WHERE thread_id = ? ORDER BY id"
        rows = database.execute(sql, (thread_id,)).fetchall()
    finally:
        database.close()
    columns["name"] = columns.pop("title")
    columns["status"] = ThreadStatus(columns["status"])
    columns["source"] = SessionSource(columns["source"])
    messages = [
        message(
            row["id"],
            row["parent_entry_id"],
            row["content"],
            thread_id=thread_id,
            role=row["role"],
            item=row["item_json"] and json.loads(row["item_json"]),
            created_at=row["created_at"],
        )
        for row in rows
    ]
    return ThreadMetadata(**columns), messages


def lexer() -> tuple[ThreadMetadata, list[MessageRecord]]:
    """Make a conversation with all that a drawing has to show: forks, tools, long texts."""
    call = {"type": "tool_call", "name": "exec", "args": {"cmd": ["pytest", "-q", "tests/lexer"]}}
    why = (
        "Because `peek()` returns None at the end of input, and the loop takes that for "
        '"no token", so what is still in the buffer is thrown away.\n\n'
        "Two ways out:\n    1. a sentinel\n    2. a flush at the end\n"
    )
    rows: list[tuple[int, int | None, str, str, int, Any]] = [
        (13, None, "user", "Why does the lexer drop the last token?", 5 * HOUR, None),
        (14, 13, "assistant", why, 5 * HOUR - 40, None),
        (15, 14, "user", "Fix it", 4 * HOUR, None),
        (16, 15, "assistant", "Rewrote the loop with a sentinel", 4 * HOUR - 30, None),
        (17, 16, "tool", "", 4 * HOUR - 40, call),
        (18, 17, "tool", "2 failed, 31 passed\n\n[bold]see[/bold] log", 4 * HOUR - 50, None),
        (19, 18, "assistant", "The sentinel leaks into the positions.", 4 * HOUR - 80, None),
        (20, 19, "user", "No, that is worse", 4 * HOUR - 90, None),
        (21, 20, "assistant", "Agreed; going back.", 4 * HOUR - 100, None),
        (22, 19, "user", "Hide it from `repr` then", 4 * HOUR - 120, None),
        (30, 15, "assistant", "Try a generator instead", 3 * HOUR, None),
        (31, 30, "user", "Too slow for big files", 3 * HOUR - 70, None),
        (32, 15, "assistant", "Done: added an explicit end token.", 2 * HOUR, None),
        (33, 32, "tool", "", 2 * HOUR - 10, call),
        (34, 33, "tool", "\x1b[32m33 passed\x1b[0m in 0.41s\n", 2 * HOUR - 20, None),
        (35, 34, "assistant", "All green. 修正しました 🎉 Want a test too?", 2 * HOUR - 30, None),
        (36, 35, "user", "Yes please", HOUR, None),
        (40, 36, "assistant", "Added `test_empty_file`.", 55 * 60, None),
        (41, 40, "developer", "Keep tests under tests/lexer/", 50 * 60, None),
        (42, 41, "critic", "", 49 * 60, None),
        (45, 42, "user", "Run the tests again", 3, None),
    ]
    messages = [
        message(entry, parent, content, role=role, created_at=NOW - age, item=item)
        for entry, parent, role, content, age, item in rows
    ]
    owner = thread(45, id="0198c2f4-7a1e-7b60", name="Fix the lexer", updated_at=NOW - 3)
    return owner, messages
