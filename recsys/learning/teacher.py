"""The teacher that the network is distilled from: a mean of Gaussians of all ratings.

In: the known ratings (users x movies, NaN where unknown) and `MovieFeatures`. Out: a `Teacher`,
with the rating that is expected of every user and movie.

A Gaussian (`gaussian.py`) is over movies, of which every user is a draw, or over users, of
which every movie is a draw. Its prior is S0 = level 11' + variance K: level is what makes some
rows high everywhere, K says which columns are alike before any rating is seen. EM stops at the
step that is best on the valid ratings; run on, it would overfit. From a small variance S grows
along what the ratings share first, and so stays nearly of low rank; which is better depends on
the data, so valid chooses that too.

Movie features enter in two ways. Over movies, they are K. Over users, each component of them is
one more column, as if of a user who rated by that component alone: S then holds its covariance
with the users. The two err differently, and their mean errs less.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from recsys.arrays import Floats, Indices
from recsys.config import TeacherConfig
from recsys.data.registry import TeacherModel
from recsys.learning.features import MovieFeatures, principal_components
from recsys.learning.gaussian import GaussianFit, PriorSpec, Side, bounded_rmse, fit_gaussian
from recsys.progress import ignore

# Called with the Gaussians that are fitted, those that there will be, and the RMSE of the last.
OnModel = Callable[[int, int, float], None]

# EM inverts many small matrices: threads would cost more than they save, above all where other
# work runs too; and one thread adds in one order, so that every machine gets the same sums.
_one_thread = partial(threadpool_limits, limits=1, user_api="blas")


@dataclass(frozen=True)
class ChosenGaussian:
    """A Gaussian of the teacher: all that fitting it to other ratings takes, and its share."""

    spec: PriorSpec
    steps: int
    share: float


@dataclass(frozen=True)
class Teacher:
    """The weighted mean of the Gaussians that valid chose.

    Args:
        expected: expected ratings, shape (users, movies), stars.
        chosen: the Gaussians; their shares add up to 1.
        tried: all that were fitted, in order.
        valid_rmse: of the mean (stars).
        config: what all of them were fitted with.
    """

    expected: Floats
    chosen: tuple[ChosenGaussian, ...]
    tried: tuple[TeacherModel, ...]
    valid_rmse: float
    config: TeacherConfig


def affordable_sides(
    ratings_per_user: Indices, ratings_per_movie: Indices, config: TeacherConfig = TeacherConfig()
) -> list[Side]:
    """Return what a Gaussian may be over, by the number of ratings of each user and movie.

    A step over movies inverts a matrix of each user's movies, and multiplies covariances of
    all movies; over users it is the other way round.
    """
    user_count, movie_count = len(ratings_per_user), len(ratings_per_movie)
    if user_count * movie_count > config.max_cells:
        return []

    def operations(columns_per_row: Indices, column_count: int) -> float:
        return 2.0 * float((columns_per_row.astype(float) ** 3).sum()) + 6.0 * column_count**3

    costs: dict[Side, float] = {
        "movies": operations(ratings_per_user, movie_count),
        "users": operations(ratings_per_movie, user_count),
    }
    return [side for side, cost in costs.items() if cost <= config.max_operations]


def fit_teacher(
    train: Floats,
    valid: Floats,
    features: MovieFeatures,
    config: TeacherConfig = TeacherConfig(),
    on_model: OnModel = ignore,
) -> Teacher:
    """Fit to `train`; choose the Gaussians and their EM steps by RMSE on `valid`.

    A Gaussian without features is always tried: features that say nothing about the ratings
    cannot do harm.

    Args:
        train: shape (users, movies), NaN where unknown; a side must be affordable.
        valid: the same.
        features: of the movies.
        config: what is tried.
        on_model: called after each Gaussian.
    """
    specs = _prior_specs(train, features, config)
    fits: list[GaussianFit] = []
    with _one_thread():
        for spec in specs:
            fits.append(
                fit_gaussian(train, spec, config.gaussian, config.max_steps, valid, config.patience)
            )
            on_model(len(fits), len(specs), fits[-1].valid_rmse)
    errors = [fit.valid_rmse for fit in fits]
    mixtures = [{0: 1.0}]  # position in `fits` and share
    if len(fits) > 1:
        mixtures.append(_mix(specs, errors, config))
    means = [
        np.sum([share * fits[one].expected for one, share in mixture.items()], axis=0)
        for mixture in mixtures
    ]
    rmses = [bounded_rmse(mean, train, valid) for mean in means]
    best = rmses.index(min(rmses))
    shares = mixtures[best]
    return Teacher(
        expected=means[best],
        chosen=tuple(
            ChosenGaussian(specs[one], fits[one].steps, share) for one, share in shares.items()
        ),
        tried=tuple(
            TeacherModel(spec.name, shares.get(one, 0.0), fit.steps, fit.valid_rmse)
            for one, (spec, fit) in enumerate(zip(specs, fits, strict=True))
        ),
        valid_rmse=rmses[best],
        config=config,
    )


def refit_teacher(teacher: Teacher, ratings: Floats) -> Teacher:
    """Return the same Gaussians, each after as many steps, fitted to more ratings."""
    with _one_thread():
        tables = [
            one.share * fit_gaussian(ratings, one.spec, teacher.config.gaussian, one.steps).expected
            for one in teacher.chosen
        ]
    return replace(teacher, expected=np.sum(tables, axis=0))


def _prior_specs(train: Floats, features: MovieFeatures, config: TeacherConfig) -> list[PriorSpec]:
    """Return what is tried; the first has no features.

    That one is over the smaller side, whose covariance has more rows to learn from.
    """
    rated = ~np.isnan(train)
    sides = affordable_sides(rated.sum(axis=1), rated.sum(axis=0), config)
    counts: dict[Side, int] = {"users": train.shape[0], "movies": train.shape[1]}

    def unrelated(side: Side) -> Floats:
        return config.level_variance + config.column_variance * np.eye(counts[side])

    smaller = min(sides, key=lambda side: counts[side])
    specs = [PriorSpec(f"{smaller} by ratings alone", smaller, unrelated(smaller))]
    if features.is_empty:
        return specs
    if "movies" in sides:
        kernels = dict(zip(("with", "without"), features.kernels(), strict=True))
        specs += [
            PriorSpec(
                f"movies {words} title words, variance {variance:g}",
                "movies",
                config.level_variance + variance * kernel,
            )
            for variance in (config.column_variance, config.smaller_variance)
            for words, kernel in kernels.items()
        ]
    if "users" in sides:  # the columns of features have no level
        components = principal_components(features.genre_year_factors, config.feature_components)
        row_features = config.feature_scale * components
        specs.append(PriorSpec("users with themes", "users", unrelated("users"), row_features))
    return specs


def _mix(specs: list[PriorSpec], errors: list[float], config: TeacherConfig) -> dict[int, float]:
    """Return the share of the best with features over movies and of that over users.

    Where only one side was affordable, that one has it all.
    """
    shares: dict[Side, float] = {"movies": 1.0 - config.users_share, "users": config.users_share}
    best: dict[Side, int] = {}
    for one in range(1, len(specs)):
        side = specs[one].side
        best[side] = min(best.get(side, one), one, key=lambda one: errors[one])
    total = sum(shares[side] for side in best)
    return {one: shares[side] / total for side, one in best.items()}
