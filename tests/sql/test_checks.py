"""sql/checks: each finds what is wrong and nothing where all is well."""

import contextlib
from pathlib import Path

import duckdb
import pytest

from recsys import pipeline
from recsys.data.sql_files import sql_folder
from recsys.data.warehouse import open_for_reading
from recsys.errors import CheckFailedError

RATINGS = [
    (user, movie, (user + movie) % 5 + 1) for user in (1, 2, 3) for movie in (10, 11, 12, 13)
]
SETTINGS = {"top_movies": 4, "min_ratings": 4}
# Check, what goes wrong with the rows above, and the rows that the check then returns.
DATA_FAULTS = [
    (
        "data_ratings_have_no_nulls",
        """insert into raw_ratings values
        (4, 10, null, 0), (4, null, 3, 0), (null, 10, 3, 0),
        (4, 11, 'inf', 0), (4, 12, '-inf', 0)""",
        [
            (4, 10, None),
            (4, 11, float("inf")),
            (4, 12, float("-inf")),
            (4, None, 3.0),
            (None, 10, 3.0),
        ],
    ),
    (
        "data_ratings_within_scale",
        """create or replace view rating_scale as
        select 2::double as lowest_rating, 5::double as highest_rating""",
        [(2, 13, 1.0, 2.0, 5.0), (3, 12, 1.0, 2.0, 5.0)],
    ),
    (
        "data_ratings_within_scale",
        """delete from raw_ratings where rating != 3 or user_id != 1;
        update settings set min_ratings = 1""",
        [(1, 11, 3.0, 3.0, 3.0)],
    ),
    (
        "data_movies_are_unique",
        "insert into raw_movies values (10, 'A', ''), (10, 'B', ''), (11, 'C', '')",
        [(10, 2)],
    ),
    (
        "data_movies_are_unique",
        "insert into raw_movies values (null, 'A', '')",
        [(None, 1)],
    ),
]
# Check, how a finished warehouse is spoilt, how many rows the check returns.
MODEL_FAULTS = [
    ("model_is_current_once", "update models set is_current = false", 1),
    ("model_is_current_once", "insert into models from models", 2),
    ("model_predictions_are_complete", "delete from predictions where rowid = 0", 1),
    (
        "model_predictions_are_complete",
        "insert into predictions from predictions where rowid = 0",
        1,
    ),
    ("model_predictions_are_complete", "update predictions set user_id = -1 where rowid = 0", 2),
    ("model_predictions_are_complete", "update predictions set model_id = 'x' where rowid = 0", 2),
    (
        "model_predictions_within_scale",
        "update predictions set predicted_rating = 5.01 where rowid = 0",
        1,
    ),
    (
        "model_predictions_within_scale",
        "update predictions set predicted_rating = 0 where rowid = 0",
        1,
    ),
    (
        "model_predictions_within_scale",
        "update predictions set predicted_rating = 'nan' where rowid < 2",
        2,
    ),
    (
        "model_ratings_within_intervals",
        "update predictions set lower = predicted_rating + 0.01 where rowid = 0",
        1,
    ),
    (
        "model_ratings_within_intervals",
        "update predictions set upper = predicted_rating - 0.01 where rowid = 0",
        1,
    ),
    ("model_ratings_within_intervals", "update predictions set lower = 'nan' where rowid < 2", 2),
    ("model_ratings_within_intervals", "update predictions set lower = 0 where rowid = 0", 1),
    ("model_ratings_within_intervals", "update predictions set upper = 5.5 where rowid = 0", 1),
    (
        "model_recommendations_are_unseen",
        """update recommendations set movie_id = (
            select min(movie_id) from ratings where ratings.user_id = recommendations.user_id
        ) where rowid = 0""",
        1,
    ),
    (
        "model_runtimes_agree",
        "update parity set max_abs_difference = tolerance * 1.01 where rowid = 0",
        1,
    ),
    ("model_runtimes_agree", "update parity set max_abs_difference = 'nan' where rowid = 0", 1),
]


