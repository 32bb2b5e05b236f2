"""Launcher: `python cli.py ...` is the same as the installed `recsys ...`."""

from recsys.__main__ import main

if __name__ == "__main__":
    main()
