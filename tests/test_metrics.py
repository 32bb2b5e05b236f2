"""Metrics, against scikit-learn and by hand, and the interval around them."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, ndcg_score, root_mean_squared_error

from recsys.serving.metrics import (
    Estimate,
    Ratio,
    estimate,
    estimate_errors,
    mae,
    paired_gain,
    rmse,
    sum_errors,
    sum_intervals,
    sum_rankings,
)

ROWS, USERS = 600, 20


@pytest.fixture
def ratings() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (predicted, actual, user) of rows whose users err together."""
    generator = np.random.default_rng(1)
    users = generator.integers(0, USERS, ROWS)
    actual = generator.uniform(1, 5, ROWS)
    level = generator.normal(0, 1, USERS)
    predicted = actual + level[users] + generator.normal(0, 0.1, ROWS)
    return predicted.astype(np.float32), actual, users


def test_metrics_agree_with_scikit_learn(ratings):
    predicted, actual, _ = ratings
    assert rmse(predicted, actual) == pytest.approx(root_mean_squared_error(actual, predicted))
    assert mae(predicted, actual) == pytest.approx(mean_absolute_error(actual, predicted))


def test_metrics_of_a_perfect_prediction_are_zero(ratings):
    _, actual, users = ratings
    assert rmse(actual, actual) == mae(actual, actual) == 0.0
    assert estimate_errors(actual, actual, users)["rmse"] == Estimate(0.0, 0.0, 0.0)


def test_float32_predictions_are_summed_in_float64():
    # In float32 the sum of these squares would stop growing long before its end.
    actual = np.zeros(300_000, np.float32)
    predicted = np.full(300_000, 1e4, np.float32)
    assert rmse(predicted, actual) == pytest.approx(1e4, rel=1e-12)


def test_intervals_cover_the_value_and_narrow_with_more_users(ratings):
    predicted, actual, users = ratings
    few = users < 5
    for metric, function in (("rmse", rmse), ("mae", mae)):
        whole = estimate_errors(predicted, actual, users)[metric]
        part = estimate_errors(predicted[few], actual[few], users[few])[metric]
        assert whole.value == pytest.approx(function(predicted, actual))
        assert whole.low < whole.value < whole.high
        assert part.high - part.low > whole.high - whole.low


def test_intervals_are_the_same_every_time_and_follow_the_seed(ratings):
    assert estimate_errors(*ratings) == estimate_errors(*ratings)
    assert estimate_errors(*ratings, seed=1) != estimate_errors(*ratings, seed=2)


def test_users_are_drawn_and_not_rows():
    # Each user errs by the same amount on every row: more rows say nothing new.
    error = np.linspace(0.1, 2.0, USERS)
    once, often = np.arange(USERS), np.repeat(np.arange(USERS), 50)
    few = estimate_errors(error, np.zeros(USERS), once)["rmse"]
    many = estimate_errors(error[often], np.zeros(len(often)), often)["rmse"]
    assert (many.low, many.high) == pytest.approx((few.low, few.high))


def test_one_user_has_an_interval_without_width():
    estimate = estimate_errors(np.array([3.0, 4.0]), np.array([2.0, 2.0]), np.array([7, 7]))["mae"]
    assert (estimate.low, estimate.value, estimate.high) == pytest.approx((1.5, 1.5, 1.5))


def test_the_order_of_rows_and_the_names_of_users_do_not_matter(ratings):
    predicted, actual, users = ratings
    order = np.argsort(actual)
    expected = estimate_errors(predicted, actual, users)["mae"]
    shuffled = estimate_errors(predicted[order], actual[order], users[order] * 1000 + 7)["mae"]
    assert (shuffled.value, shuffled.low, shuffled.high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )


# Two predictors on the same ratings


def test_the_paired_gain_is_the_difference_of_both_errors():
    counts = np.array([10, 30])
    gain = paired_gain(
        Ratio(np.array([4.0, 12.0]), counts, is_root=True),
        Ratio(np.array([9.0, 27.0]), counts, is_root=True),
    )
    expected = 0.9**0.5 - 0.4**0.5
    assert (gain.low, gain.value, gain.high) == pytest.approx((expected,) * 3)


