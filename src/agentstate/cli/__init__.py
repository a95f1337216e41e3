"""The command line: parse, one call of the store, show. The only floor that prints."""


def run() -> None:
    """Run the program and exit with its code; the console script calls this."""
    import sys  # noqa: PLC0415 - the package itself must load for nothing

    from agentstate.cli.main import main  # noqa: PLC0415 - as above

    sys.exit(main(sys.argv[1:]))
