"""The model registry: trained networks as rows of the warehouse.

Flows in: a network as ONNX bytes with its learning curve and embeddings. Flows out: the
current model, ready to serve. Never imports torch.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recsys.arrays import Floats, Ids, Vectors
from recsys.data.warehouse import Columns, Warehouse
from recsys.data.weights import NetworkWeights, components, store_weights
from recsys.errors import ModelDamagedError, NoModelError, UnknownIdError
from recsys.launcher import launcher

_log = logging.getLogger(__name__)

# The scale of ratings, in stars, for which tolerances are given.
_REACH = 5.0


@dataclass(frozen=True)
class EpochRecord:
    """One row of `training_history`; losses in stars squared, errors in stars."""

    epoch: int
    train_loss: float
    valid_loss: float
    valid_rmse: float
    valid_mae: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class TeacherModel:
    """One row of `teacher_models`: a Gaussian that was tried; its error is in stars."""

    name: str
    share: float
    steps: int
    valid_rmse: float


@dataclass(frozen=True)
class Entities:
    """The users, or the movies, that a model knows.

    Args:
        kind: 'user' or 'movie'.
        ids: id in the data of each row of the model, shape (count,).
        embeddings: what the model learnt, shape (count, dimension).
    """

    kind: str
    ids: Ids
    embeddings: Vectors

    def indices_of(self, ids: Ids) -> Ids:
        """Return the row of each id in this model, shape of `ids`.

        Raises:
            UnknownIdError: the model has never seen one of them.
        """
        order = np.argsort(self.ids)
        position = np.searchsorted(self.ids, ids, sorter=order)
        found = order[np.minimum(position, len(order) - 1)]
        unknown = np.unique(ids[self.ids[found] != ids])
        if len(unknown):
            raise UnknownIdError(
                self.kind,
                unknown.tolist(),
                self.ids[order].tolist(),
                f"{self.kind}_embeddings",
            )
        return found


@dataclass(frozen=True)
class Residuals:
    """Rating minus prediction (stars) of valid rows by a network that never saw them.

    All of shape (rows,).
    """

    user_id: Ids
    movie_id: Ids
    residual: Floats


@dataclass(frozen=True)
class Parity:
    """How closely a runtime reproduces a network; a row of `parity` (stars)."""

    runtime: str
    reference: str
    pairs: int
    max_abs_difference: float
    tolerance: float


def tolerance_on_scale(tolerance: float, lowest_rating: float, highest_rating: float) -> float:
    """Return a tolerance (stars) as it is on a scale of ratings.

    It is given for a scale that reaches to five; on a longer one numbers are less fine.
    """
    return tolerance * (max(abs(lowest_rating), abs(highest_rating), _REACH) / _REACH)


@dataclass(frozen=True)
class StoredModel:
    """What serving needs of a model; its scale and error are in stars."""

    model_id: str
    onnx: bytes
    data_fingerprint: str
    fit_on: str
    valid_rmse: float
    lowest_rating: float
    highest_rating: float
    users: Entities
    movies: Entities


@dataclass(frozen=True, kw_only=True)
class NewModel(StoredModel):
    """A trained and exported network that is not in the warehouse yet."""

    preset: str
    onnx_sha256: str
    hyperparameters: dict[str, Any]
    seed: int
    parameters: int
    best_epoch: int
    training_device: str
    seconds: float
    versions: dict[str, str]
    history: Sequence[EpochRecord]
    teacher_models: Sequence[TeacherModel]
    weights: NetworkWeights
    residuals: Residuals
    parity: Sequence[Parity]
    study: str | None = None


def store_model(warehouse: Warehouse, model: NewModel) -> StoredModel:
    """Write a model and all that tells of it; it is not current yet."""
    model_id = model.model_id
    columns = vars(model) | {
        "hyperparameters": json.dumps(model.hyperparameters, sort_keys=True),
        "versions": json.dumps(model.versions, sort_keys=True),
        "epochs": len(model.history),
    }
    warehouse.run("insert_model", **columns)
    warehouse.append_records(
        "insert_training_history", "new_history", model.history, model_id=model_id
    )
    warehouse.append_records(
        "insert_teacher_models", "new_teacher_models", model.teacher_models, model_id=model_id
    )
    store_parity(warehouse, model_id, model.parity)
    store_weights(warehouse, model_id, model.users.ids, model.movies.ids, model.weights)
    for known in (model.users, model.movies):
        count, dimension = known.embeddings.shape
        embeddings = components(known.ids, known.embeddings)
        embeddings["index"] = np.repeat(np.arange(count), dimension)
        warehouse.append(
            "insert_embeddings", "new_embeddings", embeddings, model_id=model_id, kind=known.kind
        )
    # View interval_radii makes intervals of these two; the second reads the embeddings.
    residuals: Columns = vars(model.residuals)
    warehouse.append("insert_calibration_residuals", "new_residuals", residuals, model_id=model_id)
    warehouse.run("insert_user_spreads", model_id=model_id)
    return model


def store_parity(warehouse: Warehouse, model_id: str, comparisons: Sequence[Parity]) -> None:
    """Write how closely runtimes reproduce a model, in place of what was said before."""
    warehouse.append_records("insert_parity", "new_parity", comparisons, model_id=model_id)


def current_model(warehouse: Warehouse) -> StoredModel:
    """Return the current model.

    Raises:
        NoModelError: none is trained yet.
    """
    model = find_model(warehouse)
    if model is None:
        raise NoModelError(warehouse.path)
    return model


def find_model(warehouse: Warehouse, model_id: str | None = None) -> StoredModel | None:
    """Return one model, or the current one; None if it is not there."""
    found = warehouse.rows("select_model", model_id=model_id)
    if not found:
        return None
    model = found[0]
    if hashlib.sha256(model["onnx"]).hexdigest() != model.pop("onnx_sha256"):
        raise ModelDamagedError(model["model_id"], "its bytes have not the SHA-256 in models")
    users, movies = (
        _read_entities(warehouse, model["model_id"], kind) for kind in ("user", "movie")
    )
    return StoredModel(**model, users=users, movies=movies)


def _read_entities(warehouse: Warehouse, model_id: str, kind: str) -> Entities:
    columns = warehouse.columns("select_embeddings", model_id=model_id, kind=kind)
    dimension = int(columns["position"].max())
    return Entities(
        kind,
        columns["id"][::dimension].astype(np.int64),
        columns["value"].astype(np.float32).reshape(-1, dimension),
    )


def promote_model(warehouse: Warehouse, model_id: str) -> None:
    """Make one model the current one; call it inside a transaction with its scores."""
    warehouse.run("promote_model", model_id=model_id)


def is_trained_on(warehouse: Warehouse, data_fingerprint: str) -> bool:
    """Say whether a model's fingerprint is that of the data as they are now."""
    now = warehouse.row("select_data_facts")["fingerprint"]
    return bool(now == data_fingerprint)


def warn_if_stale(warehouse: Warehouse, model: StoredModel) -> None:
    """Say so if the data changed since the model was trained."""
    if not is_trained_on(warehouse, model.data_fingerprint):
        warn_stale(model.model_id)


def warn_stale(model_id: str) -> None:
    """Say that the data changed since the model was trained."""
    _log.warning(
        "Model %s is stale: the data changed since it was trained. Run `%s train`.",
        model_id,
        launcher(),
    )
