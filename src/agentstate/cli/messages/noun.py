"""The noun itself, which its verbs register with."""

from typing import Final

from agentstate.cli.groups import Noun

messages: Final = Noun(
    "messages", "Messages: list a branch, draw the tree, append, check out, clear."
)
