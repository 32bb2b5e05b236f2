"""superseded_ratings, ratings, rating_scale: one rating for each pair, the latest."""

from datetime import datetime

import pytest

RATINGS = "select user_id, movie_id, rating from ratings order by all"


def test_a_single_rating_is_kept_as_it_is(given, select):
    warehouse = given([(1, 10, 4.5, 964982703)])
    assert select(warehouse, "from ratings") == [(1, 10, 4.5, datetime(2000, 7, 30, 18, 45, 3))]
    assert select(warehouse, "from superseded_ratings") == []


def test_the_latest_rating_of_a_pair_wins_wherever_it_stands(given, select):
    warehouse = given([(1, 10, 2, 300), (1, 10, 3, 100), (1, 10, 4, 200), (1, 11, 5, 50)])
    assert select(warehouse, RATINGS) == [(1, 10, 2.0), (1, 11, 5.0)]
    assert select(
        warehouse,
        "select raw_row, user_id, movie_id, rating, timestamp from superseded_ratings order by all",
    ) == [(1, 1, 10, 3.0, 100), (2, 1, 10, 4.0, 200)]
    assert warehouse.row("select_superseded_count") == {"superseded_count": 2}


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([(1, 10, 2, 100), (1, 10, 4, 100), (1, 10, 3, 100)], 4.0),
        ([(1, 10, 5, None), (1, 10, 1, 1)], 1.0),
        ([(1, 10, 5, None), (1, 10, 1, -1)], 1.0),
        ([(1, 10, 2, None), (1, 10, 3, None)], 3.0),
        ([(1, 10, 3, 7), (1, 10, 3, 7)], 3.0),
    ],
    ids=["same time: the higher", "no time loses", "before 1970", "no times", "identical"],
)
def test_ties_are_broken_by_the_rows_alone(given, select, rows, kept):
    for order in (rows, rows[::-1]):
        warehouse = given(order)
        assert select(warehouse, RATINGS) == [(1, 10, kept)]
        assert select(warehouse, "select count(*) from superseded_ratings") == [(len(rows) - 1,)]


@pytest.mark.parametrize(
    ("timestamp", "rated_at"),
    [
        (None, None),
        (0, datetime(1970, 1, 1)),
        (253402300799, datetime(9999, 12, 31, 23, 59, 59)),
        (253402300800, None),
        (964982703000, None),
        (2**63 - 1, None),
        (-(2**63), None),
    ],
)
def test_a_timestamp_that_is_no_date_is_null(given, select, timestamp, rated_at):
    warehouse = given([(1, 10, 4, timestamp)], top_movies=1, min_ratings=1)
    assert select(warehouse, "select rated_at from ratings") == [(rated_at,)]
    assert select(warehouse, "select rated_at from filtered_ratings") == [(rated_at,)]


@pytest.mark.parametrize("scale", [(0.5, 5), (1, 5), (1, 10), (-10, 10), (0, 1)])
def test_the_scale_is_read_from_the_data(given, select, scale):
    low, high = scale
    warehouse = given([(1, 10, high), (2, 10, (low + high) / 2), (3, 11, low)])
    assert select(warehouse, "from rating_scale") == [scale]


def test_a_superseded_rating_does_not_widen_the_scale(given, select):
    warehouse = given([(1, 10, 9, 100), (1, 10, 4, 200), (2, 10, 2, 100)])
    assert select(warehouse, "from rating_scale") == [(2.0, 4.0)]
