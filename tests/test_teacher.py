"""The teacher: an expectation for every pair of user and movie."""

import pickle

import numpy as np
import pytest

from recsys.config import GaussianConfig, TeacherConfig
from recsys.learning.features import MovieFeatures
from recsys.learning.gaussian import fit_gaussian
from recsys.learning.teacher import (
    ChosenGaussian,
    affordable_sides,
    fit_teacher,
    refit_teacher,
)

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


def encode(genres_years: np.ndarray, words: np.ndarray | None = None) -> MovieFeatures:
    """Return features of given factors, each (movies, factors)."""
    count = len(genres_years)
    none = np.zeros((count, 0))
    return MovieFeatures(genres_years, none if words is None else words, np.zeros(count))


NOTHING = encode(np.zeros((MOVIES, 0)))


def expected_by(chosen: ChosenGaussian, train: np.ndarray) -> np.ndarray:
    """Return the table that one Gaussian of a teacher expects."""
    return fit_gaussian(train, chosen.spec, GaussianConfig(), chosen.steps).expected


def rmse(table: np.ndarray, known: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean((table - known) ** 2)))


def test_it_fills_the_whole_table_and_finds_the_taste(taste):
    train, valid, test = split(taste)
    teacher = fit_teacher(train, valid, NOTHING)
    assert teacher.expected.shape == taste.shape
    assert np.isfinite(teacher.expected).all()
    assert rmse(teacher.expected, test) < 0.5 * rmse(np.full(taste.shape, np.nanmean(train)), test)


def test_its_valid_error_is_that_of_its_table_inside_the_scale(taste):
    train, valid, _ = split(taste)
    teacher = fit_teacher(train, valid, NOTHING)
    bounded = teacher.expected.clip(np.nanmin(train), np.nanmax(train))
    assert teacher.valid_rmse == pytest.approx(rmse(bounded, valid))


@pytest.mark.parametrize(("shape", "side"), [((30, 20), "movies"), ((20, 30), "users")])
def test_without_features_the_covariance_is_of_the_smaller_side(taste, shape, side):
    table = taste if shape == taste.shape else taste.T
    train, valid, _ = split(table)
    [chosen] = fit_teacher(train, valid, NOTHING).chosen
    assert (chosen.spec.side, chosen.share) == (side, 1.0)


def test_the_first_step_is_regression_on_the_users_other_ratings(taste):
    train, valid, _ = split(taste)
    config = TeacherConfig(max_steps=1)
    table = fit_teacher(train, valid, NOTHING, config).expected

    # Rasmussen & Williams, eq. 2.25, for one user; movies are independent but for the level.
    mean, deviation = np.nanmean(train), np.nanstd(train)
    prior = config.level_variance + config.column_variance * np.eye(MOVIES)
    for movie in range(MOVIES):
        others = ~np.isnan(train[0])
        others[movie] = False  # its own rating, if there is one, tells nothing
        among = prior[np.ix_(others, others)] + config.gaussian.noise_variance * np.eye(
            others.sum()
        )
        weights = np.linalg.solve(among, (train[0, others] - mean) / deviation)
        assert table[0, movie] == pytest.approx(mean + deviation * prior[movie, others] @ weights)


def test_it_stops_at_the_best_step(taste):
    train, valid, _ = split(taste)
    teacher = fit_teacher(train, valid, NOTHING)
    [best] = teacher.chosen
    assert 1 <= best.steps <= TeacherConfig().max_steps
    for steps in range(1, best.steps + 1):
        capped = fit_teacher(train, valid, NOTHING, TeacherConfig(max_steps=steps))
        assert capped.valid_rmse >= teacher.valid_rmse


def test_em_takes_so_many_steps_and_remembers_their_errors(taste):
    train, valid, _ = split(taste)
    [chosen] = fit_teacher(train, valid, NOTHING).chosen
    whole = fit_gaussian(train, chosen.spec, GaussianConfig(), 12, valid)
    assert len(whole.history) == 12
    assert whole.steps == 1 + int(np.argmin(whole.history))
    assert whole.valid_rmse == min(whole.history)
    last = fit_gaussian(train, chosen.spec, GaussianConfig(), whole.steps)
    assert (last.steps, last.history) == (whole.steps, ())
    np.testing.assert_array_equal(last.expected, whole.expected)
    stopped = fit_gaussian(train, chosen.spec, GaussianConfig(), 12, valid, patience=1)
    falls = np.diff(whole.history) < 0
    assert len(stopped.history) == (2 + int(np.argmin(falls)) if not falls.all() else 12)
    assert stopped.history == whole.history[: len(stopped.history)]


