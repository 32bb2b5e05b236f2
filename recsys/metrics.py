"""How far predictions are from ratings, and how sure we are of that.

Flows in: arrays of predicted and actual ratings. Flows out: numbers. Pure numpy. The next
file is `training.py`, which reports them per epoch, and `evaluation.py`, which stores them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BOOTSTRAP_RESAMPLES = 1_000
_RESAMPLES_AT_ONCE = 50

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Estimate:
    """A metric with its 95 % interval, all in the unit of the metric."""

    value: float
    low: float
    high: float


def rmse(predicted: Floats, actual: Floats) -> float:
    """Return the root mean squared error (stars) of two arrays of shape (rows,)."""
    difference = np.asarray(predicted, np.float64) - np.asarray(actual, np.float64)
    return float(np.sqrt(np.mean(difference**2)))


def mae(predicted: Floats, actual: Floats) -> float:
    """Return the mean absolute error (stars) of two arrays of shape (rows,)."""
    difference = np.asarray(predicted, np.float64) - np.asarray(actual, np.float64)
    return float(np.mean(np.abs(difference)))


def estimate_errors(
    predicted: Floats, actual: Floats, users: NDArray[np.integer], seed: int = 0
) -> dict[str, Estimate]:
    """Return RMSE and MAE with percentile intervals from a bootstrap over users.

    Whole users are drawn with replacement, because ratings of one user err together
    (Efron and Tibshirani 1993, chapter 8; cluster bootstrap: Field and Welsh 2007).

    Args:
        predicted: predicted ratings, shape (rows,), stars.
        actual: real ratings, shape (rows,), stars.
        users: user of each row, shape (rows,).
        seed: seed of the draws.

    Returns:
        'rmse' and 'mae' (stars).
    """
    difference = np.asarray(predicted, np.float64) - np.asarray(actual, np.float64)
    names, row_user = np.unique(users, return_inverse=True)
    # Sums per user: a resample is then a weighting of users, not a copy of rows.
    counts = np.bincount(row_user).astype(np.float64)
    squares = np.bincount(row_user, difference**2)
    absolutes = np.bincount(row_user, np.abs(difference))

    generator = np.random.default_rng(seed)
    even = np.full(len(names), 1 / len(names))
    drawn_rmse, drawn_mae = [], []
    for _ in range(BOOTSTRAP_RESAMPLES // _RESAMPLES_AT_ONCE):
        weights = generator.multinomial(len(names), even, size=_RESAMPLES_AT_ONCE)
        rows = weights @ counts
        drawn_rmse.append(np.sqrt(weights @ squares / rows))
        drawn_mae.append(weights @ absolutes / rows)
    return {
        "rmse": _estimate(rmse(predicted, actual), np.concatenate(drawn_rmse)),
        "mae": _estimate(mae(predicted, actual), np.concatenate(drawn_mae)),
    }


def _estimate(value: float, drawn: Floats) -> Estimate:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value, float(low), float(high))
