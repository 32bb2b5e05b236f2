"""Measure the difference between two sets of predictions, and the order that one gives.

In: errors (predicted − actual, in stars) of test rows, and their users. Out: a paired
bootstrap with users as clusters, and NDCG. RMSE and MAE are those of `recsys.serving.metrics`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from interactions import Vector
from numpy.typing import ArrayLike

Metric = Literal["rmse", "mae"]
RANKED = 10


@dataclass(frozen=True)
class Difference:
    """Metric of a minus metric of b: below zero, a is the more accurate.

    `share_below_zero` is the share of the resamples in which a is.
    """

    metric: Metric
    value: float
    ci_low: float
    ci_high: float
    share_below_zero: float


def paired_bootstrap(
    user_ids: ArrayLike,
    errors_a: Vector,
    errors_b: Vector,
    split_seeds: ArrayLike | None = None,
    *,
    metric: Metric = "rmse",
    resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Bootstrap the difference in a metric between two predictions of the same rows.

    Position i of every array is one test row. What is compared is the mean over split seeds
    of the metric, the figure of the table; without `split_seeds` all rows are one split.

    Ratings of one user are not independent, and one rating is a test row in several splits,
    so the unit that is resampled is the user, drawn once for all splits together (percentile
    interval; Efron and Tibshirani 1993, chapter 13). The interval speaks of other users of
    these movies; it holds the movies and each model's own random seed fixed.

    Raises:
        ValueError: there is no row, or the arrays differ in length.
    """
    users, user = np.unique(np.asarray(user_ids), return_inverse=True)
    seeds, split = np.unique(
        np.zeros(len(user)) if split_seeds is None else np.asarray(split_seeds),
        return_inverse=True,
    )
    if not len(user) == len(split) == len(errors_a) == len(errors_b) > 0:
        raise ValueError("paired_bootstrap needs one user, split and pair of errors a row")

    def per_user(values: Vector) -> Vector:
        """Sum the rows' values per user and split: users × splits."""
        sums = np.zeros((len(users), len(seeds)))
        np.add.at(sums, (user, split), values)
        return sums

    power = 2 if metric == "rmse" else 1
    counts = per_user(np.ones(len(user)))
    loss_a, loss_b = (per_user(np.abs(errors) ** power) for errors in (errors_a, errors_b))

    def difference(weights: Vector) -> Vector:
        """Return the difference for each row of weights (resamples × users)."""
        rows = weights @ counts
        means_a, means_b = (weights @ loss_a) / rows, (weights @ loss_b) / rows
        return np.asarray(np.mean(means_a ** (1 / power) - means_b ** (1 / power), axis=1))

    # A bootstrap resample is how often each user is drawn.
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(len(users), np.full(len(users), 1 / len(users)), resamples)
    drawn = difference(draws.astype(np.float64))
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Difference(
        metric,
        value=float(difference(np.ones((1, len(users))))[0]),
        ci_low=float(low),
        ci_high=float(high),
        share_below_zero=float(np.mean(drawn < 0)),
    )


def ndcg(user_ids: ArrayLike, predicted: Vector, actual: Vector, ranked: int = RANKED) -> float:
    """Return the mean over users of NDCG@`ranked`; the candidates are a user's own rows.

    The gain of a row is its rating in stars, discounted by log2(1 + position) (Järvelin and
    Kekäläinen 2002). Equal predictions share their positions' mean discount, so that a
    constant is worth a random order (McSherry and Najork 2008).
    """
    users = np.asarray(user_ids)
    values = []
    for user in np.unique(users):
        rows = users == user
        stars, score = actual[rows], predicted[rows]
        discount = np.zeros(len(stars))
        places = np.arange(min(ranked, len(stars)))
        discount[places] = 1 / np.log2(places + 2)
        order = np.argsort(-score, kind="stable")
        _, tie, size = np.unique(-score[order], return_inverse=True, return_counts=True)
        shared = (np.bincount(tie, discount) / size)[tie]
        values.append((stars[order] @ shared) / (np.sort(stars)[::-1] @ discount))
    return float(np.mean(values))
