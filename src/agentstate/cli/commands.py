"""Every command of the program, and the function that runs it.

A function is named as `module:function` in `agentstate.cli`, and imported when it is called:
importing all of them would double the time of every run.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Noun(NamedTuple):
    """A noun, with the function of each of its verbs."""

    help: str
    verbs: dict[str, str | Noun]


COMMANDS: Final[dict[str, Noun | str]] = {
    "threads": Noun(
        "Conversations: create, list, show, change and delete threads.",
        {
            "create": "threads.creating:create",
            "ensure": "threads.creating:ensure",
            "list": "threads.showing:list_threads",
            "show": "threads.showing:show",
            "path": "threads.showing:path",
            "update": "threads.changing:update",
            "rename": "threads.changing:rename",
            "archive": "threads.changing:archive",
            "unarchive": "threads.changing:unarchive",
            "delete": "threads.deleting:delete",
            "undelete": "threads.trash:undelete",
            "trash": Noun(
                "Deleted threads: list what can be brought back, or remove it for good.",
                {"list": "threads.trash:list_trash", "empty": "threads.trash:empty"},
            ),
            "prune": "threads.pruning:prune",
            "memory": "threads.changing:memory",
            "tools": "threads.tools:tools",
            "goal": "threads.goals:goal",
        },
    ),
    "messages": Noun(
        "Messages: list a branch, draw the tree, append, check out, clear.",
        {
            "list": "messages.showing:list_messages",
            "tree": "messages.tree:tree",
            "show": "messages.showing:show",
            "leaves": "messages.showing:leaves",
            "append": "messages.changing:append",
            "checkout": "messages.changing:checkout",
            "clear": "messages.changing:clear",
        },
    ),
    "fork": "fork:fork",
    "checkpoint": Noun(
        "Checkpoints: saved states of a thread, as JSON.",
        {
            "save": "checkpoints:save",
            "load": "checkpoints:load",
            "list": "checkpoints:list_checkpoints",
            "delete": "checkpoints:delete",
        },
    ),
    "jobs": Noun(
        "Jobs: the agent's background work.",
        {
            "list": "jobs:list_jobs",
            "show": "jobs:show",
            "create": "jobs:create",
            "update": "jobs:update",
            "delete": "jobs:delete",
        },
    ),
    "index": Noun(
        "The session index: thread names beside the store.",
        {
            "list": "index:list_entries",
            "name": "index:name",
            "path": "index:path",
            "check": "index:check",
            "compact": "index:compact",
            "rebuild": "index:rebuild",
        },
    ),
    "import": "importing:import_",
    "search": "searching:search",
    "export": "exporting:export",
    "init": "store:init",
    "info": "store:info",
    "doctor": "doctor:doctor",
    "backup": "backups:backup",
    "restore": "backups:restore",
    "recover": "recovery:recover",
    "vacuum": "vacuum:vacuum",
    "schema": "schema:schema",
    "completion": "completion:completion",
    "demo": "demo:demo",
}
