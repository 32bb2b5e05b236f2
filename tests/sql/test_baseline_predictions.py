"""baseline_predictions: by hand where it is small, by numpy where it is not."""

import numpy as np
import pytest

ROWS = "select user_id, movie_id, split, rating, global_mean, damped_bias from baseline_predictions"


def test_a_tiny_case_by_hand(given, select):
    # Everything is train: mean 3; movie 10: (2+0)/(2+2) = 0.5, movie 11: -0.5.
    # User 1: (5-3-0.5 + 3-3+0.5)/(2+2) = 0.5, user 2: (3-3-0.5 + 1-3+0.5)/4 = -0.5.
    ratings = [(1, 10, 5), (1, 11, 3), (2, 10, 3), (2, 11, 1)]
    warehouse = given(
        ratings, top_movies=2, min_ratings=2, test_share=0, valid_share=0, bias_damping=2
    )
    assert select(warehouse, f"{ROWS} order by all") == [
        (1, 10, "train", 5.0, 3.0, 4.0),
        (1, 11, "train", 3.0, 3.0, 3.0),
        (2, 10, "train", 3.0, 3.0, 3.0),
        (2, 11, "train", 1.0, 3.0, 2.0),
    ]


def test_without_damping_it_is_kept_inside_the_scale(given, select):
    ratings = [(1, 10, 5), (1, 11, 5), (2, 10, 5), (2, 11, 1), (3, 10, 1), (3, 11, 1)]
    warehouse = given(
        ratings, top_movies=2, min_ratings=2, test_share=0, valid_share=0, bias_damping=0
    )
    found = {row[:2]: row[5] for row in select(warehouse, ROWS)}
    # Mean 3, movies ±2/3, user 1 +2: 5.667 for (1, 10), which nobody can give.
    assert found[1, 10] == 5.0
    assert found[3, 11] == 1.0
    assert found[2, 10] == pytest.approx(3 + 2 / 3)


def expected_predictions(rows, damping):
    """Compute both baselines with numpy alone; rows: (user, movie, rating, split)."""
    train = [row for row in rows if row[3] == "train"]
    ratings = np.array([row[2] for row in train])
    mean = ratings.mean()
    movie_bias = {}
    for movie in {row[1] for row in train}:
        rest = np.array([row[2] - mean for row in train if row[1] == movie])
        movie_bias[movie] = rest.sum() / (len(rest) + damping)
    user_bias = {}
    for user in {row[0] for row in train}:
        rest = np.array([row[2] - mean - movie_bias[row[1]] for row in train if row[0] == user])
        user_bias[user] = rest.sum() / (len(rest) + damping)
    everything = [row[2] for row in rows]
    return mean, {
        (user, movie): np.clip(
            mean + movie_bias.get(movie, 0) + user_bias.get(user, 0),
            min(everything),
            max(everything),
        )
        for user, movie, _, _ in rows
    }


@pytest.mark.parametrize("damping", [0.5, 5.0, 25.0])
def test_it_agrees_with_numpy(given, select, damping):
    chance = np.random.default_rng(0)
    ratings = [
        (user, movie, float(np.clip(np.round(chance.normal(3 + user % 3 - movie % 2)), 1, 10)))
        for user in range(1, 31)
        for movie in range(1, 16)
        if chance.random() < 0.6
    ]
    warehouse = given(ratings, top_movies=15, min_ratings=1, bias_damping=damping)
    rows = select(warehouse, "select user_id, movie_id, rating, split from split_ratings")
    mean, damped = expected_predictions(rows, damping)
    found = select(warehouse, ROWS)
    assert len(found) == len(ratings)
    for user, movie, _, _, global_mean, damped_bias in found:
        assert global_mean == pytest.approx(mean, abs=1e-9)
        assert damped_bias == pytest.approx(damped[user, movie], abs=1e-8)


def test_who_is_not_in_train_gets_the_mean(given, select):
    warehouse = given([(1, 10, 4), (2, 11, 2)], top_movies=2, min_ratings=1, test_share=0.5)
    # One test, one valid, no train row: there is no mean to predict.
    assert {row[4] for row in select(warehouse, ROWS)} == {None}
    warehouse = given(
        [(1, 10, 4), (2, 11, 2)], top_movies=2, min_ratings=1, test_share=0.5, valid_share=0
    )
    [held_out] = [row for row in select(warehouse, ROWS) if row[2] == "test"]
    [known] = [row for row in select(warehouse, ROWS) if row[2] == "train"]
    assert held_out[5] == known[3]


def test_held_out_ratings_do_not_leak(given, select):
    ratings = [(user, movie, (user + movie) % 5 + 1) for user in range(9) for movie in range(9)]
    before = given(ratings, top_movies=9, min_ratings=1)
    test = select(before, "select user_id, movie_id from split_ratings where split != 'train'")
    changed = [(u, m, 6 - r if (u, m) in set(test) else r) for u, m, r in ratings]
    after = given(changed, top_movies=9, min_ratings=1)
    columns = "select user_id, movie_id, global_mean, damped_bias from baseline_predictions"
    assert select(before, f"{columns} order by all") == select(after, f"{columns} order by all")
