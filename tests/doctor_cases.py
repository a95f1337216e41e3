"""Damage to the rows of a store: what is found of it, and what its repair makes of it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from agentstate import Severity

ERROR, WARNING = Severity.ERROR, Severity.WARNING

THREAD: Final = (
    "INSERT INTO threads(id, preview, ephemeral, model_provider, created_at, updated_at, status, "
    "cwd, cli_version, source) VALUES ({}, '', 0, '', 7, 7, 'idle', '', '', 'api')"
)
MESSAGE: Final = (
    "INSERT INTO messages(id, thread_id, role, content, created_at, parent_entry_id) "
    "VALUES ({}, 'user', 'lost', {}, {})"
)


class Case(NamedTuple):
    """Damage, what is found, and what the repair makes of it."""

    slug: str
    severity: Severity
    ids: tuple[int | str, ...]
    statements: tuple[str, ...]
    question: str
    answer: list[tuple[Any, ...]]


def case(
    slug: str,
    severity: Severity,
    ids: tuple[int | str, ...],
    statements: tuple[str, ...],
    question: str,
    *answer: tuple[Any, ...],
) -> Case:
    return Case(slug, severity, ids, statements, question, list(answer))


PARENTS = "SELECT id, parent_entry_id FROM messages WHERE id IN (1, 2, 3)"
LEAVES = "SELECT id, current_leaf_id FROM threads WHERE id IN ('t', 'u') ORDER BY id"

TREE: Final = {
    "parent missing": case(
        "parent_missing",
        ERROR,
        (3,),
        ("UPDATE messages SET parent_entry_id = 99 WHERE id = 3",),
        PARENTS,
        *((1, None), (2, 1), (3, None)),
    ),
    "parent in another thread": case(
        "parent_foreign",
        ERROR,
        (2,),
        ("UPDATE messages SET parent_entry_id = 5 WHERE id = 2",),
        PARENTS,
        *((1, None), (2, None), (3, 2)),
    ),
    "parent that is text": case(
        "parent_type",
        ERROR,
        (2, 3),
        (
            "UPDATE messages SET parent_entry_id = x'31' WHERE id = 2",
            "UPDATE messages SET parent_entry_id = 'two' WHERE id = 3",
        ),
        PARENTS,
        *((1, None), (2, 1), (3, None)),
    ),
    "parent that is a fraction": case(
        "parent_type",
        ERROR,
        (3,),
        ("UPDATE messages SET parent_entry_id = 2.5 WHERE id = 3",),
        PARENTS,
        *((1, None), (2, 1), (3, None)),
    ),
    "cycle, cut at its oldest": case(
        "parent_cycle",
        ERROR,
        (1, 3, 2),
        (
            "UPDATE messages SET parent_entry_id = 3 WHERE id = 1",
            "UPDATE messages SET created_at = 5 WHERE id = 2",
        ),
        PARENTS,
        *((1, 3), (2, None), (3, 2)),
    ),
    "own parent": case(
        "parent_cycle",
        ERROR,
        (2,),
        ("UPDATE messages SET parent_entry_id = 2 WHERE id = 2",),
        PARENTS,
        *((1, None), (2, None), (3, 2)),
    ),
    "leaf that is no message": case(
        "leaf_dangling",
        ERROR,
        ("t",),
        ("UPDATE threads SET current_leaf_id = 99 WHERE id = 't'",),
        LEAVES,
        *(("t", 4), ("u", 6)),
    ),
    "leaf of a thread without messages": case(
        "leaf_dangling",
        ERROR,
        ("a",),
        ("UPDATE threads SET current_leaf_id = 99 WHERE id = 'a'",),
        "SELECT current_leaf_id FROM threads WHERE id = 'a'",
        (None,),
    ),
    "leaf of another thread": case(
        "leaf_foreign",
        ERROR,
        ("u",),
        ("UPDATE threads SET current_leaf_id = 1 WHERE id = 'u'",),
        LEAVES,
        *(("t", 4), ("u", 6)),
    ),
    "no leaf": case(
        "leaf_null",
        ERROR,
        ("t", "u"),
        ("UPDATE threads SET current_leaf_id = NULL",),
        LEAVES,
        *(("t", 4), ("u", 6)),
    ),
    "leaf that is text": case(
        "leaf_type",
        ERROR,
        ("u",),
        ("UPDATE threads SET current_leaf_id = x'35' WHERE id = 'u'",),
        LEAVES,
        *(("t", 4), ("u", 6)),
    ),
    "leaf that is a fraction": case(
        "leaf_type",
        ERROR,
        ("t",),
        ("UPDATE threads SET current_leaf_id = 3.5 WHERE id = 't'",),
        LEAVES,
        *(("t", 4), ("u", 6)),
    ),
    "messages of a thread that is gone": case(
        "thread_missing",
        ERROR,
        ("gone",),
        (
            MESSAGE.format("7, 'gone'", 30, "NULL"),
            MESSAGE.format("8, 'gone'", 20, 7),
            MESSAGE.format("9, 'gone'", 10, 7),
        ),
        "SELECT created_at, updated_at, status, source, archived, cwd, current_leaf_id "
        "FROM threads WHERE id = 'gone'",
        (10, 30, "idle", "unknown", 0, "", 9),
    ),
    "checkpoint, tool and goal of threads that are gone": case(
        "thread_missing",
        ERROR,
        ("g-1", "g-2", "g-3"),
        (
            "INSERT INTO checkpoints VALUES ('g-1', 'cp', '{}', 5)",
            "INSERT INTO thread_dynamic_tools VALUES ('g-2', 0, 'n', NULL, '{}')",
            "UPDATE thread_goals SET thread_id = 'g-3', created_at = 8",
        ),
        "SELECT id, current_leaf_id FROM threads WHERE id LIKE 'g-%' ORDER BY id",
        *(("g-1", None), ("g-2", None), ("g-3", None)),
    ),
}

VALUES: Final = {
    "item that is not JSON": case(
        "broken_json",
        ERROR,
        (2,),
        ("""UPDATE messages SET item_json = '{"a": [1' WHERE id = 2""",),
        "SELECT item_json FROM messages WHERE id = 2",
        ('"{\\"a\\": [1"',),
    ),
    "item with half a character": case(
        "broken_json",
        ERROR,
        (2,),
        (r"""UPDATE messages SET item_json = '["\ud800"]' WHERE id = 2""",),
        "SELECT item_json FROM messages WHERE id = 2",
        (r'''"[\"\\ud800\"]"''',),
    ),
    "state that is not JSON": case(
        "broken_json",
        ERROR,
        ("t/cp",),
        ("UPDATE checkpoints SET state_json = 'nope'",),
        "SELECT state_json FROM checkpoints",
        ('"nope"',),
    ),
    "schema of a tool that is not JSON": case(
        "broken_json",
        ERROR,
        ("t/0",),
        ("UPDATE thread_dynamic_tools SET input_schema = ''",),
        "SELECT input_schema FROM thread_dynamic_tools",
        ('""',),
    ),
    "content that is not UTF-8": case(
        "not_utf8",
        ERROR,
        (2,),
        ("UPDATE messages SET content = CAST(x'61ff62' AS TEXT) WHERE id = 2",),
        "SELECT content FROM messages WHERE id = 2",
        ("a\ufffdb",),
    ),
    "item that is not UTF-8": case(
        "not_utf8",
        ERROR,
        (2,),
        ("UPDATE messages SET item_json = CAST(x'22ff22' AS TEXT) WHERE id = 2",),
        "SELECT item_json FROM messages WHERE id = 2",
        ('"\ufffd"',),
    ),
    "content that is bytes": case(
        "wrong_type",
        ERROR,
        (2,),
        ("UPDATE messages SET content = x'c3a9' WHERE id = 2",),
        "SELECT content FROM messages WHERE id = 2",
        ("é",),
    ),
    "time that is a fraction": case(
        "wrong_type",
        ERROR,
        (2,),
        ("UPDATE messages SET created_at = 12.75 WHERE id = 2",),
        "SELECT created_at FROM messages WHERE id = 2",
        (12,),
    ),
    "times that are words": case(
        "wrong_type",
        ERROR,
        ("t",),
        ("UPDATE threads SET created_at = 'soon', archived_at = 'later' WHERE id = 't'",),
        "SELECT created_at, archived_at FROM threads WHERE id = 't'",
        (0, None),
    ),
    "time that is a number in bytes": case(
        "wrong_type",
        ERROR,
        ("t/cp",),
        ("UPDATE checkpoints SET created_at = x'3137'",),
        "SELECT created_at FROM checkpoints",
        (17,),
    ),
    "ids of jobs that are bytes": case(
        "wrong_type",
        ERROR,
        ("j", ""),
        (
            "INSERT INTO jobs VALUES (x'6a', 'n', 'queued', 1, NULL, 1, 1)",
            "INSERT INTO jobs VALUES (NULL, 'n', 'queued', 2, NULL, 1, 1)",
        ),
        "SELECT id, progress FROM jobs ORDER BY rowid",
        *(("j", None), ("j-2", 1), ("job", 2)),
    ),
    "places of tools that are words": case(
        "wrong_type",
        ERROR,
        ("t/first",),
        ("INSERT INTO thread_dynamic_tools VALUES ('t', 'first', 'n', NULL, '{}')",),
        "SELECT position, name FROM thread_dynamic_tools ORDER BY rowid",
        *((0, "grep"), (1, "n")),
    ),
    "ids of threads that are bytes": case(
        "thread_id_unusable",
        ERROR,
        ("v", "t"),
        (
            THREAD.format("x'76'"),
            "UPDATE messages SET thread_id = x'76' WHERE thread_id = 'u'",
            "UPDATE messages SET thread_id = x'74' WHERE id = 4",
            "UPDATE threads SET current_leaf_id = 6 WHERE id = x'76'",
            "UPDATE threads SET current_leaf_id = NULL WHERE id = 'u'",
        ),
        "SELECT thread_id, count(*) FROM messages GROUP BY thread_id ORDER BY thread_id",
        *(("t", 4), ("v", 2)),
    ),
}

STATES: Final = {
    "unknown status": case(
        "thread_status_unknown",
        WARNING,
        ("t",),
        ("UPDATE threads SET status = 'odd' WHERE id = 't'",),
        "SELECT status FROM threads WHERE id = 't'",
        ("idle",),
    ),
    "unknown source": case(
        "thread_source_unknown",
        WARNING,
        ("t",),
        ("UPDATE threads SET source = 'odd' WHERE id = 't'",),
        "SELECT source FROM threads WHERE id = 't'",
        ("unknown",),
    ),
    "unknown status of a job": case(
        "job_status_unknown",
        WARNING,
        ("j",),
        ("UPDATE jobs SET status = 'odd'",),
        "SELECT status FROM jobs",
        ("queued",),
    ),
    "unknown status of a goal": case(
        "goal_status_unknown",
        ERROR,
        ("t",),
        ("UPDATE thread_goals SET status = 'odd'",),
        "SELECT status FROM thread_goals",
        ("paused",),
    ),
    "status archived without the flag": case(
        "archived_disagrees",
        WARNING,
        ("t",),
        ("UPDATE threads SET status = 'archived' WHERE id = 't'",),
        "SELECT status, archived FROM threads WHERE id = 't'",
        ("idle", 0),
    ),
    "flag without the status": case(
        "archived_disagrees",
        WARNING,
        ("t",),
        ("UPDATE threads SET archived = 1 WHERE id = 't'",),
        "SELECT status, archived FROM threads WHERE id = 't'",
        ("archived", 1),
    ),
    "progress out of range": case(
        "job_progress_range",
        WARNING,
        ("j", "k", "l"),
        (
            "UPDATE jobs SET progress = 101",
            "INSERT INTO jobs VALUES ('k', 'n', 'queued', 256, NULL, 1, 1)",
            "INSERT INTO jobs VALUES ('l', 'n', 'queued', -1, NULL, 1, 1)",
        ),
        "SELECT progress FROM jobs ORDER BY id",
        *((100,), (None,), (None,)),
    ),
    "progress of another type": case(
        "job_progress_type",
        ERROR,
        ("j", "k", "l"),
        (
            "UPDATE jobs SET progress = x'3530'",
            "INSERT INTO jobs VALUES ('k', 'n', 'queued', 50.5, NULL, 1, 1)",
            "INSERT INTO jobs VALUES ('l', 'n', 'queued', 'half', NULL, 1, 1)",
        ),
        "SELECT progress FROM jobs ORDER BY id",
        *((50,), (None,), (None,)),
    ),
}

CASES: Final = {**TREE, **VALUES, **STATES}
