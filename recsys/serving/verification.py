"""Verification: predictions beside the real ratings of one user.

Flows in: a loaded model, a user, how many of their movies. Flows out: rows of table
`verifications`, appended there if they are to be kept.
"""

import random
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from recsys.data.rows import Rows
from recsys.data.warehouse import Warehouse, open_for_writing
from recsys.errors import NothingToVerifyError
from recsys.serving.scoring import LoadedModel

# Columns of table `verifications`.
COLUMNS = (
    "model_id",
    "verified_at",
    "user_id",
    "movie_id",
    "title",
    "split",
    "actual_rating",
    "predicted_rating",
    "error",
)


def choose_random_user(warehouse: Warehouse, model_id: str, split: str) -> int:
    """Return a user of a model, each with the same chance, who has ratings in this split.

    Raises:
        NothingToVerifyError: nobody has.
    """
    known = warehouse.rows("select_users_in_split", split=split, model_id=model_id)
    if not known:
        raise NothingToVerifyError(None, split)
    return int(random.choice(known)["user_id"])


def verify_user(
    warehouse: Warehouse, model: LoadedModel, user_id: int, count: int, split: str
) -> Rows:
    """Compare predictions with ratings that a user gave.

    Args:
        warehouse: where the ratings are.
        model: the model that predicts.
        user_id: user as the data names it.
        count: how many ratings at most; which ones depends on the split seed alone.
        split: 'train', 'valid' or 'test'.

    Returns:
        Up to `count` rows of table `verifications`, highest rating first, ties by movie_id.

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
    movie_ids = np.array(rated.column("movie_id"))
    predicted = model.predict_ids(np.full(len(rated), user_id), movie_ids)
    now = datetime.now(UTC).replace(tzinfo=None)
    compared = [
        row
        | {
            "model_id": model.stored.model_id,
            "verified_at": now,
            "predicted_rating": float(rating),
            "error": float(rating) - row["actual_rating"],
        }
        for row, rating in zip(rated, predicted, strict=True)
    ]
    compared.sort(key=lambda row: (-row["actual_rating"], row["movie_id"]))
    return Rows.from_records(COLUMNS, compared)


def save_verifications(path: Path, compared: Rows) -> None:
    """Append comparisons to table `verifications` of a warehouse, in one transaction."""
    columns = {name: np.array(compared.column(name)) for name in compared.columns}
    with open_for_writing(path) as warehouse, warehouse.transaction():
        warehouse.append("insert_verifications", "new_verifications", columns)
