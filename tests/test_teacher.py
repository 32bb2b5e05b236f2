"""The teacher: an expectation for every pair of user and movie."""

import numpy as np
import pytest

from recsys.learning.features import MovieDescription
from recsys.learning.gaussian import GaussianConfig
from recsys.learning.teacher import TeacherConfig, affordable_sides, fit_teacher, refit_table

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


def describe(themes: np.ndarray, words: np.ndarray | None = None) -> MovieDescription:
    """Return a description of given factors, each (movies, factors)."""
    count = len(themes)
    none = np.zeros((count, 0))
    return MovieDescription(themes, none if words is None else words, np.zeros(count))


NOTHING = describe(np.zeros((MOVIES, 0)))


def rmse(table: np.ndarray, known: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean((table - known) ** 2)))


def test_it_fills_the_whole_table_and_finds_the_taste(taste):
    train, valid, test = split(taste)
    teacher = fit_teacher(train, valid, NOTHING)
    assert teacher.table.shape == taste.shape
    assert np.isfinite(teacher.table).all()
    assert rmse(teacher.table, test) < 0.5 * rmse(np.full(taste.shape, np.nanmean(train)), test)


def test_its_valid_error_is_that_of_its_table_inside_the_scale(taste):
    train, valid, _ = split(taste)
    teacher = fit_teacher(train, valid, NOTHING)
    bounded = teacher.table.clip(np.nanmin(train), np.nanmax(train))
    assert teacher.valid_rmse == pytest.approx(rmse(bounded, valid))


@pytest.mark.parametrize(("shape", "side"), [((30, 20), "movies"), ((20, 30), "users")])
def test_without_descriptions_the_covariance_is_of_the_smaller_side(taste, shape, side):
    table = taste if shape == taste.shape else taste.T
    train, valid, _ = split(table)
    [(model, weight)] = fit_teacher(train, valid, NOTHING).models
    assert (model.form.columns, weight) == (side, 1.0)


def test_the_first_step_is_regression_on_the_users_other_ratings(taste):
    train, valid, _ = split(taste)
    config = TeacherConfig(max_steps=1)
    table = fit_teacher(train, valid, NOTHING, config).table

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
    best = fit_teacher(train, valid, NOTHING).models[0][0]
    assert 1 <= best.steps <= TeacherConfig().max_steps
    for steps in range(1, best.steps + 1):
        capped = fit_teacher(train, valid, NOTHING, TeacherConfig(max_steps=steps))
        assert capped.valid_rmse >= best.valid_rmse


@pytest.mark.parametrize("is_described", [False, True])
def test_refitting_the_same_ratings_gives_the_same_table(taste, is_described):
    train, valid, _ = split(taste)
    teacher = fit_teacher(train, valid, told_of(taste) if is_described else NOTHING)
    assert len(teacher.models) == 1 + is_described
    np.testing.assert_allclose(refit_table(teacher, train), teacher.table)


def test_refitting_more_ratings_comes_closer(taste):
    train, valid, test = split(taste)
    teacher = fit_teacher(train, valid, NOTHING)
    both = np.where(np.isnan(train), valid, train)
    assert rmse(refit_table(teacher, both), test) < rmse(teacher.table, test)


def test_any_scale_will_do(taste):
    train, valid, _ = split(taste)
    stars, tenths = fit_teacher(train, valid, NOTHING), fit_teacher(train * 10, valid * 10, NOTHING)
    assert tenths.models[0][0].steps == stars.models[0][0].steps
    np.testing.assert_allclose(tenths.table, stars.table * 10, rtol=1e-6)


def told_of(taste: np.ndarray) -> MovieDescription:
    """Describe each movie by which of the two kinds it is."""
    return describe(np.sign(taste[:1].T - 3))  # what user 0 likes


