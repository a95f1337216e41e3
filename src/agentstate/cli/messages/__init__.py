"""`agentstate messages`: list, draw, show, append, check out and clear messages."""
