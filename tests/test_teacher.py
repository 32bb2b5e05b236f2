"""The teacher: an expectation for every pair of user and movie."""

import numpy as np
import pytest

from recsys.teacher import TeacherConfig, fit_teacher, refit_table, step_cost

USERS, MOVIES = 30, 20


def split(table: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a table as train (60 %), valid (20 %) and test (20 %), NaN elsewhere."""
    deal = np.random.default_rng(seed).random(table.shape)
    parts = (deal < 0.6, (deal >= 0.6) & (deal < 0.8), deal >= 0.8)
    train, valid, test = (np.where(part, table, np.nan) for part in parts)
    return train, valid, test


@pytest.fixture
def taste() -> np.ndarray:
    """Return ratings of two tastes that are opposite to each other, with a little noise."""
    generator = np.random.default_rng(3)
    user, movie = generator.choice([-1, 1], USERS), generator.choice([-1, 1], MOVIES)
    return 3 + np.outer(user, movie) + generator.normal(0, 0.1, (USERS, MOVIES))


def rmse(table: np.ndarray, known: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean((table - known) ** 2)))


def test_it_fills_the_whole_table_and_finds_the_taste(taste):
    train, valid, test = split(taste)
    teacher = fit_teacher(train, valid, None)
    assert teacher.table.shape == taste.shape
    assert np.isfinite(teacher.table).all()
    assert rmse(teacher.table, test) < 0.5 * rmse(np.full(taste.shape, np.nanmean(train)), test)


def test_its_valid_error_is_that_of_its_table_inside_the_scale(taste):
    train, valid, _ = split(taste)
    teacher = fit_teacher(train, valid, None)
    bounded = teacher.table.clip(np.nanmin(train), np.nanmax(train))
    assert teacher.valid_rmse == pytest.approx(rmse(bounded, valid))


@pytest.mark.parametrize(("shape", "side"), [((30, 20), "movies"), ((20, 30), "users")])
def test_without_descriptions_the_covariance_is_of_the_smaller_side(taste, shape, side):
    table = taste if shape == taste.shape else taste.T
    train, valid, _ = split(table)
    assert fit_teacher(train, valid, None).columns == side


def test_the_first_step_is_regression_by_a_gaussian_process(taste):
    train, valid, _ = split(taste)
    config = TeacherConfig(max_steps=1)
    table = fit_teacher(train, valid, None, config).table

    # Rasmussen & Williams, eq. 2.25, for one user; movies are independent but for the level.
    mean, deviation = np.nanmean(train), np.nanstd(train)
    own = config.kernel_variance + config.own_variance
    prior = config.level_variance * np.ones((MOVIES, MOVIES)) + own * np.eye(MOVIES)
    rated = ~np.isnan(train[0])
    among = prior[np.ix_(rated, rated)] + config.noise_variance * np.eye(rated.sum())
    weights = np.linalg.solve(among, (train[0, rated] - mean) / deviation)
    np.testing.assert_allclose(table[0], mean + deviation * prior[:, rated] @ weights)


def test_it_stops_at_the_best_step(taste):
    train, valid, _ = split(taste)
    best = fit_teacher(train, valid, None)
    assert 1 <= best.steps <= TeacherConfig().max_steps
    for steps in range(1, best.steps + 1):
        capped = fit_teacher(train, valid, None, TeacherConfig(max_steps=steps))
        assert capped.valid_rmse >= best.valid_rmse


def test_refitting_the_same_ratings_gives_the_same_table(taste):
    train, valid, _ = split(taste)
    teacher = fit_teacher(train, valid, None)
    np.testing.assert_array_equal(refit_table(teacher, train, TeacherConfig()), teacher.table)


def test_refitting_more_ratings_comes_closer(taste):
    train, valid, test = split(taste)
    teacher = fit_teacher(train, valid, None)
    both = np.where(np.isnan(train), valid, train)
    assert rmse(refit_table(teacher, both), test) < rmse(teacher.table, test)


def test_any_scale_will_do(taste):
    train, valid, _ = split(taste)
    stars, tenths = fit_teacher(train, valid, None), fit_teacher(train * 10, valid * 10, None)
    assert tenths.steps == stars.steps
    np.testing.assert_allclose(tenths.table, stars.table * 10, rtol=1e-6)


def test_a_description_tells_of_movies_that_nobody_rated_yet(taste):
    group = np.sign(taste[0] - 3)  # what user 0 likes: one of the two kinds of movie
    kernel = np.outer(group, group)
    train, valid, _ = split(taste)
    train[:, :4] = np.nan  # only the description speaks for these
    truth = np.where(np.isnan(valid), taste, valid)[:, :4]
    blind, told = fit_teacher(train, valid, None), fit_teacher(train, valid, kernel)
    assert rmse(told.table[:, :4], truth) < 0.7 * rmse(blind.table[:, :4], truth)


def test_a_description_that_says_nothing_does_no_harm_on_valid(taste):
    train, valid, _ = split(taste)
    noise = np.random.default_rng(0).normal(size=(MOVIES, 3))
    with_noise = fit_teacher(train, valid, noise @ noise.T / 3)
    assert with_noise.valid_rmse <= fit_teacher(train, valid, None).valid_rmse


def test_users_and_movies_without_a_rating_get_one(taste):
    train, valid, _ = split(taste)
    train[5], train[:, 7] = np.nan, np.nan
    table = fit_teacher(train, valid, None).table
    assert np.isfinite(table).all()
    assert np.abs(table - 3).max() < 3


def test_ratings_that_are_all_equal_are_expected_everywhere():
    known = np.where(np.random.default_rng(0).random((8, 6)) < 0.7, 4.0, np.nan)
    table = fit_teacher(known, known, None).table
    np.testing.assert_allclose(table, 4.0)


def test_the_cost_of_a_step_grows_with_ratings_and_with_the_catalogue():
    few, many = np.full(10, 5), np.full(10, 50)
    assert step_cost(few, few) < step_cost(many, few) < step_cost(many, many)
    assert step_cost(few, np.full(1000, 5)) > step_cost(few, few)
