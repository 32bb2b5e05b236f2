"""How a person calls the commands: as they called this process."""

import sys
from pathlib import Path


def launcher() -> str:
    """Return 'python cli.py' where that was called, else 'recsys', the installed command."""
    called = Path(sys.argv[0]).name if sys.argv else ""
    return "python cli.py" if called == "cli.py" else "recsys"
