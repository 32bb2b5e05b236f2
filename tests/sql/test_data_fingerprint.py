"""data_fingerprint: changes with all that a model learns from, and with nothing else."""

import random

import pytest

RATINGS = [
    (1, 10, 4, 100),
    (1, 11, 3, 100),
    (2, 10, 5, 100),
    (2, 11, 1, 100),
    (3, 10, 2, 100),
    (3, 11, 2.5, 100),
    (3, 12, 5, 100),
]
MOVIES = [(10, "Heat (1995)", "Crime"), (11, "Toy (1995)", "Comedy|War"), (12, "Out (2000)", "")]
SETTINGS = {"top_movies": 2, "min_ratings": 2}


@pytest.fixture
def fingerprint(given, select):
    def compute(ratings=RATINGS, movies=MOVIES, threads=2, **settings):
        warehouse = given(ratings, movies, threads, **(SETTINGS | settings))
        [(text,)] = select(warehouse, "select fingerprint from data_fingerprint")
        return text

    return compute


def test_it_is_one_md5_text(fingerprint):
    assert len(fingerprint()) == 32
    assert int(fingerprint(), 16)


def test_it_does_not_depend_on_the_order_of_rows_or_on_threads(fingerprint):
    for seed, threads in enumerate((1, 2, 8)):
        ratings, movies = RATINGS.copy(), MOVIES.copy()
        random.Random(seed).shuffle(ratings)
        random.Random(seed).shuffle(movies)
        assert fingerprint(ratings, movies, threads) == fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"ratings": [(1, 10, 4.5, 100), *RATINGS[1:]]},
        {"ratings": [*RATINGS[:6], (4, 10, 2, 100), (4, 11, 2, 100)]},
        {"ratings": [(9, 10, 4, 100), (9, 11, 3, 100), *RATINGS[2:]]},
        {"ratings": [(1, 10, 3, 100), (1, 11, 4, 100), *RATINGS[2:]]},
        {"movies": [(10, "Heat II (1995)", "Crime"), *MOVIES[1:]]},
        {"movies": [(10, "Heat (1995)", "Crime|Drama"), *MOVIES[1:]]},
        {"movies": [(10, "Heat (1996)", "Crime"), *MOVIES[1:]]},
        {"movies": [*MOVIES[:2], (12, "Heat again (2000)", "")]},
        {"movies": [*MOVIES[:2], (12, "Out (2000)", "War")]},
        {"movies": [*MOVIES, (13, "Nobody rated it", "")]},
        {"ratings": [*RATINGS, (4, 12, 6, 100)]},
        {"ratings": [*RATINGS, (4, 12, 0.5, 100)]},
        {"top_movies": 1, "min_ratings": 1},
        {"top_movies": 3},
        {"min_ratings": 3, "top_movies": 3},
        {"split_seed": 43},
        {"test_share": 0.21},
        {"valid_share": 0.16},
    ],
    ids=[
        "a rating",
        "another user",
        "a user's id",
        "ratings swapped",
        "a title",
        "genres",
        "a year",
        "a word of a title that is dropped",
        "a genre of a movie that is dropped",
        "one more movie, which makes the rest rarer",
        "a higher scale",
        "a lower scale",
        "fewer movies",
        "more movies",
        "another threshold",
        "seed",
        "test share",
        "valid share",
    ],
)
def test_it_changes_with_what_a_model_learns_from(fingerprint, change):
    assert fingerprint(**change) != fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"ratings": [(*row[:3], 999) for row in RATINGS]},
        {"ratings": [*RATINGS, (4, 12, 1, 100)]},
        {"movies": [*MOVIES[:2], (12, "Never kept", "Horror")]},
        {"ratings": [*RATINGS, (1, 10, 1, 50)]},
        {"bias_damping": 7.0},
    ],
    ids=["timestamps", "a rating that is dropped", "a title that is dropped", "superseded", "bias"],
)
def test_it_stays_when_the_model_would_see_the_same(fingerprint, change):
    assert fingerprint(**change) == fingerprint()
