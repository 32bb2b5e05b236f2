"""A Gaussian over the columns of a ratings table, fitted by EM: what `teacher.py` averages.

In: the known ratings as a table (users x movies, NaN where unknown), and a `Form` that says
what the Gaussian is over and what is known before any rating. Out: after each step of EM, the
full table of expected ratings.

The model. Each row of the standardised table is a draw from one Gaussian over its columns,
seen through noise at the rated cells only:

    x_i ~ N(0, S)      y_ij = offset_j + x_ij + e_ij      e_ij ~ N(0, row_i * column_j)

S, the offsets and the noise are fitted by EM for missing data (Little & Rubin, Statistical
Analysis with Missing Data, chapter 11; Schafer, Analysis of Incomplete Multivariate Data, 1997,
chapter 5). S has an inverse-Wishart prior around S0. Given S, a cell's expectation is
Gaussian-process regression on the row's other ratings (Rasmussen & Williams, 2006, eq. 2.25): a
network that copied a rating would copy its noise.

What is known of the rows, themes, are further columns of the table, known in every row: S then
says what they have to do with the ratings. Who rated what is such themes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.learning.features import principal_components

Array = NDArray[np.float64]
Columns = Literal["movies", "users"]


@dataclass(frozen=True)
class GaussianConfig:
    """Set the prior. Variances are shares of the ratings' variance, so any scale will do."""

    offset_variance: float = 0.3  # of the columns' means
    noise_variance: float = 0.6
    prior_strength: float = 0.3  # rows the prior of S is worth, per column
    noise_strength: float = 40.0  # ratings the prior of a row's or column's noise is worth
    theme_variance: float = 0.4  # of a theme in S0
    exposures: int = 5  # principal components of who rated what that become themes too; 0: none
    exposure_scale: float = 0.5  # deviation of such a theme


class Form(NamedTuple):
    """Say what a Gaussian is over, and what is known before any rating."""

    name: str  # for people, unlike that of any other that is tried
    columns: Columns
    prior: Array  # S0, (columns, columns)
    themes: Array | None = None  # (rows, themes), what is known of the rows


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


def expected_ratings(ratings: Array, form: Form, config: GaussianConfig) -> Iterator[Array]:
    """Yield the (users, movies) table that each EM step expects, without end.

    ratings: (users, movies), NaN where unknown; the tables are in the same unit, unbounded.
    """
    is_movies = form.columns == "movies"
    mean, deviation = np.nanmean(ratings), np.nanstd(ratings) or 1.0
    rated = ((ratings if is_movies else ratings.T) - mean) / deviation
    themes = [] if form.themes is None else [form.themes]
    targets = np.hstack([rated, *themes, _exposure_themes(rated, config)])
    row_count, column_count = targets.shape
    prior = config.theme_variance * np.eye(column_count)
    prior[: len(form.prior), : len(form.prior)] = form.prior
    state = _State(
        covariance=prior,
        offset=np.zeros(column_count),
        row_noise=np.full(row_count, config.noise_variance),
        column_noise=np.ones(column_count),
    )
    while True:
        posterior = _expect(targets, state)
        expected = mean + deviation * _leave_one_out(targets, state, posterior)
        expected = expected[:, : rated.shape[1]]
        yield expected if is_movies else expected.T
        state = _maximise(targets, state, posterior, prior, config)


def _exposure_themes(rated: Array, config: GaussianConfig) -> Array:
    """Return what who rated what says of each row, (rows, exposures + 1), whatever the ratings.

    What somebody chose to rate tells of their taste (Koren, Factorization meets the neighborhood,
    2008, section 4). The themes are how many ratings a row has, and the leading principal
    components of the table of ones and zeros, centred by row and by column.
    """
    if not config.exposures:
        return np.empty((len(rated), 0))
    exposed = (~np.isnan(rated)).astype(float)
    exposed -= exposed.mean(axis=0)
    count = exposed.mean(axis=1, keepdims=True)
    components = principal_components(exposed - count, config.exposures)
    # Where all rows are rated alike, there is only rounding, which must stay small.
    scaled = [part / max(part.std(), 1e-6) for part in (count, components)]
    return config.exposure_scale * np.hstack(scaled)


def _leave_one_out(targets: Array, state: _State, posterior: _Posterior) -> Array:
    """Return what each cell is expected to be by its row's other ratings.

    Where there is no rating: E[y] = offset + S pull. Where there is one, it would be fitted
    with its noise; y - pull / precision is the expectation without it (R & W, eq. 5.12).
    """
    rated = posterior.precision > 0
    others = np.divide(posterior.pull, posterior.precision, out=np.zeros_like(targets), where=rated)
    return np.where(rated, targets - others, state.offset + posterior.pull @ state.covariance)


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
    targets: Array, state: _State, posterior: _Posterior, prior: Array, config: GaussianConfig
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