def test_a_teacher_keeps_one_table_however_many_were_tried(taste):
    """It is sent to every worker of a search."""
    train, valid, _ = split(np.tile(taste, (2, 2)))
    features = encode(np.tile(np.sign(taste[:1].T - 3), (2, 1)))
    teacher = fit_teacher(train, valid, features)
    kept = [teacher.expected, *(one.spec.covariance for one in teacher.chosen)]
    kept += [one.spec.row_features for one in teacher.chosen if one.spec.row_features is not None]
    assert len(teacher.tried) == 6
    assert len(pickle.dumps(teacher)) < sum(array.nbytes for array in kept) + 5_000


@pytest.mark.parametrize("is_described", [False, True])
def test_refitting_the_same_ratings_gives_the_same_table(taste, is_described):
    train, valid, _ = split(taste)
    teacher = fit_teacher(train, valid, told_of(taste) if is_described else NOTHING)
    assert len(teacher.chosen) == 1 + is_described
    np.testing.assert_allclose(refit_teacher(teacher, train).expected, teacher.expected)


def test_refitting_more_ratings_comes_closer(taste):
    train, valid, test = split(taste)
    teacher = fit_teacher(train, valid, NOTHING)
    both = np.where(np.isnan(train), valid, train)
    assert rmse(refit_teacher(teacher, both).expected, test) < rmse(teacher.expected, test)


def test_any_scale_will_do(taste):
    train, valid, _ = split(taste)
    stars, tenths = fit_teacher(train, valid, NOTHING), fit_teacher(train * 10, valid * 10, NOTHING)
    assert tenths.chosen[0].steps == stars.chosen[0].steps
    np.testing.assert_allclose(tenths.expected, stars.expected * 10, rtol=1e-6)


def told_of(taste: np.ndarray) -> MovieFeatures:
    """Describe each movie by which of the two kinds it is."""
    return encode(np.sign(taste[:1].T - 3))  # what user 0 likes


def test_features_tell_of_movies_that_nobody_rated_yet(taste):
    train, valid, _ = split(taste)
    train[:, :4] = np.nan  # only the features speak for these
    truth = np.where(np.isnan(valid), taste, valid)[:, :4]
    blind = fit_teacher(train, valid, NOTHING)
    told = fit_teacher(train, valid, told_of(taste))
    assert rmse(told.expected[:, :4], truth) < 0.7 * rmse(blind.expected[:, :4], truth)


def test_it_tells_how_far_it_is(taste):
    train, valid, _ = split(taste)
    heard = []
    teacher = fit_teacher(
        train, valid, told_of(taste), on_model=lambda *progress: heard.append(progress)
    )
    assert [progress[:2] for progress in heard] == [(one, 6) for one in range(1, 7)]
    assert [model.valid_rmse for model in teacher.tried] == [rmse for *_, rmse in heard]


def test_every_gaussian_that_is_tried_has_a_name_of_its_own(taste):
    train, valid, _ = split(taste)
    teacher = fit_teacher(train, valid, told_of(taste))
    names = [model.name for model in teacher.tried]
    assert len(set(names)) == len(names)
    assert names[0] == "movies by ratings alone"  # MOVIES < USERS
    assert {one.spec.name for one in teacher.chosen} < set(names)
    shares = {one.spec.name: one.share for one in teacher.chosen}
    assert {one.name: one.share for one in teacher.tried if one.share} == shares


def test_a_teacher_with_features_is_the_mean_of_one_over_movies_and_one_over_users(taste):
    train, valid, _ = split(taste)
    train[:, :4] = np.nan
    teacher = fit_teacher(train, valid, told_of(taste))
    movies, users = teacher.chosen
    assert (movies.spec.side, users.spec.side) == ("movies", "users")
    assert movies.share + users.share == pytest.approx(1.0)
    tables = [expected_by(one, train) for one in (movies, users)]
    mean = movies.share * tables[0] + users.share * tables[1]
    np.testing.assert_allclose(teacher.expected, mean)
    for table in tables:  # both were told
        truth = taste[:, :4]
        assert rmse(table[:, :4], truth) < 0.5 * rmse(np.full(truth.shape, 3.0), truth)


