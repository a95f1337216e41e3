"""`python -m agentstate` is the command line."""

from agentstate.cli import run

run()
