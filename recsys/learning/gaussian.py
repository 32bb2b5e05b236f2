"""A Gaussian over the columns of a ratings table, fitted by EM.

In: the known ratings (users x movies, NaN where unknown) and a `PriorSpec`. Out: a
`GaussianFit`, with the rating that is expected of every user and movie.

The model. Each row of the standardised table is a draw from one Gaussian over its columns,
seen through noise at the rated cells only:

    x_i ~ N(0, S)      y_ij = offset_j + x_ij + e_ij      e_ij ~ N(0, row_i * column_j)

S, the offsets and the noise are fitted by EM for missing data (Little & Rubin, Statistical
Analysis with Missing Data, chapter 11; Schafer, Analysis of Incomplete Multivariate Data, 1997,
chapter 5). S has an inverse-Wishart prior around S0. Given S, a cell's expectation is
Gaussian-process regression on the row's other ratings (Rasmussen & Williams, 2006, eq. 2.25): a
network that copied a rating would copy its noise.

Features of the rows are further columns of the table, known in every row: S then holds their
covariance with the ratings. Who rated what (implicit feedback) gives such features.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from recsys.arrays import Floats
from recsys.config import GaussianConfig
from recsys.learning.features import principal_components

Side = Literal["movies", "users"]


@dataclass(frozen=True)
class PriorSpec:
    """What a Gaussian is over, and its prior.

    Args:
        name: for people; no other that is tried has the same.
        side: the columns of the table that it is over.
        covariance: S0, shape (columns, columns).
        row_features: shape (rows, features); None if there are none.
    """

    name: str
    side: Side
    covariance: Floats
    row_features: Floats | None = None


@dataclass(frozen=True)
class GaussianFit:
    """What EM found.

    Args:
        expected: expected ratings, shape (users, movies), in the unit of the ratings, unbounded.
        steps: EM steps that lead to them.
        history: RMSE on valid after each step that was made; empty without valid ratings.
    """

    expected: Floats
    steps: int
    history: tuple[float, ...]

    @property
    def valid_rmse(self) -> float:
        """Return the RMSE on valid after `steps` steps."""
        return self.history[self.steps - 1]


class _State(NamedTuple):
    covariance: Floats  # (columns, columns), S
    offset: Floats  # (columns,)
    row_noise: Floats  # (rows,)
    column_noise: Floats  # (columns,), mean 1


class _Posterior(NamedTuple):
    """What the E-step leaves, for rows i with rated columns o and C_i = S_oo + noise.

    coefficients: (rows, columns), C_i^-1 (y - offset), 0 where unrated.
    precision: (rows, columns), the diagonal of C_i^-1, 0 where unrated.
    precision_sum: (columns, columns), the sum of all C_i^-1, each at its own columns.
    """

    coefficients: Floats
    precision: Floats
    precision_sum: Floats


def fit_gaussian(
    ratings: Floats,
    spec: PriorSpec,
    config: GaussianConfig,
    steps: int,
    valid: Floats | None = None,
    patience: int | None = None,
) -> GaussianFit:
    """Run EM for a number of steps; with `valid`, keep the step of the least RMSE there.

    Args:
        ratings: shape (users, movies), NaN where unknown.
        spec: what the Gaussian is over.
        config: the rest of the prior.
        steps: at most.
        valid: held-out ratings, like `ratings`; None keeps the last step.
        patience: steps without a lower RMSE on valid after which EM stops; None never does.
    """
    is_transposed = spec.side == "users"
    mean, deviation = np.nanmean(ratings), np.nanstd(ratings) or 1.0
    rated = ((ratings.T if is_transposed else ratings) - mean) / deviation
    features = [] if spec.row_features is None else [spec.row_features]
    targets = np.hstack([rated, *features, _implicit_features(rated, config)])
    row_count, column_count = targets.shape
    prior = config.feature_variance * np.eye(column_count)
    prior[: len(spec.covariance), : len(spec.covariance)] = spec.covariance
    state = _State(
        covariance=prior,
        offset=np.zeros(column_count),
        row_noise=np.full(row_count, config.noise_variance),
        column_noise=np.ones(column_count),
    )
    posterior = _expect(targets, state)
    history: list[float] = []
    for step in range(1, steps + 1):
        if step > 1:
            state = _maximise(targets, state, posterior, prior, config)
            posterior = _expect(targets, state)
        expected = mean + deviation * _leave_one_out(targets, state, posterior)
        expected = expected[:, : rated.shape[1]]
        expected = expected.T if is_transposed else expected
        if valid is not None:
            history.append(bounded_rmse(expected, ratings, valid))
        best_step = history.index(min(history)) + 1 if history else step
        if best_step == step:
            best = expected
        elif patience is not None and step - best_step >= patience:
            break
    return GaussianFit(best, best_step, tuple(history))


def bounded_rmse(expected: Floats, train: Floats, valid: Floats) -> float:
    """Return the RMSE on `valid` of expectations kept inside the scale of `train`."""
    bounded = expected.clip(np.nanmin(train), np.nanmax(train))
    return float(np.sqrt(np.nanmean((bounded - valid) ** 2)))


def _implicit_features(rated: Floats, config: GaussianConfig) -> Floats:
    """Return features of each row from who rated what, shape (rows, components + 1).

    Which movies somebody rated says what they like, whatever the ratings (Koren, Factorization
    meets the neighborhood, 2008, section 4). The features are how many ratings a row has, and
    the leading principal components of the table of ones and zeros, centred by row and column.
    """
    if not config.implicit_components:
        return np.empty((len(rated), 0))
    is_rated = (~np.isnan(rated)).astype(float)
    is_rated -= is_rated.mean(axis=0)
    count = is_rated.mean(axis=1, keepdims=True)
    components = principal_components(is_rated - count, config.implicit_components)
    # Where all rows are rated alike, there is only rounding, which must stay small.
    scaled = [part / max(part.std(), 1e-6) for part in (count, components)]
    return config.implicit_scale * np.hstack(scaled)


def _leave_one_out(targets: Floats, state: _State, posterior: _Posterior) -> Floats:
    """Return what is expected of each cell by its row's other ratings.

    Where there is no rating: E[y] = offset + S coefficients. Where there is one, it would be
    fitted with its noise; y - coefficients / precision is the expectation without it
    (R & W, eq. 5.12).
    """
    coefficients, precision, _ = posterior
    rated = precision > 0
    others = np.divide(coefficients, precision, out=np.zeros_like(targets), where=rated)
    return np.where(rated, targets - others, state.offset + coefficients @ state.covariance)


def _expect(targets: Floats, state: _State) -> _Posterior:
    """Do the E-step: solve each row for its rated columns (R & W, eq. 2.25-2.26)."""
    coefficients, precision = np.zeros_like(targets), np.zeros_like(targets)
    precision_sum = np.zeros_like(state.covariance)
    for row, target in enumerate(targets):
        rated = np.flatnonzero(~np.isnan(target))
        noise = state.row_noise[row] * state.column_noise[rated]
        inverse = np.linalg.inv(state.covariance[np.ix_(rated, rated)] + np.diag(noise))
        coefficients[row, rated] = inverse @ (target[rated] - state.offset[rated])
        precision[row, rated] = np.diag(inverse)
        precision_sum[np.ix_(rated, rated)] += inverse
    return _Posterior(coefficients, precision, precision_sum)


def _maximise(
    targets: Floats, state: _State, posterior: _Posterior, prior: Floats, config: GaussianConfig
) -> _State:
    """Do the M-step: the posterior mode of S, offsets and noise, given the rows' moments.

    With x_i = S coefficients_i and its covariance S - S C_i^-1 S, the sums over rows need only
    the small quantities of `_Posterior`, never a covariance per row.
    """
    covariance, _, row_noise, column_noise = state
    coefficients, precision, precision_sum = posterior
    row_count, column_count = targets.shape
    rated = ~np.isnan(targets)
    noise = np.outer(row_noise, column_noise)
    mean = coefficients @ covariance

    strength = config.prior_strength * column_count
    moments = mean.T @ mean + row_count * covariance
    moments -= covariance @ precision_sum @ covariance
    moments = (strength * prior + moments) / (strength + row_count)

    # The offset's prior is N(0, offset_variance): few ratings leave a column near the mean.
    residual = np.where(rated, targets - mean, 0.0)
    offset = (residual / noise).sum(axis=0) / (
        1.0 / config.offset_variance + (rated / noise).sum(axis=0)
    )

    # E[e^2] = noise^2 (coefficients^2 - precision) + noise at rated cells; each row and each
    # column pools its own with `noise_strength` ratings of the prior.
    squares = np.where(rated, noise**2 * (coefficients**2 - precision) + noise, 0.0)
    weight = config.noise_strength
    row_noise = (weight * config.noise_variance + (squares / column_noise).sum(axis=1)) / (
        weight + rated.sum(axis=1)
    )
    column_noise = (weight + (squares / row_noise[:, None]).sum(axis=0)) / (
        weight + rated.sum(axis=0)
    )
    return _State(moments, offset, row_noise, column_noise / column_noise.mean())
