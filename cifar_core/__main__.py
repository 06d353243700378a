"""`python -m cifar_core COMMAND`: the command line is `cifar_core.cli`."""

import signal


def run() -> None:
    """Load the command line and run it; Ctrl-C while it loads ends it as it does any program."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is to be ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cifar_core.cli.main import main  # half a second in which there is nothing to tidy up

    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


if __name__ == "__main__":
    run()