def numbered(faults):
    return [f"{number}-{fault[0]}" for number, fault in enumerate(faults)]


def test_every_check_is_made_to_fail_here():
    there = {file.stem for file in (sql_folder() / "checks").glob("*.sql")}
    assert {fault[0] for fault in DATA_FAULTS + MODEL_FAULTS} == there


def test_every_check_says_what_its_rows_mean():
    for file in (sql_folder() / "checks").glob("*.sql"):
        assert file.read_text("utf-8").startswith("-- Offending rows: "), file.name


@pytest.mark.parametrize("check", sorted({fault[0] for fault in DATA_FAULTS}))
def test_good_data_pass(given, offenders, check):
    movies = [(10, "Heat (1995)", "Crime"), (99, "Unrated", "")]
    assert offenders(given(RATINGS, movies, **SETTINGS), check) == []


@pytest.mark.parametrize(("check", "fault", "rows"), DATA_FAULTS, ids=numbered(DATA_FAULTS))
def test_a_data_fault_is_found(given, select, offenders, check, fault, rows):
    warehouse = given(RATINGS, **SETTINGS)
    select(warehouse, fault)
    assert offenders(warehouse, check) == rows
    with pytest.raises(CheckFailedError):
        warehouse.check("data")


@pytest.mark.parametrize("check", sorted({fault[0] for fault in MODEL_FAULTS}))
def test_a_good_model_passes(built, offenders, check):
    with open_for_reading(built) as warehouse:
        assert offenders(warehouse, check) == []


@pytest.mark.parametrize(("check", "fault", "count"), MODEL_FAULTS, ids=numbered(MODEL_FAULTS))
def test_a_model_fault_is_found(built, offenders, check, fault, count):
    with duckdb.connect(built) as connection:
        connection.execute(fault)
    with open_for_reading(built) as warehouse:
        assert len(offenders(warehouse, check)) == count
        with pytest.raises(CheckFailedError, match=check):
            warehouse.check("model")


def test_a_failed_check_of_a_model_does_not_blame_the_source(built):
    with duckdb.connect(built) as connection:
        connection.execute("delete from predictions where rowid = 0")
    with open_for_reading(built) as warehouse, pytest.raises(CheckFailedError) as failure:
        warehouse.check("model")
    assert "The model is at fault, not your data" in failure.value.remedy
    assert "ource" not in failure.value.remedy


def test_the_message_names_the_check_and_the_first_rows(given):
    movies = [(movie, "Twice", "") for movie in range(1, 9) for _ in range(2)]
    warehouse = given(RATINGS, movies, **SETTINGS)
    with pytest.raises(CheckFailedError) as failure:
        warehouse.check("data")
    assert "'data_movies_are_unique' failed with 8 offending rows" in failure.value.what
    assert "movie_id=5, row_count=2" in failure.value.what
    assert "movie_id=6" not in failure.value.what
    assert "\n" not in failure.value.what
    assert "previous warehouse is unchanged" in failure.value.remedy


def test_a_failing_check_leaves_the_previous_warehouse_byte_for_byte(write_csv, tmp_path):
    write_csv("data/ratings.csv", ["userId", "movieId", "rating"], RATINGS)
    path = tmp_path / "there" / "warehouse.duckdb"
    path.parent.mkdir()

    def build():
        pipeline.build(path, str(tmp_path / "data"), **SETTINGS, training=None)

    build()
    before = path.read_bytes()
    write_csv("data/movies.csv", ["movieId", "title", "genres"], [(10, "A", ""), (10, "B", "")])
    with pytest.raises(CheckFailedError, match="movie_id=10, row_count=2"):
        build()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["warehouse.duckdb"]

    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()
    with pytest.raises(CheckFailedError):
        build()
    assert list(path.parent.iterdir()) == []
