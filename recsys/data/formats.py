"""File formats: how DuckDB reads each kind of ratings or movies file.

Flows in: a path. Flows out: the relation of its rows, which a query then reads. A format is a
function like `_read_csv` and its endings in `_READERS`.
"""

import glob
import gzip
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from duckdb import DuckDBPyConnection, DuckDBPyRelation

from recsys.errors import SourceUnreadableError

# What a file that is damaged, encrypted or packed in an unknown way raises.
UNPACKING_ERRORS = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
_DELIMITERS = ",\t;|"


def _read_csv(connection: DuckDBPyConnection, path: str) -> DuckDBPyRelation:
    """Read every column as text: numbers are told from other text when they are loaded."""
    return connection.read_csv(
        glob.escape(path),  # DuckDB would read every file that a '*' in the path matches
        delimiter=_delimiter_of(path),
        header=True,
        quotechar='"',
        escapechar='"',
        all_varchar=True,
    )


def _read_parquet(connection: DuckDBPyConnection, path: str) -> DuckDBPyRelation:
    return connection.read_parquet(glob.escape(path))


_READERS: dict[str, Callable[[DuckDBPyConnection, str], DuckDBPyRelation]] = {
    ".csv": _read_csv,
    ".csv.gz": _read_csv,
    ".tsv": _read_csv,
    ".txt": _read_csv,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
}
FILE_ENDINGS = tuple(_READERS)


def open_file(connection: DuckDBPyConnection, file: Path) -> DuckDBPyRelation:
    """Return the rows of a file whose name has one of `FILE_ENDINGS`.

    Raises:
        SourceUnreadableError: it is empty or damaged.
        duckdb.Error: DuckDB cannot make sense of it.
    """
    name = file.name.lower()
    read = next(read for ending, read in _READERS.items() if name.endswith(ending))
    return read(connection, str(file))


def _delimiter_of(path: str) -> str:
    """Return the delimiter that the first line has most of; a comma if it has none."""
    opened = gzip.open if path.lower().endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8", errors="replace") as lines:
            first = lines.readline()
    except UNPACKING_ERRORS as error:
        raise SourceUnreadableError(path, str(error)) from error
    if not first.strip():
        raise SourceUnreadableError(path, "it is empty, or its first line is.")
    return max(_DELIMITERS, key=first.count)
