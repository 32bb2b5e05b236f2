"""Verification: predictions beside the real ratings of one user.

Flows in: a loaded model, a user, how many of their movies. Flows out: one comparison per
movie, and rows of `verifications` if they are to be kept. Never imports torch.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from recsys.data.warehouse import Warehouse
from recsys.errors import NothingToVerifyError
from recsys.serving.scoring import LoadedModel


@dataclass(frozen=True)
class Verification:
    """One rating beside its prediction; a row of `verifications` (ratings in stars)."""

    model_id: str
    verified_at: datetime
    user_id: int
    movie_id: int
    title: str
    split: str
    actual_rating: float
    predicted_rating: float
    error: float


def choose_random_user(warehouse: Warehouse, model: LoadedModel, split: str) -> int:
    """Return a user, each with the same chance, who has ratings in this split.

    Raises:
        NothingToVerifyError: nobody has.
    """
    known = warehouse.rows("select_users_in_split", split=split, model_id=model.stored.model_id)
    if not known:
        raise NothingToVerifyError(None, split)
    return int(random.choice(known)["user_id"])


def verify_user(
    warehouse: Warehouse, model: LoadedModel, user_id: int, count: int, split: str
) -> list[Verification]:
    """Compare predictions with ratings that a user gave.

    Args:
        warehouse: where the ratings are.
        model: the model that predicts.
        user_id: user as the data names it.
        count: how many ratings at most; which ones depends on the split seed alone.
        split: 'train', 'valid' or 'test'.

    Returns:
        Up to `count` comparisons, highest rating first, ties by movie_id.

    Raises:
        UnknownIdError: the model has never seen this user.
        NothingToVerifyError: the user rated nothing in this split.
    """
    model.stored.users.indices_of(np.array([user_id]))
    rated = warehouse.rows(
        "select_verification_rows",
        user_id=user_id,
        split=split,
        count=count,
        model_id=model.stored.model_id,
    )
    if not rated:
        raise NothingToVerifyError(user_id, split)
    predicted = model.predict_ids(
        np.array([row["user_id"] for row in rated]),
        np.array([row["movie_id"] for row in rated]),
    )
    now = datetime.now(UTC).replace(tzinfo=None)
    compared = [
        Verification(
            model_id=model.stored.model_id,
            verified_at=now,
            **row,
            predicted_rating=float(rating),
            error=float(rating) - row["actual_rating"],
        )
        for row, rating in zip(rated, predicted, strict=True)
    ]
    return sorted(compared, key=lambda one: (-one.actual_rating, one.movie_id))


def save_verifications(warehouse: Warehouse, compared: Sequence[Verification]) -> None:
    """Append comparisons to `verifications`, in one transaction."""
    with warehouse.transaction():
        warehouse.append_records("insert_verifications", "new_verifications", compared)
