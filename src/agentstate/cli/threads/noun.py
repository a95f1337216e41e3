"""The noun itself, which its verbs register with."""

from typing import Final

from agentstate.cli.groups import Noun

threads: Final = Noun("threads", "Conversations: create, list, show, change and delete threads.")
