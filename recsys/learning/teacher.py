"""Estimate every rating by Gaussian models: the teacher that the network is distilled from.

In: the known ratings as a table (users x movies, NaN where unknown) and the movies' description
from `features.py`. Out: a `Teacher`, whose full table of expected ratings becomes the network's
lesson in `lesson.py`.

A Gaussian (`gaussian.py`) is over movies, of which every user is a draw, or over users, of
which every movie is a draw. Its prior is S0 = level 11' + variance K: level is what makes some
rows high everywhere, K says which columns are alike before any rating is seen. EM stops at the
step that is best on the valid ratings; run on, it would overfit. From a small variance S grows
along what the ratings share first, and so stays nearly of low rank; which is better depends on
the data, so valid chooses that too.

A description enters in two ways. Over movies, it is K. Over users, each theme of the movies is
one more column, as if of a user who rated by that theme alone: S then says whom a theme
pleases. The two err differently, and their mean errs less.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from recsys.learning.features import MovieDescription
from recsys.learning.gaussian import Array, Columns, Form, GaussianConfig, expected_ratings

Counts = NDArray[np.int64]

# Called with the models that are fitted, those that there will be, and the RMSE of the last one.
OnModel = Callable[[int, int, float], None]

# EM inverts many small matrices: threads would cost more than they save, above all where other
# work runs too; and one thread adds in one order, so that every machine gets the same sums.
_one_thread = partial(threadpool_limits, limits=1, user_api="blas")


def unheard(done: int, everything: int, valid_rmse: float) -> None:
    """Tell nobody how far the teacher is."""


@dataclass(frozen=True)
class TeacherConfig:
    """Set what is tried. Variances are shares of the ratings' variance, so any scale will do."""

    level_variance: float = 0.2  # of a row's level over all columns
    column_variance: float = 0.4  # of a column besides
    smaller_variance: float = 0.05  # tried as well, where K is known
    themes: int = 20
    theme_scale: float = 6.0  # the ratings' deviations to a unit of the description
    users_share: float = 0.3  # of the model over users in the mean of the two
    gaussian: GaussianConfig = field(default_factory=GaussianConfig)
    max_steps: int = 30
    patience: int = 3  # steps without a better valid RMSE before EM stops
    max_operations: float = 1e10  # of a step: a side that needs more gets no model


@dataclass(frozen=True)
class Gaussian:
    """Hold one fitted model: its expected ratings, (users, movies), and how it was found."""

    table: Array
    form: Form
    steps: int
    valid_rmse: float


@dataclass(frozen=True)
class Teacher:
    """Hold the expected ratings, (users, movies): the weighted mean of those of its models.

    models: those that were chosen, each with its share; the shares add up to 1.
    tried: all that were fitted, in order.
    config: what all of them were fitted with.
    """

    table: Array
    models: tuple[tuple[Gaussian, float], ...]
    tried: tuple[Gaussian, ...]
    valid_rmse: float
    config: TeacherConfig


def affordable_sides(
    ratings_per_user: Counts, ratings_per_movie: Counts, config: TeacherConfig = TeacherConfig()
) -> list[Columns]:
    """Return what a Gaussian may be over, so that an EM step takes no more than it should.

    A step over movies inverts a matrix of each user's movies, and multiplies covariances of
    all movies; over users it is the other way round.
    """

    def operations(columns_per_row: Counts, column_count: int) -> float:
        return 2.0 * float((columns_per_row.astype(float) ** 3).sum()) + 6.0 * column_count**3

    costs: dict[Columns, float] = {
        "movies": operations(ratings_per_user, len(ratings_per_movie)),
        "users": operations(ratings_per_movie, len(ratings_per_user)),
    }
    return [side for side, cost in costs.items() if cost <= config.max_operations]


