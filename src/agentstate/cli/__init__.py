"""The command line: parse, one call of the store, show. The only floor that prints."""


def run() -> None:
    """Run the program and exit with its code; the console script calls this."""
    import gc  # noqa: PLC0415 - the package itself must load for nothing
    import sys  # noqa: PLC0415 - as above

    # A run is short: looking for cycles while modules load takes longer than all they hold.
    gc.disable()

    from agentstate.cli.main import main  # noqa: PLC0415 - as above

    sys.exit(main(sys.argv[1:]))
