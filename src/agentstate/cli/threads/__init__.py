"""`agentstate threads`: create, list, show, change and delete threads."""

from agentstate.cli.threads import changing, creating, parts, showing
from agentstate.cli.threads.noun import threads

__all__ = ["changing", "creating", "parts", "showing", "threads"]
