"""Estimate every rating by a Gaussian model: the teacher that the network is distilled from.

In: the known ratings as a table (users x movies, NaN where unknown) and, if there is one, the
kernel of the movies' descriptions from `features.py`. Out: a `Teacher`, whose full table of
expected ratings `student.py` learns.

The model. Each row of the standardised table is a draw from one Gaussian over its columns,
seen through noise at the rated cells only:

    x_i ~ N(0, S)      y_ij = offset_j + x_ij + e_ij      e_ij ~ N(0, row_i * column_j)

S, the offsets and the noise are fitted by EM for missing data (Little & Rubin, Statistical
Analysis with Missing Data, chapter 11; Schafer, Analysis of Incomplete Multivariate Data, 1997,
chapter 5). S has an inverse-Wishart prior around S0 = level 11' + kernel K + own I: level is
what makes some rows high everywhere, K says which columns are alike before any rating is seen.
Given S, a row's expectation is Gaussian-process regression (Rasmussen & Williams, 2006, eq.
2.23-2.24). EM stops at the step that is best on the valid ratings; run on, it would overfit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Columns = Literal["movies", "users"]


@dataclass(frozen=True)
class TeacherConfig:
    """Set the prior. Variances are shares of the ratings' variance, so any scale will do."""

    level_variance: float = 0.2  # of a row's level over all columns
    kernel_variance: float = 0.25  # of what the kernel explains
    own_variance: float = 0.08  # of a cell, beyond what its column shares with others
    offset_variance: float = 0.5  # of the columns' means
    noise_variance: float = 0.6
    prior_strength: float = 0.3  # rows the prior of S is worth, per column
    noise_strength: float = 20.0  # ratings the prior of a row's or column's noise is worth
    max_steps: int = 15
    patience: int = 3  # steps without a better valid RMSE before EM stops


@dataclass(frozen=True)
class Teacher:
    """Hold the expected ratings, (users, movies), and how they were found."""

    table: Array
    columns: Columns  # what S is a covariance of
    kernel: Array | None  # what its prior knew of the movies
    steps: int
    valid_rmse: float


class _State(NamedTuple):
    covariance: Array  # (columns, columns), S
    offset: Array  # (columns,)
    row_noise: Array  # (rows,)
    column_noise: Array  # (columns,), mean 1


class _Posterior(NamedTuple):
    """What the E-step leaves, for rows i with rated columns o and C_i = S_oo + noise.

    pull: (rows, columns), C_i^-1 (y - offset), 0 where unrated.
    precision: (rows, columns), the diagonal of C_i^-1, 0 where unrated.
    precision_sum: (columns, columns), the sum of all C_i^-1, each at its own columns.
    """

    pull: Array
    precision: Array
    precision_sum: Array


def fit_teacher(
    train: Array, valid: Array, kernel: Array | None, config: TeacherConfig = TeacherConfig()
) -> Teacher:
    """Fit to `train`; choose the covariance's side and the EM steps by RMSE on `valid`.

    train, valid: (users, movies), NaN where unknown. kernel: (movies, movies), or None.
    Without a kernel, S is over the smaller side, whose covariance has more rows to learn from.
    With one, S over movies with the kernel in its prior is tried too: that way, descriptions
    that say nothing about taste cannot do harm.
    """
    user_count, movie_count = train.shape
    smaller: Columns = "users" if user_count < movie_count else "movies"
    teachers = [_search(train, valid, smaller, None, config)]
    if kernel is not None:
        teachers.append(_search(train, valid, "movies", kernel, config))
    return min(teachers, key=lambda teacher: teacher.valid_rmse)


def refit_table(teacher: Teacher, ratings: Array, config: TeacherConfig = TeacherConfig()) -> Array:
    """Return the (users, movies) table of the same model fitted to more ratings."""
    estimates = _expected_ratings(ratings, teacher.columns, teacher.kernel, config)
    for _ in range(teacher.steps):
        table = next(estimates)
    return table


def step_cost(ratings_per_user: NDArray[np.int64], ratings_per_movie: NDArray[np.int64]) -> float:
    """Estimate the floating-point operations of one EM step, to decide whether to afford it."""
    counts = (ratings_per_user, ratings_per_movie)
    inversions = sum(2.0 * (count.astype(float) ** 3).sum() for count in counts)
    return float(inversions + sum(6.0 * len(count) ** 3.0 for count in counts))


