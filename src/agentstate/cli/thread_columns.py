"""The columns of a thread as options, which `create`, `ensure` and `update` share."""

from typing import Annotated, Any

import typer

from agentstate.cli.completers import (
    complete_files,
    complete_folders,
    complete_git_branches,
    complete_providers,
)
from agentstate.cli.inputs import absolute, utf8
from agentstate.records import SessionSource, ThreadStatus

Name = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="Its name.")]
Cwd = Annotated[
    str | None,
    typer.Option(
        "--cwd",
        metavar="DIR",
        help="The folder the agent works in.",
        autocompletion=complete_folders,
    ),
]
Preview = Annotated[str | None, typer.Option("--preview", metavar="TEXT", help="Its first words.")]
Provider = Annotated[
    str | None,
    typer.Option(
        "--provider",
        metavar="TEXT",
        help="The model's provider.",
        autocompletion=complete_providers,
    ),
]
Status = Annotated[ThreadStatus | None, typer.Option("--status", help="What it is doing.")]
Source = Annotated[SessionSource | None, typer.Option("--source", help="How it began.")]
RolloutPath = Annotated[
    str | None,
    typer.Option(
        "--rollout-path",
        metavar="FILE",
        help="The session's log.",
        autocompletion=complete_files,
    ),
]
ThreadPath = Annotated[
    str | None,
    typer.Option("--path", metavar="FILE", help="Its own path.", autocompletion=complete_files),
]
CliVersion = Annotated[
    str | None,
    typer.Option("--cli-version", metavar="TEXT", help="The version of the agent program."),
]
Sandbox = Annotated[
    str | None, typer.Option("--sandbox-policy", metavar="TEXT", help="The sandbox policy.")
]
Approval = Annotated[
    str | None, typer.Option("--approval-mode", metavar="TEXT", help="The approval mode.")
]
Sha = Annotated[
    str | None, typer.Option("--git-sha", metavar="TEXT", help="The commit it began at.")
]
Branch = Annotated[
    str | None,
    typer.Option(
        "--git-branch", metavar="TEXT", help="The git branch.", autocompletion=complete_git_branches
    ),
]
Origin = Annotated[
    str | None, typer.Option("--git-origin-url", metavar="TEXT", help="The git remote.")
]
Ephemeral = Annotated[
    bool | None, typer.Option("--ephemeral/--no-ephemeral", help="Whether it is short-lived.")
]


def given(**columns: Any) -> dict[str, Any]:  # noqa: ANN401 - each column has its own type
    """Return the columns whose option was used; a folder is made absolute."""
    found = {name: value for name, value in columns.items() if value is not None}
    if "cwd" in found:
        found["cwd"] = absolute(found["cwd"])
    for name, value in found.items():
        if isinstance(value, str):
            utf8(value, f"--{name.removeprefix('model_').replace('_', '-')}")
    return found
