"""Load a source: its columns are found by their usual names, its rows typed and checked.

Flows in: a `Source`. Flows out: `raw_ratings`, `raw_movies` and `sources` of a warehouse.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from duckdb import ColumnExpression, ConstantExpression

from recsys.data.duckdb_errors import translated_reading
from recsys.data.formats import open_file
from recsys.data.sources import Source, sha256_of
from recsys.data.sql_files import query_text, sql_folder
from recsys.data.warehouse import Warehouse
from recsys.errors import (
    BadRowsError,
    MissingColumnsError,
    SourceError,
    SourceNotFoundError,
    UnrelatedMoviesError,
)

# Usual names of each column in lower case; of several in a file, the first here counts.
_RATING_COLUMNS = {
    "user": ("user_id", "userid", "user", "uid"),
    "movie": ("movie_id", "movieid", "movie", "item_id", "itemid", "item", "iid"),
    "rating": ("rating", "ratings", "score", "stars"),
    "time": ("timestamp", "rated_at", "time"),
}
_MOVIE_COLUMNS = {
    "movie": ("movie_id", "movieid", "item_id", "itemid"),
    "title": ("title", "movie_title", "name"),
    "genres": ("genres", "genre"),
}
_OPTIONAL_COLUMNS = ("time", "genres")

_log = logging.getLogger(__name__)


def load_source(warehouse: Warehouse, source: Source) -> None:
    """Fill `raw_ratings`, `raw_movies` and `sources`.

    Raises:
        SourceError: a file cannot be read, lacks a column or holds what is no rating.
    """
    if source.ratings is None:
        _load_sample(warehouse, source)
        return
    _load_ratings(warehouse, source.ratings, source.uri)
    _record(warehouse, "ratings", source.uri, sha256_of(source.ratings))
    if source.movies is not None:
        try:
            with warehouse.transaction():
                _load_movies(warehouse, source.movies, must_match=not source.has_own_movies)
                _record(warehouse, "movies", source.uri, sha256_of(source.movies))
        except SourceError as error:
            if source.has_own_movies:
                raise
            # It only lies beside the ratings; the person who named those did not name it.
            _log.warning("%s It is left out: movies have no titles.", error.what)


def _load_ratings(warehouse: Warehouse, file: Path, uri: str) -> None:
    _load_file(warehouse, "load_ratings", file, _RATING_COLUMNS)
    bad = warehouse.rows("select_bad_ratings")
    if bad:
        raise BadRowsError(uri, bad[0]["bad_count"], bad.preview(3))
    if not warehouse.row("select_raw_counts")["ratings"]:
        raise SourceNotFoundError(uri, "the ratings file has no rows")
    warehouse.run("update_timestamps")


def _load_movies(warehouse: Warehouse, file: Path, *, must_match: bool) -> None:
    _load_file(warehouse, "load_movies", file, _MOVIE_COLUMNS)
    if must_match and not warehouse.row("select_has_rated_movies")["has_rated_movies"]:
        raise UnrelatedMoviesError(file)


def _load_file(
    warehouse: Warehouse, query: str, file: Path, usual_names: Mapping[str, tuple[str, ...]]
) -> None:
    """Run a query that reads the file as relation `file_rows`, with columns of our names."""
    with translated_reading(file, warehouse.path):
        rows = open_file(warehouse.connection, file)
        present = {name.strip().lower(): name for name in reversed(rows.columns)}
        found = {
            column: next((present[name] for name in names if name in present), None)
            for column, names in usual_names.items()
        }
        missing = [column for column in found if not (found[column] or column in _OPTIONAL_COLUMNS)]
        if missing:
            raise MissingColumnsError(str(file), missing, rows.columns)
        chosen = [
            (ColumnExpression(name) if name else ConstantExpression(None)).alias(column)
            for column, name in found.items()
        ]
        warehouse.connection.register("file_rows", rows.project(*chosen))
        warehouse.connection.execute(query_text(query))
        warehouse.connection.unregister("file_rows")


def _load_sample(warehouse: Warehouse, source: Source) -> None:
    for file in sorted((sql_folder() / "sample").glob("*.sql")):
        warehouse.run_file(file, rating_count=source.rating_count)
    warehouse.run("load_sample")
    digests = warehouse.row("select_sample_digests")
    for name, sha256 in digests.items():
        _record(warehouse, name, source.uri, sha256, is_synthetic=True)


def _record(
    warehouse: Warehouse, name: str, uri: str, sha256: str, *, is_synthetic: bool = False
) -> None:
    row_count = warehouse.row("select_raw_counts")[name]
    warehouse.run(
        "insert_source",
        name=name,
        uri=uri,
        sha256=sha256,
        rows=row_count,
        is_synthetic=is_synthetic,
    )
