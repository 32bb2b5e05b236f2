"""The warehouse: one DuckDB file, opened, queried, audited and replaced atomically.

Flows in: a path, the files under `sql/`, parameters to bind. Flows out: rows and numpy
columns. The only module that imports duckdb. The next file is `dataset.py`.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np
from numpy.typing import NDArray

from recsys.data.rows import Rows
from recsys.data.sql_files import numbered_files, query_text, sql_file_digests, sql_folder
from recsys.errors import (
    CheckFailedError,
    QueryError,
    RecsysError,
    SourceUnreadableError,
    WarehouseLockedError,
    WarehouseMissingError,
    WarehouseUnreadableError,
    WarehouseUnwritableError,
)

Columns = Mapping[str, NDArray[Any]]

# Files in this format open in every DuckDB from 1.2 on.
_STORAGE_VERSION = "v1.2.0"
# Nothing may reach for the network, and no Python variable may stand in for a table.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}
_SANDBOX: dict[str, str | bool | int | float | list[str]] = {"enable_external_access": False}
_SHOWN_OFFENDERS = 5
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


class Warehouse:
    """An open DuckDB file.

    Queries are named: `rows("select_top_movies")` runs `sql/queries/select_top_movies.sql`
    with its `$name` parameters bound. Use it as a context manager; it closes at the end.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._connection = connection
        self.path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; uncommitted changes are rolled back."""
        with translated(self.path):
            self._connection.close()

    def cursor(self) -> "Warehouse":
        """Return the same file with a connection of its own, for another thread."""
        with translated(self.path):
            return Warehouse(self._connection.cursor(), self.path)

    def checkpoint(self) -> None:
        """Write everything from the log beside the file into the file itself.

        Closing does so too, but says nothing when the disk is full.
        """
        with translated(self.path):
            self._connection.execute("checkpoint")

    def run_file(self, file: Path, **parameters: object) -> None:
        """Run every statement of an SQL file, binding the parameters each one names."""
        with translated(self.path):
            for statement in self._connection.extract_statements(file.read_text("utf-8")):
                wanted = {name: parameters[name] for name in statement.named_parameters}
                self._connection.execute(statement, wanted or None)

    def run(self, query: str, **parameters: object) -> None:
        """Run a query of `sql/queries` for its effect."""
        with translated(self.path):
            self._connection.execute(query_text(query), parameters or None)

    def rows(self, query: str, **parameters: object) -> Rows:
        """Return the rows of a query of `sql/queries`."""
        with translated(self.path):
            return _fetch(self._connection.execute(query_text(query), parameters or None))

    def read_source(self, query: str, source: str, **parameters: object) -> Rows:
        """Run a query of `sql/queries` that reads the file `source`.

        Raises:
            SourceUnreadableError: DuckDB cannot make sense of the file.
        """
        try:
            with _interruptible():
                return _fetch(self._connection.execute(query_text(query), parameters))
        except duckdb.Error as error:
            reason = str(error)
            if isinstance(error, _OUT_OF_SPACE) or (
                isinstance(error, duckdb.IOException) and _is_about(self.path, reason)
            ):
                raise _foreseen(self.path, reason) from error
            raise SourceUnreadableError(source, _without_hints(reason)) from error

    def row(self, query: str, **parameters: object) -> dict[str, Any]:
        """Return the only row of a query of `sql/queries`, by column name."""
        return self.rows(query, **parameters)[0]

    def columns(self, query: str, **parameters: object) -> dict[str, NDArray[Any]]:
        """Return each column of a query of `sql/queries` as a numpy array.

        Columns that may be null come back as masked arrays.
        """
        with translated(self.path):
            relation = self._connection.execute(query_text(query), parameters or None)
            return dict(relation.fetchnumpy())

    def append(self, query: str, relation: str, columns: Columns, **parameters: object) -> None:
        """Run a query that reads numpy columns as the relation of that name.

        Args:
            query: name of a file in `sql/queries`.
            relation: name under which the query reads the columns.
            columns: arrays of equal length; they are scanned in place, not copied.
            parameters: bound to the query's own.
        """
        with translated(self.path):
            self._connection.register(relation, dict(columns))
            try:
                self._connection.execute(query_text(query), parameters or None)
            finally:
                self._connection.unregister(relation)

    def append_records(
        self, query: str, relation: str, records: Sequence[Any], **parameters: object
    ) -> None:
        """Run a query that reads dataclasses of one kind as the relation of that name.

        Args:
            query: name of a file in `sql/queries`.
            relation: name under which the query reads the fields.
            records: dataclasses; where there is none, nothing runs.
            parameters: bound to the query's own.
        """
        if not records:
            return
        columns = {
            field.name: np.array([getattr(record, field.name) for record in records])
            for field in fields(records[0])
        }
        self.append(query, relation, columns, **parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that is done inside, or nothing of it."""
        with translated(self.path):
            self._connection.execute("begin")
        try:
            yield
        except BaseException:
            # A full disk ends the transaction by itself; what went wrong is the news.
            with suppress(duckdb.Error):
                self._connection.execute("rollback")
            raise
        with translated(self.path):
            self._connection.execute("commit")

    def stream(self, text: str) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
        """Run a person's own SQL and return its column names and its rows, lazily.

        Raises:
            QueryError: the text does not run.
        """
        try:
            if not self._connection.extract_statements(text):
                raise QueryError("it is empty.")
            with _interruptible():
                cursor = self._connection.execute(text)
        except duckdb.Error as error:
            raise QueryError(str(error)) from error
        names = tuple(str(column[0]) for column in cursor.description or ())

        def fetch() -> Iterator[tuple[Any, ...]]:
            try:
                with _interruptible():
                    while batch := cursor.fetchmany(10_000):
                        yield from batch
            except duckdb.Error as error:
                raise QueryError(str(error)) from error

        return names, fetch()

    def check(self, layer: str) -> None:
        """Run the audits `sql/checks/{layer}_*.sql`; each returns the offending rows.

        Raises:
            CheckFailedError: an audit returned rows; the first few are shown.
        """
        for file in sorted((sql_folder() / "checks").glob(f"{layer}_*.sql")):
            text = file.read_text("utf-8")
            with translated(self.path):
                offenders = _fetch(self._connection.execute(text))
            if offenders:
                meaning = text.splitlines()[0].removeprefix("-- Offending rows: ")
                raise CheckFailedError(
                    file.stem,
                    meaning.rstrip("."),
                    len(offenders),
                    offenders.preview(_SHOWN_OFFENDERS),
                )


