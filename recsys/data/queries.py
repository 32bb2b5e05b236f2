"""An open warehouse: queries of `sql/queries` run by name, in transactions, and audits.

Flows in: values to bind and numpy columns to store. Flows out: rows and numpy columns.
"""

import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np
from numpy.typing import NDArray

from recsys.data.duckdb_errors import interruptible, translated
from recsys.data.rows import Rows
from recsys.data.sql_files import query_text, sql_folder
from recsys.errors import CheckFailedError, QueryError

Columns = Mapping[str, NDArray[Any]]

_SHOWN_OFFENDERS = 5


class Warehouse:
    """An open DuckDB file.

    Queries are named: `rows("select_top_movies")` runs `sql/queries/select_top_movies.sql`
    with its `$name` parameters bound. Use it as a context manager; it closes at the end.

    Args:
        connection: of DuckDB; only for this folder.
        path: of the file.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self.connection = connection
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
            self.connection.close()

    def cursor(self) -> "Warehouse":
        """Return the same file with a connection of its own, for another thread."""
        with translated(self.path):
            return Warehouse(self.connection.cursor(), self.path)

    def checkpoint(self) -> None:
        """Write everything from the log beside the file into the file itself.

        Closing does so too, but says nothing when the disk is full.
        """
        with translated(self.path):
            self.connection.execute("checkpoint")

    def run_file(self, file: Path, **parameters: object) -> None:
        """Run every statement of an SQL file, binding the parameters that each one names."""
        self._run(file.read_text("utf-8"), parameters)

    def run(self, query: str, **parameters: object) -> None:
        """Run every statement of a query of `sql/queries` for its effect."""
        self._run(query_text(query), parameters)

    def _run(self, text: str, parameters: Mapping[str, object]) -> None:
        with translated(self.path):
            for statement in self.connection.extract_statements(text):
                wanted = {name: parameters[name] for name in statement.named_parameters}
                self.connection.execute(statement, wanted or None)

    def rows(self, query: str, **parameters: object) -> Rows:
        """Return the rows of a query of `sql/queries`."""
        with translated(self.path):
            return _fetch(self.connection.execute(query_text(query), parameters or None))

    def row(self, query: str, **parameters: object) -> dict[str, Any]:
        """Return the only row of a query of `sql/queries`, by column name."""
        return self.rows(query, **parameters)[0]

    def columns(self, query: str, **parameters: object) -> dict[str, NDArray[Any]]:
        """Return each column of a query of `sql/queries` as a numpy array.

        Columns that may be null come back as masked arrays.
        """
        with translated(self.path):
            relation = self.connection.execute(query_text(query), parameters or None)
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
            self.connection.register(relation, dict(columns))
            try:
                self._run(query_text(query), parameters)
            finally:
                self.connection.unregister(relation)

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
            self.connection.execute("begin")
        try:
            yield
        except BaseException:
            # A full disk ends the transaction by itself; what went wrong is the news.
            with suppress(duckdb.Error):
                self.connection.execute("rollback")
            raise
        with translated(self.path):
            self.connection.execute("commit")

    def stream(self, text: str) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
        """Run a person's own SQL and return its column names and its rows, lazily.

        Raises:
            QueryError: the text does not run.
        """
        try:
            count = len(self.connection.extract_statements(text))
            if count != 1:
                raise QueryError("it is empty." if not count else f"it holds {count} statements.")
            with interruptible():
                cursor = self.connection.execute(text)
        except duckdb.Error as error:
            raise QueryError(str(error)) from error
        names = _distinct([str(column[0]) for column in cursor.description or ()])

        def fetch() -> Iterator[tuple[Any, ...]]:
            try:
                with interruptible():
                    while batch := cursor.fetchmany(10_000):
                        yield from batch
            except duckdb.Error as error:
                raise QueryError(str(error)) from error

        return names, fetch()

    @contextmanager
    def time_limit(self, seconds: float) -> Iterator[None]:
        """End the queries of a person that run inside after some seconds.

        Raises:
            QueryError: the time is over.
        """
        is_over = False

        def interrupt() -> None:
            nonlocal is_over
            is_over = True
            self.connection.interrupt()

        timer = threading.Timer(seconds, interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except QueryError:
            if not is_over:
                raise
            raise QueryError(f"it took longer than {seconds:g} s.") from None
        finally:
            timer.cancel()

    def check(self, layer: str) -> None:
        """Run the audits `sql/checks/{layer}_*.sql`; each returns the offending rows.

        Raises:
            CheckFailedError: an audit returned rows; the first few are shown.
        """
        for file in sorted((sql_folder() / "checks").glob(f"{layer}_*.sql")):
            text = file.read_text("utf-8")
            with translated(self.path):
                offenders = _fetch(self.connection.execute(text))
            if offenders:
                meaning = text.splitlines()[0].removeprefix("-- Offending rows: ")
                raise CheckFailedError(
                    file.stem,
                    meaning.rstrip("."),
                    len(offenders),
                    offenders.preview(_SHOWN_OFFENDERS),
                )


def _distinct(names: list[str]) -> tuple[str, ...]:
    """Return names without repetition, as DuckDB names the columns of a table: a, a_1, a_2."""
    found: list[str] = []
    for name in names:
        numbered = (f"{name}_{number}" for number in itertools.count(1))
        found.append(next(one for one in itertools.chain([name], numbered) if one not in found))
    return tuple(found)


def _fetch(cursor: duckdb.DuckDBPyConnection) -> Rows:
    names = tuple(str(column[0]) for column in cursor.description or ())
    return Rows(names, cursor.fetchall())