@pytest.mark.parametrize("is_of_words", [True, False])
def test_title_words_are_taken_only_where_they_tell_of_taste(taste, is_of_words):
    train, valid, _ = split(taste)
    train[:, :4] = np.nan
    kind = told_of(taste).genre_year_factors
    nonsense = np.random.default_rng(0).normal(size=(MOVIES, 3))
    genres_years, words = (nonsense, kind) if is_of_words else (kind, nonsense)
    features = encode(genres_years, 0.5 * words)
    movies, _ = fit_teacher(train, valid, features).chosen
    with_words, without = features.kernels()
    chosen = with_words if is_of_words else without
    shares = movies.spec.covariance - TeacherConfig().level_variance
    assert any(
        np.allclose(shares, variance * chosen)
        for variance in (TeacherConfig().column_variance, TeacherConfig().smaller_variance)
    )


def test_features_that_say_nothing_does_no_harm_on_valid(taste):
    train, valid, _ = split(taste)
    noise = np.random.default_rng(0).normal(size=(MOVIES, 3))
    with_noise = fit_teacher(train, valid, encode(noise))
    assert with_noise.valid_rmse <= fit_teacher(train, valid, NOTHING).valid_rmse


def test_what_somebody_chose_to_rate_tells_of_their_taste():
    """A user rated ten times more of the movies that they like, and few of any."""
    generator = np.random.default_rng(0)
    user, movie = np.repeat([-1, 1], 40), np.tile([-1, 1], 20)
    liked = np.outer(user, movie) > 0
    table = np.where(liked, 4.0, 2.0) + generator.normal(0, 0.3, liked.shape)
    train, valid, test = split(table)
    train[generator.random(liked.shape) > np.where(liked, 0.5, 0.05)] = np.nan
    told, blind = (
        fit_teacher(train, valid, encode(np.zeros((40, 0))), TeacherConfig(gaussian=gaussian))
        for gaussian in (GaussianConfig(), GaussianConfig(implicit_components=0))
    )
    assert rmse(told.expected, test) < 0.9 * rmse(blind.expected, test)


def test_where_everybody_rated_everything_that_tells_nothing(taste):
    _, valid, _ = split(taste)
    tables = [
        fit_teacher(taste, valid, NOTHING, TeacherConfig(gaussian=gaussian)).expected
        for gaussian in (GaussianConfig(), GaussianConfig(implicit_components=0))
    ]
    np.testing.assert_allclose(*tables, atol=0.02)


def test_users_and_movies_without_a_rating_get_one(taste):
    train, valid, _ = split(taste)
    train[5], train[:, 7] = np.nan, np.nan
    table = fit_teacher(train, valid, NOTHING).expected
    assert np.isfinite(table).all()
    assert np.abs(table - 3).max() < 3


def test_ratings_that_are_all_equal_are_expected_everywhere():
    known = np.where(np.random.default_rng(0).random((8, 6)) < 0.7, 4.0, np.nan)
    table = fit_teacher(known, known, NOTHING).expected
    np.testing.assert_allclose(table, 4.0)


def test_a_side_is_affordable_by_its_ratings_and_its_number():
    def sides(users: int, movies: int, share: float) -> list[str]:
        return affordable_sides(
            np.full(users, int(share * movies)), np.full(movies, int(share * users))
        )

    assert sides(60, 200, 0.7) == ["movies", "users"]
    assert sides(2000, 200, 0.5) == ["movies"]
    assert sides(200, 2000, 0.1) == ["users"]
    assert sides(200, 2000, 0.9) == []
    assert sides(2000, 2000, 0.01) == []
    assert sides(100_000, 41, 0.1) == []  # too many cells


def test_only_an_affordable_side_gets_a_model(taste):
    """Over 30 users a step takes 6 · 30³ operations and more, over 20 movies fewer."""
    train, valid, test = split(taste)
    config = TeacherConfig(max_operations=150_000)
    teacher = fit_teacher(train, valid, told_of(taste), config)
    assert [(one.spec.side, one.share) for one in teacher.chosen] == [("movies", 1.0)]
    assert rmse(teacher.expected, test) < 0.5
    turned = fit_teacher(train.T, valid.T, encode(np.zeros((30, 0))), config)
    assert [(one.spec.side, one.share) for one in turned.chosen] == [("users", 1.0)]
