"""Metrics, against scikit-learn, and the interval around them."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from recsys.metrics import Estimate, estimate_errors, mae, rmse

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