def test_a_description_tells_of_movies_that_nobody_rated_yet(taste):
    train, valid, _ = split(taste)
    train[:, :4] = np.nan  # only the description speaks for these
    truth = np.where(np.isnan(valid), taste, valid)[:, :4]
    blind = fit_teacher(train, valid, NOTHING)
    told = fit_teacher(train, valid, told_of(taste))
    assert rmse(told.table[:, :4], truth) < 0.7 * rmse(blind.table[:, :4], truth)


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
    names = [model.form.name for model in teacher.tried]
    assert len(set(names)) == len(names)
    assert names[0] == "movies by ratings alone"  # MOVIES < USERS
    assert {model.form.name for model, _ in teacher.models} < set(names)


def test_a_described_teacher_is_the_mean_of_one_over_movies_and_one_over_users(taste):
    train, valid, _ = split(taste)
    train[:, :4] = np.nan
    teacher = fit_teacher(train, valid, told_of(taste))
    (movies, most), (users, rest) = teacher.models
    assert (movies.form.columns, users.form.columns) == ("movies", "users")
    assert most + rest == pytest.approx(1.0)
    np.testing.assert_allclose(teacher.table, most * movies.table + rest * users.table)
    for model in (movies, users):  # both were told
        truth = taste[:, :4]
        assert rmse(model.table[:, :4], truth) < 0.5 * rmse(np.full(truth.shape, 3.0), truth)


@pytest.mark.parametrize("is_of_words", [True, False])
def test_title_words_are_taken_only_where_they_tell_of_taste(taste, is_of_words):
    train, valid, _ = split(taste)
    train[:, :4] = np.nan
    kind = told_of(taste).theme_factors
    nonsense = np.random.default_rng(0).normal(size=(MOVIES, 3))
    themes, words = (nonsense, kind) if is_of_words else (kind, nonsense)
    description = describe(themes, 0.5 * words)
    (movies, _), _ = fit_teacher(train, valid, description).models
    with_words, without = description.kernels()
    chosen = with_words if is_of_words else without
    shares = movies.form.prior - TeacherConfig().level_variance
    assert any(
        np.allclose(shares, variance * chosen)
        for variance in (TeacherConfig().column_variance, TeacherConfig().smaller_variance)
    )


def test_a_description_that_says_nothing_does_no_harm_on_valid(taste):
    train, valid, _ = split(taste)
    noise = np.random.default_rng(0).normal(size=(MOVIES, 3))
    with_noise = fit_teacher(train, valid, describe(noise))
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
        fit_teacher(train, valid, describe(np.zeros((40, 0))), TeacherConfig(gaussian=gaussian))
        for gaussian in (GaussianConfig(), GaussianConfig(exposures=0))
    )
    assert rmse(told.table, test) < 0.9 * rmse(blind.table, test)


def test_where_everybody_rated_everything_that_tells_nothing(taste):
    _, valid, _ = split(taste)
    tables = [
        fit_teacher(taste, valid, NOTHING, TeacherConfig(gaussian=gaussian)).table
        for gaussian in (GaussianConfig(), GaussianConfig(exposures=0))
    ]
    np.testing.assert_allclose(*tables, atol=0.02)


def test_users_and_movies_without_a_rating_get_one(taste):
    train, valid, _ = split(taste)
    train[5], train[:, 7] = np.nan, np.nan
    table = fit_teacher(train, valid, NOTHING).table
    assert np.isfinite(table).all()
    assert np.abs(table - 3).max() < 3


def test_ratings_that_are_all_equal_are_expected_everywhere():
    known = np.where(np.random.default_rng(0).random((8, 6)) < 0.7, 4.0, np.nan)
    table = fit_teacher(known, known, NOTHING).table
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


def test_only_an_affordable_side_gets_a_model(taste):
    """Over 30 users a step takes 6 · 30³ operations and more, over 20 movies fewer."""
    train, valid, test = split(taste)
    config = TeacherConfig(max_operations=150_000)
    [(model, weight)] = fit_teacher(train, valid, told_of(taste), config).models
    assert (model.form.columns, weight) == ("movies", 1.0)
    assert rmse(model.table, test) < 0.5
    [(turned, weight)] = fit_teacher(train.T, valid.T, describe(np.zeros((30, 0))), config).models
    assert (turned.form.columns, weight) == ("users", 1.0)
