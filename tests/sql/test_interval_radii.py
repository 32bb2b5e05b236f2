"""interval_radii: split-conformal intervals, computed again by numpy."""

import math
from pathlib import Path

import duckdb
import numpy as np
import pytest


@pytest.fixture
def known(built: Path):
    with duckdb.connect(built) as connection:
        yield connection


def radii(connection: duckdb.DuckDBPyConnection) -> dict[int, float]:
    return dict(connection.execute("select user_id, radius from interval_radii").fetchall())


def test_a_spread_is_a_mean_distance_from_the_damped_bias_shrunk_to_that_of_all(known):
    rows = known.execute(
        "select user_id, abs(rating - damped_bias) from baseline_predictions where split = 'train'"
    ).fetchall()
    users, distance = (np.array(column) for column in zip(*rows, strict=True))
    spreads = dict(known.execute("select user_id, spread from user_spreads").fetchall())
    assert set(spreads) == set(users)
    for user, spread in spreads.items():
        own = distance[users == user]
        expected = (own.sum() + 20 * distance.mean()) / (len(own) + 20)
        assert spread == pytest.approx(expected, rel=1e-8)


def test_nine_in_ten_residuals_are_inside_in_units_of_the_spread(known):
    rows = known.execute(
        "select abs(residual) / spread from calibration_residuals "
        "inner join user_spreads using (model_id, user_id)"
    ).fetchall()
    scores = np.sort([score for (score,) in rows])
    threshold = scores[math.ceil((len(scores) + 1) * 0.9) - 1]
    spreads = dict(known.execute("select user_id, spread from user_spreads").fetchall())
    assert radii(known) == pytest.approx({user: threshold * spreads[user] for user in spreads})


def test_residuals_are_those_of_the_predictions_on_valid(known):
    apart = known.execute(
        "select max(abs(actual_rating - predicted_rating::double - residual)), count(*) "
        "from calibration_residuals inner join predictions using (model_id, user_id, movie_id) "
        "where split = 'valid'"
    ).fetchone()
    assert apart is not None
    assert apart[0] < 1e-5
    assert known.execute("select count(*) from calibration_residuals").fetchone() == apart[1:]


def test_predictions_have_the_interval_of_their_user_inside_the_scale(known):
    wrong = known.execute(
        "from predictions inner join interval_radii using (model_id, user_id) "
        "cross join rating_scale "
        "where abs(lower - greatest(predicted_rating - radius, lowest_rating)) > 1e-6 "
        "or abs(upper - least(predicted_rating + radius, highest_rating)) > 1e-6"
    ).fetchall()
    assert wrong == []


@pytest.mark.parametrize(("count", "place"), [(9, 9), (10, 10), (19, 18), (20, 19), (29, 27)])
def test_the_place_of_the_threshold_is_that_of_the_finite_sample(known, count, place):
    known.execute("delete from calibration_residuals where rowid >= $1", [count])
    known.execute("update calibration_residuals set residual = -1 - rowid")
    known.execute("update user_spreads set spread = 2")
    assert set(radii(known).values()) == {place}


@pytest.mark.parametrize("count", [0, 8])
def test_of_fewer_than_nine_residuals_the_interval_is_the_whole_scale(known, count):
    known.execute("delete from calibration_residuals where rowid >= $1", [count])
    assert set(radii(known).values()) == {math.inf}