def fit_teacher(
    train: Array,
    valid: Array,
    description: MovieDescription,
    config: TeacherConfig = TeacherConfig(),
    on_model: OnModel = unheard,
) -> Teacher:
    """Fit to `train`; choose the models and their EM steps by RMSE on `valid`.

    train, valid: (users, movies), NaN where unknown; a side of them must be affordable.
    on_model is called after each model that is tried.
    A model that ignores the description is always tried, over the smaller side, whose
    covariance has more rows to learn from: a description that says nothing about taste cannot
    do harm.
    """
    rated = ~np.isnan(train)
    sides = affordable_sides(rated.sum(axis=1), rated.sum(axis=0), config)
    forms = [_plain_form(train.shape, sides, config)]
    if not description.is_empty:
        forms += _described_forms(description, config) if "movies" in sides else []
        forms += [_themed_form(len(train), description, config)] if "users" in sides else []
    models: list[Gaussian] = []
    with _one_thread():
        for form in forms:
            models.append(_search(train, valid, form, config))
            on_model(len(models), len(forms), models[-1].valid_rmse)

    def averaged(*weighted: tuple[Gaussian, float]) -> Teacher:
        table = np.sum([weight * model.table for model, weight in weighted], axis=0)
        return Teacher(table, weighted, tuple(models), _valid_rmse(table, train, valid), config)

    plain, *described = models
    teachers = [averaged((plain, 1.0))]
    if described:
        teachers.append(averaged(*_weigh(described, config)))
    return min(teachers, key=lambda teacher: teacher.valid_rmse)


def refit_table(teacher: Teacher, ratings: Array) -> Array:
    """Return the (users, movies) table of the same models fitted to more ratings."""
    table = np.zeros_like(ratings)
    with _one_thread():
        for model, weight in teacher.models:
            estimates = expected_ratings(ratings, model.form, teacher.config.gaussian)
            table += weight * next(islice(estimates, model.steps - 1, None))
    return table


def _plain_form(shape: tuple[int, ...], sides: list[Columns], config: TeacherConfig) -> Form:
    """Return a Gaussian that knows nothing but its level, over the smaller side if it may be."""
    counts: dict[Columns, int] = {"users": shape[0], "movies": shape[1]}
    side = min(sides, key=lambda side: counts[side])
    prior = config.level_variance + config.column_variance * np.eye(counts[side])
    return Form(f"{side} by ratings alone", side, prior)


def _described_forms(description: MovieDescription, config: TeacherConfig) -> list[Form]:
    """Return Gaussians over movies, for each kernel and each variance."""
    kernels = dict(zip(("with", "without"), description.kernels(), strict=True))
    return [
        Form(
            f"movies {words} title words, variance {variance:g}",
            "movies",
            config.level_variance + variance * kernel,
        )
        for variance in (config.column_variance, config.smaller_variance)
        for words, kernel in kernels.items()
    ]


def _themed_form(user_count: int, description: MovieDescription, config: TeacherConfig) -> Form:
    """Return a Gaussian over users and themes; a level is of users only."""
    themes = config.theme_scale * description.themes(config.themes)
    prior = config.level_variance + config.column_variance * np.eye(user_count)
    return Form("users with themes", "users", prior, themes)


def _weigh(described: list[Gaussian], config: TeacherConfig) -> list[tuple[Gaussian, float]]:
    """Return the best model over movies and that over users, or the one that there is."""
    shares: dict[Columns, float] = {"movies": 1.0 - config.users_share, "users": config.users_share}
    best: dict[Columns, Gaussian] = {}
    for model in described:
        side = model.form.columns
        best[side] = min(best.get(side, model), model, key=lambda one: one.valid_rmse)
    total = sum(shares[side] for side in best)
    return [(model, shares[side] / total) for side, model in best.items()]


def _search(train: Array, valid: Array, form: Form, config: TeacherConfig) -> Gaussian:
    """Run EM until the valid RMSE has not fallen for `patience` steps; keep the best step."""
    best: Gaussian | None = None
    for step, table in enumerate(expected_ratings(train, form, config.gaussian), start=1):
        rmse = _valid_rmse(table, train, valid)
        if best is None or rmse < best.valid_rmse:
            best = Gaussian(table, form, step, rmse)
        if step - best.steps >= config.patience or step >= config.max_steps:
            return best
    raise AssertionError("the estimates never end")


def _valid_rmse(table: Array, train: Array, valid: Array) -> float:
    """Return the RMSE on `valid` of a table kept inside the scale of `train`."""
    bounded = table.clip(np.nanmin(train), np.nanmax(train))
    return float(np.sqrt(np.nanmean((bounded - valid) ** 2)))
