"""`agentstate threads`: create, list, show, change and delete threads."""
