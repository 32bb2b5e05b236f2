"""Batch scoring: predictions and recommendations for everyone, as tables.

Flows in: the current model. Flows out: `predictions`, `recommendations`, what they are
worth in `evaluation`, and the verification of every test row. Memory is bounded by one
batch of users.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recsys.arrays import Indices, Vectors
from recsys.config import RECOMMENDATION_COUNT, RECOMMENDATION_METHODS
from recsys.data.registry import (
    Parity,
    StoredModel,
    current_model,
    find_model,
    promote_model,
    store_parity,
    tolerance_on_scale,
    warn_if_stale,
)
from recsys.data.warehouse import Warehouse, open_for_writing
from recsys.errors import UnknownModelError
from recsys.progress import Progress, no_progress
from recsys.serving.evaluation import evaluate_recommendations, store_evaluation
from recsys.serving.recommendation import Recommendations, load_known_ratings, recommend
from recsys.serving.scoring import LoadedModel, load_scorer

# Pairs that are held in memory at once.
_PAIRS_PER_BATCH = 1_000_000
# SQL computes each pair again; beyond these, the users with the lowest ids stand for all.
_MOST_PAIRS_COMPARED = 200_000
_SQL_TOLERANCE = 1e-4  # for tolerance_on_scale


@dataclass(frozen=True)
class Scoring:
    """What a scoring did."""

    model_id: str
    provider: str
    prediction_count: int


def score_by_current_model(path: Path, device: str, progress: Progress = no_progress) -> Scoring:
    """Replace predictions and recommendations, in one transaction.

    Raises:
        NoModelError: none is trained yet.
        DeviceError: 'cuda' was asked for and cannot be used.
    """
    with open_for_writing(path) as warehouse:
        return _score_by(warehouse, current_model(warehouse), device, progress)


def use_model(path: Path, model_id: str, device: str, progress: Progress = no_progress) -> Scoring:
    """Make another model the current one, with its predictions, in one transaction.

    Raises:
        UnknownModelError: there is no such model.
        DeviceError: 'cuda' was asked for and cannot be used.
    """
    with open_for_writing(path) as warehouse:
        model = find_model(warehouse, model_id)
        if model is None:
            raise UnknownModelError(model_id)
        return _score_by(warehouse, model, device, progress)


def _score_by(warehouse: Warehouse, model: StoredModel, device: str, progress: Progress) -> Scoring:
    """Make a model current, if it is not, together with what it says of everyone."""
    warn_if_stale(warehouse, model)
    loaded = load_scorer(model, device)
    with warehouse.transaction():
        promote_model(warehouse, model.model_id)
        count = score_everyone(warehouse, loaded, progress)
    return Scoring(model.model_id, loaded.scorer.provider, count)


def score_everyone(
    warehouse: Warehouse, model: LoadedModel, progress: Progress = no_progress
) -> int:
    """Replace predictions and recommendations by those of this model.

    Call it inside a transaction: readers then see all of it or nothing.

    Args:
        warehouse: open for writing, with a transaction begun.
        model: the current model.
        progress: told how many users are done.

    Returns:
        How many predictions there are now: every user × every movie of the model.
    """
    stored = model.stored
    warehouse.run("delete_scores")
    warehouse.run("create_known", model_id=stored.model_id)
    known = load_known_ratings(warehouse, stored)

    user_count, movie_count = len(stored.users.ids), len(stored.movies.ids)
    batch = max(1, _PAIRS_PER_BATCH // movie_count)
    with progress("Scoring") as draw:
        for start in range(0, user_count, batch):
            users = np.arange(start, min(start + batch, user_count))
            predicted = model.predict_table(users)
            _insert_predictions(warehouse, stored, users, predicted)
            for method in RECOMMENDATION_METHODS:
                found = recommend(stored, predicted, known, users, method, RECOMMENDATION_COUNT)
                _insert_recommendations(warehouse, stored, found)
            draw(len(users) + start, user_count, "users")

    store_evaluation(warehouse, stored.model_id, evaluate_recommendations(warehouse, stored, known))
    warehouse.run("insert_test_verifications")
    warehouse.run("update_provider", model_id=stored.model_id, provider=model.scorer.provider)
    store_parity(warehouse, stored.model_id, [_compare_with_sql(warehouse, stored)])
    warehouse.check("model")
    return user_count * movie_count


def _compare_with_sql(warehouse: Warehouse, model: StoredModel) -> Parity:
    """Compare what SQL computes from the weights with the predictions just stored."""
    user_count = max(1, _MOST_PAIRS_COMPARED // len(model.movies.ids))
    last_user_id = np.sort(model.users.ids)[:user_count].max()
    compared = warehouse.row("compare_live_predictions", last_user_id=int(last_user_id))
    tolerance = tolerance_on_scale(_SQL_TOLERANCE, model.lowest_rating, model.highest_rating)
    return Parity("sql", "predictions", **compared, tolerance=tolerance)


def _insert_predictions(
    warehouse: Warehouse, stored: StoredModel, users: Indices, predicted: Vectors
) -> None:
    warehouse.append(
        "insert_predictions",
        "new_predictions",
        {
            "user_id": np.repeat(stored.users.ids[users], predicted.shape[1]),
            "movie_id": np.tile(stored.movies.ids, len(users)),
            "predicted_rating": predicted.ravel(),
        },
        model_id=stored.model_id,
    )


def _insert_recommendations(
    warehouse: Warehouse, stored: StoredModel, found: Recommendations
) -> None:
    if len(found.rank) == 0:
        return
    warehouse.append(
        "insert_recommendations",
        "new_recommendations",
        {
            "user_id": stored.users.ids[found.user_index],
            "rank": found.rank,
            "movie_id": stored.movies.ids[found.movie_index],
            "similarity": found.similarity,
            "predicted_rating": found.predicted_rating,
            "is_confirmed": found.is_confirmed,
        },
        model_id=stored.model_id,
        method=found.method,
    )
