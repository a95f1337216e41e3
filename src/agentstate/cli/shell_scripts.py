"""The completion scripts."""


def script(shell: str) -> str:
    """Return the completion script of a shell."""
    return shell
