"""split_ratings: the same rows in the same split, whoever computes it and in what order."""

import json
import random
import subprocess
import sys
from hashlib import md5
from math import ceil
from pathlib import Path

import pytest

from recsys import pipeline
from recsys.data.warehouse import open_for_reading
from tests.conftest import MOVIELENS

# 40 users and 25 movies; each user leaves out a few, so that 875 ratings are left.
TINY = [
    (user, movie, (user * movie) % 5 + 1)
    for user in range(1, 41)
    for movie in range(1, 26)
    if (user + movie) % 8
]
TINY_SETTINGS = {"top_movies": 20, "min_ratings": 15}
CHECKSUM = """
    select md5(string_agg(concat_ws(':', user_id, movie_id, split), ',' order by user_id, movie_id))
    from split_ratings"""
COUNTS = """
    select count(*) filter (where split = 'test'), count(*) filter (where split = 'valid'),
           count(*) filter (where split = 'train')
    from split_ratings"""
# Frozen: a model of yesterday must be judged on the rows of yesterday.
GOLDEN_TINY = {
    0: "152e49a5141de29af1da998135b19088",
    1: "58df905129d2d2c6d9fff27a8bef5760",
    42: "5085031ab45d1eb8af8d3e186d0b4ac3",
    -7: "5cdaae2b041972725456f4047fda5745",
    2**62: "babe099b6659646372c9c13ae7689f77",
}
GOLDEN_SAMPLE = {
    1: "9e970f5c9df907f0c8c15e5196500275",
    42: "ac74872f29f88ce38aceb0e31ba6befa",
    2024: "1f57c9048244f5661e3f6fbbab5bc2b0",
}


@pytest.mark.parametrize("seed", GOLDEN_TINY)
def test_the_split_of_a_seed_never_changes(given, select, seed):
    warehouse = given(TINY, split_seed=seed, **TINY_SETTINGS)
    assert select(warehouse, CHECKSUM) == [(GOLDEN_TINY[seed],)]


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_neither_threads_nor_the_order_of_the_file_matter(given, select, threads):
    shuffled = TINY.copy()
    random.Random(threads).shuffle(shuffled)
    warehouse = given(shuffled, threads=threads, **TINY_SETTINGS)
    assert select(warehouse, CHECKSUM) == [(GOLDEN_TINY[42],)]


@pytest.mark.parametrize("seed", GOLDEN_SAMPLE)
def test_the_split_of_the_sample_never_changes(select, tmp_path, seed):
    path = tmp_path / "sample.duckdb"
    pipeline.build(
        path, "sample:20000", top_movies=60, min_ratings=20, split_seed=seed, training=None
    )
    with open_for_reading(path) as warehouse:
        ours = select(warehouse, CHECKSUM)
    assert ours == [(GOLDEN_SAMPLE[seed],)]
    # DuckDB 1.5 computes the views anew from the same file.
    duckdb = Path(sys.executable).with_name("duckdb")
    done = subprocess.run(
        [duckdb, "-init", "/dev/null", "-readonly", "-json", path, "-c", CHECKSUM],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [tuple(row.values()) for row in json.loads(done.stdout)] == ours


def test_the_order_is_that_of_the_md5_text(given, select):
    warehouse = given([(1, movie, movie) for movie in range(1, 6)], top_movies=5, min_ratings=1)
    order = sorted(range(1, 6), key=lambda movie: md5(f"42:1:{movie}".encode()).hexdigest())
    split = dict(select(warehouse, "select movie_id, split from split_ratings"))
    assert [split[movie] for movie in order] == ["test", "valid", "train", "train", "train"]


@pytest.mark.parametrize(
    ("row_count", "sizes"),
    [
        (8329, (1666, 1000, 5663)),
        (1000, (200, 120, 680)),
        (20, (4, 3, 13)),
        (6, (2, 1, 3)),
        (5, (1, 1, 3)),
        (3, (1, 1, 1)),
        (2, (1, 1, 0)),
        (1, (1, 0, 0)),
    ],
)
def test_both_shares_are_rounded_up_and_test_goes_first(given, select, row_count, sizes):
    rows = [(number // 100, number % 100, number % 5) for number in range(row_count)]
    warehouse = given(rows, top_movies=100, min_ratings=1)
    assert select(warehouse, COUNTS) == [sizes]


@pytest.mark.parametrize(
    ("test_share", "valid_share", "sizes"),
    [(0, 0, (0, 0, 10)), (1, 0.5, (10, 0, 0)), (0.3, 0.3, (3, 3, 4)), (0.1, 0.0001, (1, 1, 8))],
)
def test_shares_come_from_settings(given, select, test_share, valid_share, sizes):
    # 0.3 of 10 is 3: as binary fractions it would be 3.0000000000000004, rounded up to 4.
    rows = [(1, movie, movie % 5) for movie in range(10)]
    warehouse = given(
        rows, top_movies=10, min_ratings=1, test_share=test_share, valid_share=valid_share
    )
    assert select(warehouse, COUNTS) == [sizes]


def test_every_filtered_rating_is_in_one_split(given, select):
    warehouse = given(TINY, **TINY_SETTINGS)
    columns = "user_id, movie_id, rating, user_index, movie_index"
    filtered = select(warehouse, f"select {columns} from filtered_ratings order by all")
    assert select(warehouse, f"select {columns} from split_ratings order by all") == filtered
    test, valid, train = select(warehouse, COUNTS)[0]
    assert test == ceil(0.2 * len(filtered))
    assert test + valid + train == len(filtered)


def test_tensors_are_read_in_a_total_order(given, select):
    shuffled = TINY.copy()
    random.Random(0).shuffle(shuffled)
    first = given(TINY, **TINY_SETTINGS).rows("select_split_ratings").values
    again = given(shuffled, threads=1, **TINY_SETTINGS).rows("select_split_ratings").values
    assert first == again
    assert [row[:2] for row in first] == sorted(row[:2] for row in first)


def test_who_is_held_out_without_a_train_rating_is_named(given):
    # Two ratings, one test and one valid: nobody and nothing is left to learn from.
    warehouse = given([(1, 10, 4), (1, 11, 5)], top_movies=2, min_ratings=1)
    assert warehouse.rows("select_unseen_in_train").values == [
        ("movie", 10, 1),
        ("movie", 11, 1),
        ("user", 1, 2),
    ]


@pytest.mark.skipif(not MOVIELENS.is_dir(), reason="RECSYS_SOURCE names no MovieLens folder")
def test_movielens_gives_the_numbers_that_we_know(select, tmp_path):
    path = tmp_path / "movielens.duckdb"
    pipeline.build(path, str(MOVIELENS), training=None)
    with open_for_reading(path) as warehouse:
        assert warehouse.rows("select_rating_funnel").values == [
            ("all ratings", 100836, 610, 9724),
            ("on the top movies", 25764, 601, 200),
            ("by active users", 8329, 63, 200),
        ]
        assert select(warehouse, COUNTS) == [(1666, 1000, 5663)]
        assert select(warehouse, CHECKSUM) == [("e17110dbfe5cfb51931459e7439fd678",)]
        movies = select(
            warehouse, "select movie_id, rating_count from top_movies order by movie_index"
        )
        assert movies[:5] == [(356, 329), (318, 317), (296, 307), (593, 279), (2571, 278)]
        assert movies[-1][1] == 82
        assert select(
            warehouse,
            "select user_id, rating_count from active_users"
            " order by rating_count desc, user_id limit 6",
        ) == [(414, 194), (599, 189), (68, 185), (480, 177), (274, 173), (474, 173)]
