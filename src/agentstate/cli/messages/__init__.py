"""`agentstate messages`: list, draw, show, append, check out and clear messages."""

from agentstate.cli.messages import changing, showing, tree
from agentstate.cli.messages.noun import messages

__all__ = ["changing", "messages", "showing", "tree"]