def _search(
    train: Array, valid: Array, columns: Columns, kernel: Array | None, config: TeacherConfig
) -> Teacher:
    """Run EM until the valid RMSE has not fallen for `patience` steps; keep the best step."""
    low, high = np.nanmin(train), np.nanmax(train)
    best: Teacher | None = None
    for step, table in enumerate(_expected_ratings(train, columns, kernel, config), start=1):
        rmse = float(np.sqrt(np.nanmean((table.clip(low, high) - valid) ** 2)))
        if best is None or rmse < best.valid_rmse:
            best = Teacher(table, columns, kernel, step, rmse)
        if step - best.steps >= config.patience or step >= config.max_steps:
            return best
    raise AssertionError("the estimates never end")


def _expected_ratings(
    ratings: Array, columns: Columns, kernel: Array | None, config: TeacherConfig
) -> Iterator[Array]:
    """Yield the (users, movies) table that each EM step expects, without end."""
    is_movies = columns == "movies"
    mean, deviation = np.nanmean(ratings), np.nanstd(ratings) or 1.0
    targets = ((ratings if is_movies else ratings.T) - mean) / deviation
    row_count, column_count = targets.shape
    prior = _prior_covariance(column_count, kernel, config)
    state = _State(
        covariance=prior,
        offset=np.zeros(column_count),
        row_noise=np.full(row_count, config.noise_variance),
        column_noise=np.ones(column_count),
    )
    while True:
        posterior = _expect(targets, state)
        expected = mean + deviation * (state.offset + posterior.pull @ state.covariance)
        yield expected if is_movies else expected.T
        state = _maximise(targets, state, posterior, prior, config)


def _prior_covariance(column_count: int, kernel: Array | None, config: TeacherConfig) -> Array:
    """Return S0. Without a kernel all that it would explain is the column's own."""
    own = np.eye(column_count)
    alike = own if kernel is None else kernel
    return config.level_variance + config.kernel_variance * alike + config.own_variance * own


def _expect(targets: Array, state: _State) -> _Posterior:
    """Do the E-step: solve each row for its rated columns (R & W, eq. 2.25-2.26)."""
    pull, precision = np.zeros_like(targets), np.zeros_like(targets)
    precision_sum = np.zeros_like(state.covariance)
    for row, target in enumerate(targets):
        rated = np.flatnonzero(~np.isnan(target))
        noise = state.row_noise[row] * state.column_noise[rated]
        inverse = np.linalg.inv(state.covariance[np.ix_(rated, rated)] + np.diag(noise))
        pull[row, rated] = inverse @ (target[rated] - state.offset[rated])
        precision[row, rated] = np.diag(inverse)
        precision_sum[np.ix_(rated, rated)] += inverse
    return _Posterior(pull, precision, precision_sum)


def _maximise(
    targets: Array, state: _State, posterior: _Posterior, prior: Array, config: TeacherConfig
) -> _State:
    """Do the M-step: the posterior mode of S, offsets and noise, given the rows' moments.

    With x_i = S pull_i and its covariance S - S C_i^-1 S, the sums over rows need only the
    small quantities of `_Posterior`, never a covariance per row.
    """
    covariance, offset, row_noise, column_noise = state
    row_count, column_count = targets.shape
    rated = ~np.isnan(targets)
    noise = np.outer(row_noise, column_noise)
    mean = posterior.pull @ covariance

    strength = config.prior_strength * column_count
    moments = mean.T @ mean + row_count * covariance
    moments -= covariance @ posterior.precision_sum @ covariance
    moments = (strength * prior + moments) / (strength + row_count)

    # The offset's prior is N(0, offset_variance): few ratings leave a column near the mean.
    residual = np.where(rated, targets - mean, 0.0)
    offset = (residual / noise).sum(axis=0) / (
        1.0 / config.offset_variance + (rated / noise).sum(axis=0)
    )

    # E[e^2] = noise^2 (pull^2 - precision) + noise at rated cells; each row and each column
    # pools its own with `noise_strength` ratings of the prior.
    squares = np.where(rated, noise**2 * (posterior.pull**2 - posterior.precision) + noise, 0.0)
    weight = config.noise_strength
    row_noise = (weight * config.noise_variance + (squares / column_noise).sum(axis=1)) / (
        weight + rated.sum(axis=1)
    )
    column_noise = (weight + (squares / row_noise[:, None]).sum(axis=0)) / (
        weight + rated.sum(axis=0)
    )
    return _State(moments, offset, row_noise, column_noise / column_noise.mean())
