"""`agentstate completion`: the completion scripts of the shells."""

from enum import StrEnum
from typing import Annotated

import typer

from agentstate.cli import options
from agentstate.cli.printing import write_text
from agentstate.cli.shell_scripts import script


class Shell(StrEnum):
    """The shells that have a script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    ctx: typer.Context,  # noqa: ARG001 - every verb has it
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="Your shell.")],
    output: options.Output = None,  # noqa: ARG001 - a script has one shape
) -> None:
    """Print the completion script of a shell.

    Example: source <(agentstate completion bash)
    """
    write_text(script(shell))
