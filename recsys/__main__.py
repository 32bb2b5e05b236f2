"""Run the command line: `recsys`, `python -m recsys` and `python cli.py` come here."""

import signal


def main() -> None:
    """Run the command line.

    While modules are loaded, and while Python ends, Ctrl-C ends the process without a word:
    there is nothing to clean up yet, or any more.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from recsys.cli import run

    run()


if __name__ == "__main__":
    main()
