"""How good predictions and rankings are, and how sure we are of that.

Flows in: arrays of predicted and actual ratings. Flows out: numbers. Pure numpy.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

BOOTSTRAP_RESAMPLES = 1_000
RANKING_LENGTH = 10
_RESAMPLES_AT_ONCE = 50
_FEWEST_RANKED = 2

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Numbers = Floats | Ints
Mask = NDArray[np.bool_]
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Estimate:
    """A metric with its 95 % interval, all in the unit of the metric."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Ratio:
    """A metric as one sum over users by another; both of shape (users,).

    Args:
        numerator: what each user adds above the line.
        denominator: what each user adds below it; nothing for users it says nothing of.
        is_root: whether the metric is the square root of the quotient.
    """

    numerator: Numbers
    denominator: Numbers
    is_root: bool = False


def rmse(predicted: Floats, actual: Floats) -> float:
    """Return the root mean squared error (stars) of two arrays of shape (rows,)."""
    difference = np.asarray(predicted, np.float64) - np.asarray(actual, np.float64)
    return float(np.sqrt(np.mean(difference**2)))


def mae(predicted: Floats, actual: Floats) -> float:
    """Return the mean absolute error (stars) of two arrays of shape (rows,)."""
    difference = np.asarray(predicted, np.float64) - np.asarray(actual, np.float64)
    return float(np.mean(np.abs(difference)))


def estimate_errors(
    predicted: Floats, actual: Floats, users: Ints, seed: int = 0
) -> dict[str, Estimate]:
    """Return RMSE and MAE (stars) with their intervals.

    Args:
        predicted: predicted ratings, shape (rows,), stars.
        actual: real ratings, shape (rows,), stars.
        users: user of each row, shape (rows,).
        seed: seed of the draws.
    """
    _, row_user = np.unique(users, return_inverse=True)
    return estimate(sum_errors(predicted, actual, row_user), seed)


def sum_errors(predicted: Floats, actual: Floats, row_user: Ints) -> dict[str, Ratio]:
    """Return 'rmse' and 'mae' as sums per user.

    Args:
        predicted: predicted ratings, shape (rows,), stars.
        actual: real ratings, shape (rows,), stars.
        row_user: user of each row, from 0 and without gaps, shape (rows,).
    """
    difference = np.asarray(predicted, np.float64) - np.asarray(actual, np.float64)
    return {
        "rmse": Ratio(*_mean_of(difference**2, row_user), is_root=True),
        "mae": Ratio(*_mean_of(np.abs(difference), row_user)),
    }


def sum_intervals(lower: Floats, upper: Floats, actual: Floats, row_user: Ints) -> dict[str, Ratio]:
    """Return 'coverage' (share) and 'interval_width' (stars) as sums per user.

    Args:
        lower: lower ends, inclusive, shape (rows,), stars.
        upper: upper ends, inclusive, shape (rows,), stars.
        actual: real ratings, shape (rows,), stars.
        row_user: user of each row, from 0 and without gaps, shape (rows,).
    """
    is_inside = (lower <= actual) & (actual <= upper)
    width = np.asarray(upper, np.float64) - np.asarray(lower, np.float64)
    return {
        "coverage": Ratio(*_mean_of(is_inside, row_user)),
        "interval_width": Ratio(*_mean_of(width, row_user)),
    }


def sum_rankings(
    score: Floats, gain: Floats, is_relevant: Mask, row_user: Ints
) -> dict[str, Ratio]:
    """Return NDCG, precision and recall at RANKING_LENGTH as sums per user.

    Each user's own rows, and no others, are ranked by score, best first; equal scores keep
    the order of the rows. NDCG is linear in the gain, discounted by 1 / log2(1 + rank)
    (Järvelin and Kekäläinen 2002). Precision divides by RANKING_LENGTH, or by the user's
    rows if they are fewer.

    Args:
        score: what to rank by, shape (rows,).
        gain: what a row is worth, not negative, shape (rows,).
        is_relevant: whether it counts as a hit, shape (rows,).
        row_user: user of each row, from 0 and without gaps, shape (rows,).

    Returns:
        'ndcg_10', 'precision_10', 'recall_10', each the sum over users by their number. A
        user with a single row is left out: there is nothing to rank. So is, for NDCG, one
        whose gains are all zero and, for the others, one without a relevant row.
    """
    sizes = np.bincount(row_user)
    # Sorted by user, so that the sizes tell where each one's ranking begins.
    by_score, by_gain = np.lexsort((-score, row_user)), np.lexsort((-gain, row_user))
    ranked_user = row_user[by_score]
    place = np.arange(len(row_user)) - (np.cumsum(sizes) - sizes)[ranked_user]
    is_shown = place < RANKING_LENGTH
    discount = np.where(is_shown, 1 / np.log2(place + 2.0), 0.0)

    reached = np.bincount(ranked_user, gain[by_score] * discount)
    ideal = np.bincount(ranked_user, gain[by_gain] * discount)
    hits = np.bincount(ranked_user, is_relevant[by_score] & is_shown)
    relevant = np.bincount(row_user, is_relevant)
    has_ideal = (sizes >= _FEWEST_RANKED) & (ideal > 0)
    has_relevant = (sizes >= _FEWEST_RANKED) & (relevant > 0)
    return {
        "ndcg_10": _mean_over(has_ideal, reached, ideal),
        "precision_10": _mean_over(has_relevant, hits, np.minimum(sizes, RANKING_LENGTH)),
        "recall_10": _mean_over(has_relevant, hits, relevant),
    }


