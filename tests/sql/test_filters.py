"""top_movies, active_users, filtered_ratings, rating_funnel: what is dropped, and why."""

import pytest

# Movie 1 has four ratings; 2, 3 and 4 have two each; 5 has one.
RATINGS = [
    (7, 1, 5),
    (8, 1, 4),
    (9, 1, 3),
    (6, 1, 2),
    (7, 4, 5),
    (8, 4, 1),
    (7, 2, 4),
    (9, 2, 2),
    (7, 3, 3),
    (8, 3, 2),
    (6, 5, 1),
]


def test_the_most_rated_movies_are_kept_and_ties_go_to_the_lower_id(given, select):
    warehouse = given(RATINGS, top_movies=3)
    assert select(
        warehouse,
        "select movie_id, movie_index, rating_count from top_movies order by movie_index",
    ) == [(1, 0, 4), (2, 1, 2), (3, 2, 2)]


@pytest.mark.parametrize(
    ("top_movies", "kept"), [(1, [1]), (4, [1, 2, 3, 4]), (200, [1, 2, 3, 4, 5])]
)
def test_no_more_movies_are_kept_than_there_are(given, select, top_movies, kept):
    warehouse = given(RATINGS, top_movies=top_movies)
    assert warehouse.rows("select_top_movies").column("movie_id") == kept


def test_a_movie_counts_each_user_once(given, select):
    warehouse = given([(1, 10, 1, 1), (1, 10, 2, 2), (1, 11, 3), (2, 11, 4)], top_movies=1)
    assert select(warehouse, "select movie_id, rating_count from top_movies") == [(11, 2)]


def test_only_ratings_on_top_movies_make_a_user_active(given, select):
    # User 6 has two ratings, but one of them is of movie 5, which is not kept.
    warehouse = given(RATINGS, top_movies=3, min_ratings=2)
    assert select(
        warehouse,
        "select user_id, user_index, rating_count, mean_rating from active_users order by all",
    ) == [(7, 0, 3, 4.0), (8, 1, 2, 3.0), (9, 2, 2, 2.5)]


@pytest.mark.parametrize(("min_ratings", "active"), [(1, 4), (2, 3), (3, 1), (4, 0)])
def test_the_threshold_itself_is_enough(given, select, min_ratings, active):
    warehouse = given(RATINGS, top_movies=3, min_ratings=min_ratings)
    assert select(warehouse, "select count(*) from active_users") == [(active,)]


def test_filtered_ratings_carry_both_indices(given, select):
    warehouse = given(RATINGS, top_movies=2, min_ratings=2)
    assert select(
        warehouse,
        "select user_id, movie_id, rating, user_index, movie_index"
        " from filtered_ratings order by all",
    ) == [(7, 1, 5.0, 0, 0), (7, 2, 4.0, 0, 1), (9, 1, 3.0, 1, 0), (9, 2, 2.0, 1, 1)]


def test_the_funnel_counts_what_each_filter_leaves(given):
    warehouse = given(RATINGS, top_movies=3, min_ratings=2)
    funnel = warehouse.rows("select_rating_funnel")
    assert funnel.columns == ("step", "ratings", "users", "movies")
    assert funnel.values == [
        ("all ratings", 11, 4, 5),
        ("on the top movies", 8, 4, 3),
        ("by active users", 7, 3, 3),
    ]


def test_the_funnel_of_nobody_active_ends_at_nothing(given):
    warehouse = given(RATINGS, top_movies=3, min_ratings=100)
    assert warehouse.rows("select_rating_funnel").values[-1] == ("by active users", 0, 0, 0)
    assert warehouse.row("select_most_active") == {"rating_count": 3}
