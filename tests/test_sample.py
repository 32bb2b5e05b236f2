"""The synthetic sample: the same rows everywhere, of the shape of MovieLens."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from recsys.data.sql_files import sql_folder
from recsys.data.warehouse import Warehouse

DUCKDB = Path(sys.executable).with_name("duckdb")
CHECKSUMS = """
    select
        (select md5(string_agg(concat_ws(',', user_id, movie_id, rating, timestamp), ';'
                               order by user_id, movie_id)) from sample_ratings) as ratings,
        (select md5(string_agg(concat_ws(',', movie_id, title, genres), ';'
                               order by movie_id)) from sample_movies) as movies"""
# Frozen: figures in the documents and models of other people rest on these rows.
GOLDEN = {
    100_000: ("0a9a734e681140b1dc4f0c963f6b4b9e", "30625850f9f7fc6a218d91059ce7ae33"),
    12_345: ("874bc68ea2b59bb08e10548508f74c58", "2150a223c757808dfdd0b4a289e4c403"),
}


def generate(rating_count: int | None, threads: int = 2) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": threads})
    warehouse = Warehouse(connection, Path(":memory:"))
    for file in sorted((sql_folder() / "sample").glob("*.sql")):
        warehouse.run_file(file, rating_count=rating_count)
    return connection


@pytest.fixture(scope="module")
def sample():
    with generate(None) as connection:
        connection.execute("create table ratings as from sample_ratings")
        connection.execute("create table movies as from sample_movies")
        yield connection


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("rating_count", GOLDEN)
def test_the_rows_never_change(rating_count, threads):
    with generate(rating_count, threads) as connection:
        assert connection.sql(CHECKSUMS).fetchall() == [GOLDEN[rating_count]]


def test_an_older_duckdb_makes_the_same_rows():
    statements = [
        file.read_text("utf-8").replace("$rating_count", "12345")
        for file in sorted((sql_folder() / "sample").glob("*.sql"))
    ]
    done = subprocess.run(
        [DUCKDB, "-init", "/dev/null", "-json"],
        input=f"{''.join(statements)}{CHECKSUMS};",
        capture_output=True,
        text=True,
        check=True,
    )
    [row] = json.loads(done.stdout)
    assert tuple(row.values()) == GOLDEN[12_345]


@pytest.mark.parametrize("rating_count", [1, 19, 20, 50, 999, 1_000, 5_000, 54_321])
def test_it_has_exactly_as_many_ratings_as_were_asked_for(rating_count):
    with generate(rating_count) as connection:
        assert connection.sql(
            """select count(*), count(distinct (user_id, movie_id)),
                      count(*) filter (rating is null or timestamp is null),
                      count(*) filter (rating not between 0.5 and 5 or rating * 2 % 1 != 0)
            from sample_ratings"""
        ).fetchall() == [(rating_count, rating_count, 0, 0)]


def test_its_size_is_that_of_movielens(sample):
    assert sample.sql(
        """select count(*), count(distinct user_id), min(rating), max(rating),
                  round(avg(rating), 1), year(make_timestamp(min(timestamp) * 1000000))
        from ratings"""
    ).fetchall() == [(100_000, 610, 0.5, 5.0, 3.5, 1996)]
    assert sample.sql(
        """select count(*), count(distinct title), min(movie_id), max(movie_id) from movies"""
    ).fetchall() == [(9724, 9724, 1, 9724)]
    assert sample.sql(
        "select min(total) from (select count(*) as total from ratings group by user_id)"
    ).fetchall() == [(31,)]


def test_every_title_says_that_it_is_synthetic_and_ends_in_a_year(sample):
    assert (
        sample.sql(
            r"""select title from movies
        where not regexp_full_match(title, 'Synthetic: .+ \((19|20)\d\d\)')"""
        ).fetchall()
        == []
    )
    # What a reader of MovieLens has to cope with is here too.
    assert sample.sql(
        """select bool_or(contains(title, ',')), bool_or(title != strip_accents(title)),
                  bool_or(genres = '(no genres listed)'), bool_or(contains(genres, '|'))
        from movies"""
    ).fetchall() == [(True, True, True, True)]


def test_every_rated_movie_is_listed(sample):
    assert sample.sql("from ratings anti join movies using (movie_id)").fetchall() == []


def test_about_sixty_users_stay_active_and_599_is_one_of_them(sample):
    [(users, has_599, has_318)] = sample.sql(
        """with top as (
            select movie_id from ratings
            group by movie_id order by count(*) desc, movie_id limit 200
        ),
        active as (
            select user_id from ratings semi join top using (movie_id)
            group by user_id having count(*) >= 100
        )
        select count(*), bool_or(user_id = 599), (select bool_or(movie_id = 318) from top)
        from active"""
    ).fetchall()
    assert 50 <= users <= 75
    assert has_599
    assert has_318


def test_there_is_taste_beyond_the_kindness_of_users_and_the_quality_of_movies(sample):
    # What is left of a rating after the means of its user and movie still agrees with the
    # genres that this user likes: their residuals on a genre have a common sign.
    [(explained,)] = sample.sql(
        """with residuals as (
            select user_id, genres,
                   rating - avg(rating) over (partition by user_id)
                   - avg(rating) over (partition by movie_id) as residual
            from ratings join movies using (movie_id)
        ),
        halves as (
            select user_id,
                   avg(residual) filter (contains(genres, 'Thriller') and hash % 2 = 0)
                   - avg(residual) filter (contains(genres, 'Romance') and hash % 2 = 0) as one,
                   avg(residual) filter (contains(genres, 'Thriller') and hash % 2 = 1)
                   - avg(residual) filter (contains(genres, 'Romance') and hash % 2 = 1) as other
            from (select *, md5_number_lower(concat(user_id, genres, residual)) as hash
                  from residuals)
            group by user_id having count(*) > 200
        )
        select corr(one, other) from halves"""
    ).fetchall()
    assert explained > 0.5
