"""Write results as Markdown, with the machine and the versions that they were measured on."""

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table."""
    cells = [list(header)]
    cells += [["---"] * len(cells[0]), *map(list, rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def circumstances(packages: Sequence[str]) -> str:
    """Return one paragraph: the system, its cores, and the versions of packages."""
    versions = ", ".join(f"{package} {_version_of(package)}" for package in packages)
    return (
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores; {versions}."
    )


def _version_of(package: str) -> str:
    try:
        return version(package).split("+")[0]
    except PackageNotFoundError:
        return "not installed"
