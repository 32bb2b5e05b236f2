"""A data layer made of the rows that a test gives."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import pytest

from recsys.config import DataSettings
from recsys.data.relations import create_raw_tables, create_views
from recsys.data.sql_files import sql_folder
from recsys.data.warehouse import Warehouse

Row = tuple[Any, ...]

# What the views promise whatever the data are; queries like those of sql/checks.
AUDITS = Path(__file__).parent / "audits"
INSERT_RATINGS = """
    insert into raw_ratings
    select unnest($users::bigint[]), unnest($movies::bigint[]),
           unnest($ratings::double[]), unnest($times::bigint[])"""
INSERT_MOVIES = """
    insert into raw_movies
    select unnest($movies::bigint[]), unnest($titles::varchar[]), unnest($genres::varchar[])"""


@pytest.fixture
def given() -> Iterator[Callable[..., Warehouse]]:
    """Return a function that takes rows of the two files and makes every relation of them.

    ratings: (user, movie, rating) or (user, movie, rating, timestamp).
    movies: (movie, title, genres). threads: of DuckDB. The rest are fields of DataSettings.
    """
    with ExitStack() as opened:

        def make(
            ratings: Sequence[Row], movies: Sequence[Row] = (), threads: int = 2, **settings: Any
        ) -> Warehouse:
            connection = duckdb.connect(config={"threads": threads})
            warehouse = opened.enter_context(Warehouse(connection, Path(":memory:")))
            create_raw_tables(warehouse, DataSettings(**settings))
            padded = [(*row, None)[:4] for row in ratings]
            names = ("users", "movies", "ratings", "times")
            connection.execute(
                INSERT_RATINGS,
                {name: [row[place] for row in padded] for place, name in enumerate(names)},
            )
            names = ("movies", "titles", "genres")
            connection.execute(
                INSERT_MOVIES,
                {name: [row[place] for row in movies] for place, name in enumerate(names)},
            )
            create_views(warehouse)
            return warehouse

        yield make


@pytest.fixture
def select() -> Callable[[Warehouse, str], list[Row]]:
    """Return a function that runs SQL and returns its rows."""
    return lambda warehouse, text: warehouse.connection.execute(text).fetchall()


@pytest.fixture
def offenders(select: Callable[[Warehouse, str], list[Row]]) -> Callable[..., list[Row]]:
    """Return a function that runs one file of sql/checks, or of audits/ here; its rows."""

    def run(warehouse: Warehouse, check: str) -> list[Row]:
        folders = (sql_folder() / "checks", AUDITS)
        [file] = [file for folder in folders if (file := folder / f"{check}.sql").exists()]
        return select(warehouse, file.read_text("utf-8"))

    return run
