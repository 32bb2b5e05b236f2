"""What DuckDB raises becomes an error that we foresee.

Flows in: exceptions of DuckDB and of the system. Flows out: subclasses of `RecsysError`.
"""

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from recsys.errors import (
    RecsysError,
    SourceUnreadableError,
    WarehouseLockedError,
    WarehouseUnreadableError,
    WarehouseUnwritableError,
)

# What DuckDB raises, besides IOException, when it cannot write its own file.
_OUT_OF_SPACE = (
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
    duckdb.FatalException,
)
_STARTS_OF_A_HINT = ("LINE ", "Possible ", "The search space ")
_SIGNS_OF_AN_UNREADABLE_FILE = (
    "not a valid DuckDB",
    "Could not read",
    "Trying to read",
    "orrupt",
    "checksum",
    "sqlite_scanner",  # DuckDB would read SQLite's files with an extension
    "external extensions",
)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what DuckDB and the system say about a warehouse into an error that we foresee."""
    try:
        with interruptible():
            yield
    except duckdb.ConnectionException as error:
        raise WarehouseLockedError(path, " in this process, for another use") from error
    except (duckdb.IOException, duckdb.PermissionException, *_OUT_OF_SPACE, OSError) as error:
        raise _foreseen(path, str(error)) from error
    except duckdb.Error as error:
        if "orrupt" not in str(error):
            raise
        raise _foreseen(path, str(error)) from error


@contextmanager
def translated_reading(file: Path, warehouse: Path) -> Iterator[None]:
    """Turn what DuckDB says while it loads a file into an error that we foresee.

    Raises:
        SourceUnreadableError: DuckDB cannot make sense of the file.
        WarehouseError: the warehouse that takes its rows is at fault.
    """
    try:
        with interruptible():
            yield
    except duckdb.Error as error:
        reason = str(error)
        is_about_warehouse = warehouse.name in reason or "No space left" in reason
        if isinstance(error, _OUT_OF_SPACE) or (
            isinstance(error, duckdb.IOException) and is_about_warehouse
        ):
            raise _foreseen(warehouse, reason) from error
        raise SourceUnreadableError(str(file), _without_hints(reason)) from error


@contextmanager
def interruptible() -> Iterator[None]:
    """End on Ctrl-C as Python does; DuckDB then raises an error without a class of its own."""
    try:
        yield
    except RuntimeError as error:
        if "Query interrupted" in str(error):
            raise KeyboardInterrupt from error
        raise


def _without_hints(reason: str) -> str:
    """Return what DuckDB says of a file without the options of its own that it proposes."""
    before = itertools.takewhile(
        lambda line: line and not line.startswith(_STARTS_OF_A_HINT), reason.splitlines()
    )
    return " ".join(line for line in before if not line.startswith("Original Line"))


def _foreseen(path: Path, reason: str) -> RecsysError:
    first_line = reason.splitlines()[0]
    if "disabled by configuration" in reason:
        return WarehouseUnreadableError(path, "one of its views reads another file.")
    if "Could not set lock" in reason:
        holder = re.search(r"held in (\S+) \(PID (\d+)\)", reason)
        named = f" ({Path(holder[1]).name}, process {holder[2]})" if holder else ""
        return WarehouseLockedError(path, f" by another process{named}")
    if any(sign in reason for sign in _SIGNS_OF_AN_UNREADABLE_FILE):
        return WarehouseUnreadableError(path, first_line)
    return WarehouseUnwritableError(path, first_line)
