"""Evaluation: how good a model predicts and ranks, and baselines on the same rows.

Flows in: a loaded model, the views `baseline_predictions` and `interval_radii`, and what
was recommended. Flows out: rows of `evaluation`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import Floats, Ids, Indices, Mask
from recsys.config import RECOMMENDATION_COUNT
from recsys.data.registry import StoredModel
from recsys.data.warehouse import Warehouse
from recsys.serving.metrics import (
    Estimate,
    Ratio,
    estimate,
    sum_errors,
    sum_intervals,
    sum_rankings,
)
from recsys.serving.recommendation import KnownRatings
from recsys.serving.scoring import LoadedModel

# Name in `evaluation` and column: what predicts ratings, what ranks movies, what recommends.
BASELINES = {"global-mean": "global_mean", "damped-bias": "damped_bias"}
RANKINGS = {"damped-bias": "damped_bias", "popularity": "popularity"}
_RECOMMENDERS = {"damped-bias": "movie_bias", "popularity": "popularity"}
_NAMES = sorted(BASELINES.keys() | RANKINGS.keys())
# The split that recommendations belong to.
UNRATED = "unrated"
_CELLS_PER_BATCH = 4_000_000


@dataclass(frozen=True)
class Evaluation:
    """One row of `evaluation`; a bound is not a number where there is none."""

    model_id: str
    split: str
    metric: str
    value: float
    ci_low: float
    ci_high: float


def evaluate(warehouse: Warehouse, model: LoadedModel) -> list[Evaluation]:
    """Measure the model and the baselines on the known ratings of every split."""
    rows = warehouse.columns("select_evaluation_rows", model_id=model.stored.model_id)
    predicted = model.scorer.predict(rows["user_index"], rows["movie_index"])
    splits = {
        "train": rows["is_train"],
        "valid": rows["is_valid"],
        "test": ~rows["is_train"] & ~rows["is_valid"],
    }
    return [
        one
        for split, mask in splits.items()
        for one in _evaluate_split(
            model.stored,
            split,
            predicted[mask],
            {name: column[mask] for name, column in rows.items()},
        )
    ]


def _evaluate_split(
    model: StoredModel, split: str, predicted: NDArray[np.float32], rows: Mapping[str, Any]
) -> list[Evaluation]:
    _, row_user = np.unique(rows["user_id"], return_inverse=True)
    predictors = {model.model_id: predicted} | {
        name: rows[column] for name, column in BASELINES.items()
    }
    ratios: dict[tuple[str, str], Ratio] = {}

    def keep(name: str, measured: Mapping[str, Ratio]) -> None:
        ratios.update({(name, metric): ratio for metric, ratio in measured.items()})

    for name, prediction in predictors.items():
        keep(name, sum_errors(prediction, rows["rating"], row_user))
    if split != "train":
        lower, upper = bounds_of(predicted, rows["radius"], model)
        actual = rows["rating"].astype(np.float32)
        keep(model.model_id, sum_intervals(lower, upper, actual, row_user))
        # On a scale that goes below zero, the lowest rating is worth nothing.
        gain = rows["rating"] - min(model.lowest_rating, 0.0)
        rankings = {model.model_id: predicted} | {
            name: rows[column] for name, column in RANKINGS.items()
        }
        for name, score in rankings.items():
            keep(name, sum_rankings(score, gain, rows["is_liked"], row_user))
    return _as_rows(split, estimate(ratios))


def bounds_of(
    predicted: NDArray[np.float32], radius: Floats, model: StoredModel
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return lower and upper ends (stars) as in `predictions`, shape of `predicted`."""
    scale = model.lowest_rating, model.highest_rating
    return (
        np.clip(predicted - radius, *scale).astype(np.float32),
        np.clip(predicted + radius, *scale).astype(np.float32),
    )


def evaluate_recommendations(
    warehouse: Warehouse, model: StoredModel, known: KnownRatings
) -> list[Evaluation]:
    """Measure what `recommendations` says by predicted rating, and what baselines would.

    Args:
        warehouse: with the recommendations of this model.
        model: the current model.
        known: the ratings of all its users.

    Returns:
        The share of the movies that are recommended to somebody, without an interval: a
        resample has fewer users, who cover less; and the mean number of train ratings of
        what is recommended, over users and ranks.
    """
    movies = warehouse.columns("select_movie_baselines", model_id=model.model_id)
    found = warehouse.columns("select_recommended_movies")
    recommended = {model.model_id: (found["user_index"], found["movie_index"])} | {
        name: _recommend_best(movies[column], movies["movie_id"], known, len(model.users.ids))
        for name, column in _RECOMMENDERS.items()
    }
    ratios: dict[tuple[str, str], Ratio] = {}
    shares: dict[tuple[str, str], Estimate] = {}
    for name, (users, chosen) in recommended.items():
        count = len(model.users.ids)
        ratios[name, "mean_popularity"] = Ratio(
            np.bincount(users, movies["popularity"][chosen], count),
            np.bincount(users, minlength=count),
        )
        share = len(np.unique(chosen)) / len(model.movies.ids)
        shares[name, "catalogue_coverage"] = Estimate(share, math.nan, math.nan)
    return _as_rows(UNRATED, shares | estimate(ratios))


def _recommend_best(
    score: Floats, movie_ids: Ids, known: KnownRatings, user_count: int
) -> tuple[Indices, Indices]:
    """Return (user, movie) of the best movies that each user has not rated.

    Args:
        score: of each movie, the same for everybody, shape (movies,).
        movie_ids: id of each movie; ties go to the lower one.
        known: the ratings of all users.
        user_count: users of the model.
    """
    order = np.lexsort((movie_ids, -score))
    place = np.argsort(order)
    users, movies = [], []
    batch = max(1, _CELLS_PER_BATCH // len(order))
    for start in range(0, user_count, batch):
        some = np.arange(start, min(start + batch, user_count))
        own, row = known.of_users(some)
        is_open: Mask = np.ones((len(some), len(order)), bool)
        is_open[row, place[own.movie_index]] = False
        is_open &= is_open.cumsum(axis=1) <= RECOMMENDATION_COUNT
        rows, places = np.nonzero(is_open)
        users.append(some[rows])
        movies.append(order[places])
    return np.concatenate(users), np.concatenate(movies)


def _as_rows(split: str, estimates: Mapping[tuple[str, str], Estimate]) -> list[Evaluation]:
    # Threads add in any order: beyond these digits there is nothing to see.
    return [
        Evaluation(name, split, metric, *(round(x, 9) for x in (one.value, one.low, one.high)))
        for (name, metric), one in estimates.items()
    ]


def store_evaluation(
    warehouse: Warehouse, model_id: str, evaluations: Sequence[Evaluation]
) -> None:
    """Write the metrics of a model, and replace those of the baselines, on some splits."""
    splits = sorted({one.split for one in evaluations})
    warehouse.run("delete_evaluation", model_ids=[model_id, *_NAMES], splits=splits)
    warehouse.append_records("insert_evaluation", "new_evaluation", evaluations)