def _fetch(cursor: duckdb.DuckDBPyConnection) -> Rows:
    names = tuple(str(column[0]) for column in cursor.description or ())
    return Rows(names, cursor.fetchall())


def record_sql_files(warehouse: Warehouse) -> None:
    """Fill table `sql_files` with the files that make this warehouse."""
    digests = sql_file_digests()
    columns = {"name": np.array(list(digests)), "sha256": np.array(list(digests.values()))}
    warehouse.append("insert_sql_files", "new_sql_files", columns)


def create_relations(warehouse: Warehouse, first: int, last: int, **parameters: object) -> None:
    """Run the numbered files of `sql/` from `first` to `last`, in order.

    In one transaction: hundreds of statements would each wait for the disk.
    """
    with warehouse.transaction():
        for file in numbered_files():
            if first <= int(file.name[:2]) <= last:
                warehouse.run_file(file, **parameters)


def open_for_reading(path: Path) -> Warehouse:
    """Open a warehouse read-only and shut off from other files and the network.

    Any number of processes may do so at once.

    Raises:
        WarehouseMissingError, WarehouseUnreadableError, WarehouseLockedError.
    """
    return _open_existing(path, read_only=True, config=_CONFIG | _SANDBOX)


def open_for_writing(path: Path) -> Warehouse:
    """Open an existing warehouse to write to it: one process at a time."""
    return _open_existing(path, read_only=False, config=_writable_config())


def _writable_config() -> dict[str, str | bool | int | float | list[str]]:
    return _CONFIG | {"storage_compatibility_version": _STORAGE_VERSION}


def _open_existing(
    path: Path,
    *,
    read_only: bool,
    config: dict[str, str | bool | int | float | list[str]],
) -> Warehouse:
    if not path.exists():
        raise WarehouseMissingError(path)
    warehouse = _connect(path, read_only=read_only, config=config)
    if not warehouse.row("select_is_warehouse")["is_warehouse"]:
        warehouse.close()
        raise WarehouseUnreadableError(
            path, "it is a DuckDB file without the tables of a warehouse."
        )
    return warehouse


def create_warehouse(path: Path) -> Warehouse:
    """Create an empty DuckDB file in the format that older clients read."""
    return _connect(path, read_only=False, config=_writable_config())


def _connect(
    path: Path, *, read_only: bool, config: dict[str, str | bool | int | float | list[str]]
) -> Warehouse:
    with translated(path):
        connection = duckdb.connect(path, read_only=read_only, config=config)
        # Who opens a file for reading twice in one process shares its settings, locked already.
        with suppress(duckdb.InvalidInputException):
            connection.execute("set enable_progress_bar = false")
            if read_only:
                connection.execute("set lock_configuration = true")
    return Warehouse(connection, path)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what DuckDB and the system say about a file into an error that we foresee."""
    try:
        with _interruptible():
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
def _interruptible() -> Iterator[None]:
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


def _is_about(path: Path, reason: str) -> bool:
    return path.name in reason or "No space left" in reason


def _foreseen(path: Path, reason: str) -> RecsysError:
    first_line = reason.splitlines()[0]
    if "Could not set lock" in reason:
        holder = re.search(r"held in (\S+) \(PID (\d+)\)", reason)
        named = f" ({Path(holder[1]).name}, process {holder[2]})" if holder else ""
        return WarehouseLockedError(path, f" by another process{named}")
    if any(sign in reason for sign in _SIGNS_OF_AN_UNREADABLE_FILE):
        return WarehouseUnreadableError(path, first_line)
    return WarehouseUnwritableError(path, first_line)
