"""The command line: parse, one call of the store, show. The only floor that prints."""


def run() -> None:
    """Run the program and exit with its code; the console script calls this."""
    import gc  # noqa: PLC0415 - the package itself must load for nothing
    import sys  # noqa: PLC0415 - as above

    # A run is short: looking for cycles while modules load takes longer than all they hold.
    gc.disable()

    try:
        # What the shells' scripts call; `completing` says what follows it.
        if sys.argv[1:2] == ["__complete"]:
            from agentstate.cli.completing import complete  # noqa: PLC0415 - as above

            code = complete(sys.argv[2:])
        else:
            from agentstate.cli.main import main  # noqa: PLC0415 - as above

            code = main(sys.argv[1:])
    except KeyboardInterrupt:
        # A Ctrl-C while modules load, or a second one while the first is reported.
        code = 130
    sys.exit(code)
