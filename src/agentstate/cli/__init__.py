"""The command line: parse, one call of the store, show. The only floor that prints."""


def run() -> None:
    """Run the program and exit with its code; the console script calls this."""
    import gc  # noqa: PLC0415 - the package itself must load for nothing
    import signal  # noqa: PLC0415 - as above
    import sys  # noqa: PLC0415 - as above

    # A run is short: looking for cycles while modules load takes longer than all they hold.
    gc.disable()
    # A SIGTERM ends as a Ctrl-C does: what was begun is rolled back, and the code is 130.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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
    # What is done is done: a late signal must not change how it ended.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)