def estimate(ratios: Mapping[Name, Ratio], seed: int = 0) -> dict[Name, Estimate]:
    """Return metrics with percentile intervals from one bootstrap over users.

    Whole users are drawn with replacement, because ratings of one user err together
    (Efron and Tibshirani 1993, chapter 8; cluster bootstrap: Field and Welsh 2007). All
    metrics see the same draws.

    Args:
        ratios: metrics over the same users, in the same order.
        seed: seed of the draws.

    Returns:
        Those metrics that say something of at least one user.
    """
    told = {name: ratio for name, ratio in ratios.items() if ratio.denominator.any()}
    if not told:
        return {}
    # Sums per user: a resample is then a weighting of users, not a copy of rows.
    above = np.column_stack([ratio.numerator for ratio in told.values()])
    below = np.column_stack([ratio.denominator for ratio in told.values()])
    with np.errstate(invalid="ignore"):  # a draw of users that it says nothing of
        drawn = [(draw @ above) / (draw @ below) for draw in _draw_users(len(above), seed)]
    values = above.sum(axis=0) / below.sum(axis=0)
    low, high = np.nanquantile(np.concatenate(drawn), [0.025, 0.975], axis=0)
    return {
        name: _rooted(column, ratio.is_root)
        for (name, ratio), *column in zip(told.items(), values, low, high, strict=True)
    }


def paired_gain(model: Ratio, baseline: Ratio, seed: int = 0) -> Estimate:
    """Return by how much a metric of the model is lower than the baseline's, with its interval.

    Both are judged on the same draws of users, those of `estimate`.

    Args:
        model: the metric over users, each with something below the line.
        baseline: the same metric over the same users, in the same order.
        seed: seed of the draws.
    """
    users = len(model.numerator)
    draws = np.vstack([np.ones(users, int), *_draw_users(users, seed)])  # the first is everybody

    def values(ratio: Ratio) -> NDArray[np.float64]:
        quotient: NDArray[np.float64] = (draws @ ratio.numerator) / (draws @ ratio.denominator)
        return np.sqrt(quotient) if ratio.is_root else quotient

    gain, *drawn = values(baseline) - values(model)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(gain), float(low), float(high))


def _draw_users(count: int, seed: int) -> Iterator[Ints]:
    """Yield how often each user is in each of some resamples, shape (_RESAMPLES_AT_ONCE, users)."""
    generator = np.random.default_rng(seed)
    even = np.full(count, 1 / count)
    for _ in range(BOOTSTRAP_RESAMPLES // _RESAMPLES_AT_ONCE):
        yield generator.multinomial(count, even, size=_RESAMPLES_AT_ONCE)


def _mean_of(values: NDArray[np.generic], row_user: Ints) -> tuple[Numbers, Numbers]:
    """Return the sum of the values of each user, and their number."""
    return np.bincount(row_user, values), np.bincount(row_user)


def _mean_over(is_counted: Mask, above: Numbers, below: Numbers) -> Ratio:
    """Return the mean of a quotient over the users that are counted."""
    quotient = np.divide(above, below, out=np.zeros(len(above)), where=is_counted)
    return Ratio(quotient, is_counted.astype(np.int64))


def _rooted(values: list[np.float64], is_root: bool) -> Estimate:
    return Estimate(*(float(np.sqrt(value) if is_root else value) for value in values))