def test_the_paired_gain_over_a_perfect_predictor_is_its_own_error(ratings):
    """Both are judged on the draws of `estimate`, so that even the intervals agree."""
    predicted, actual, users = ratings
    model, perfect = (sum_errors(one, actual, users) for one in (predicted, actual))
    for metric in ("rmse", "mae"):
        gain = paired_gain(perfect[metric], model[metric])
        expected = estimate(model)[metric]
        assert (gain.low, gain.value, gain.high) == pytest.approx(
            (expected.low, expected.value, expected.high)
        )


# Intervals of predictions


def test_coverage_counts_ratings_on_the_ends_and_width_is_a_mean():
    lower, upper = np.array([1.0, 2.0, 2.0, 4.0]), np.array([3.0, 4.0, 2.5, 4.5])
    actual, users = np.array([1.0, 4.0, 3.0, 4.2]), np.array([0, 0, 1, 1])
    found = estimate(sum_intervals(lower, upper, actual, users))
    assert found["coverage"].value == 3 / 4
    assert found["interval_width"].value == (2 + 2 + 0.5 + 0.5) / 4
    assert found["coverage"].low <= 3 / 4 <= found["coverage"].high


# Rankings


def rankings(score, gain, is_relevant, users) -> dict[str, float]:
    columns = np.array(score, float), np.array(gain, float), np.array(is_relevant), np.array(users)
    return {name: one.value for name, one in estimate(sum_rankings(*columns)).items()}


@pytest.fixture
def ranked() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (score, gain, is relevant, user) of users with 2 to 40 shuffled rows."""
    generator = np.random.default_rng(2)
    users = generator.permutation(np.repeat(np.arange(39), np.arange(2, 41)))
    gain = generator.integers(1, 11, len(users)) / 2
    score = gain + generator.normal(0, 1, len(users))
    return score.astype(np.float32), gain, gain >= 3.5, users


def test_ndcg_is_that_of_scikit_learn(ranked):
    score, gain, _, users = ranked
    expected = [
        ndcg_score([gain[users == user]], [score[users == user]], k=10) for user in range(39)
    ]
    assert rankings(*ranked)["ndcg_10"] == pytest.approx(np.mean(expected))


def test_precision_and_recall_are_those_of_a_plain_loop(ranked):
    score, _, is_relevant, users = ranked
    precisions, recalls = [], []
    for user in range(39):
        rows = np.flatnonzero(users == user)
        best = rows[np.argsort(-score[rows])][:10]
        if is_relevant[rows].any():
            precisions.append(is_relevant[best].mean())
            recalls.append(is_relevant[best].sum() / is_relevant[rows].sum())
    found = rankings(*ranked)
    assert found["precision_10"] == pytest.approx(np.mean(precisions))
    assert found["recall_10"] == pytest.approx(np.mean(recalls))


def test_the_best_ranking_has_an_ndcg_of_one(ranked):
    _, gain, is_relevant, users = ranked
    assert rankings(gain, gain, is_relevant, users)["ndcg_10"] == pytest.approx(1)


def test_who_has_one_row_or_no_relevant_one_is_left_out():
    # User 0 has one row, user 1 nothing relevant, user 2 no gain either.
    users = [0, 1, 1, 2, 2, 3, 3]
    score, gain = [1, 1, 2, 1, 2, 1, 2], [5, 4, 2, 0, 0, 4, 1]
    found = rankings(score, gain, [True, False, False, False, False, True, False], users)
    discount = 1 / np.log2(3)
    assert found["ndcg_10"] == pytest.approx(
        ((2 + 4 * discount) / (4 + 2 * discount) + (1 + 4 * discount) / (4 + discount)) / 2
    )
    assert (found["precision_10"], found["recall_10"]) == (1 / 2, 1.0)


def test_without_anybody_to_rank_for_there_is_no_ranking_metric():
    assert rankings([1, 2], [4, 4], [True, True], [0, 1]) == {}


def test_equal_scores_keep_the_order_of_the_rows():
    gain = np.arange(1.0, 21.0)
    flat, users = np.zeros(20), np.zeros(20, int)
    up = rankings(flat, gain, gain > 10, users)
    down = rankings(flat, gain[::-1], gain[::-1] > 10, users)
    assert (up["recall_10"], down["recall_10"]) == (0.0, 1.0)


def test_the_interval_of_a_metric_of_few_users_is_that_of_the_draws_with_them():
    # Half of the draws of two users hold the one who counts once, a quarter not at all.
    found = estimate({"one": Ratio(np.array([3.0, 0.0]), np.array([2, 0]))})
    assert found == {"one": Estimate(1.5, 1.5, 1.5)}
