"""The model registry: trained networks as rows of the warehouse.

Flows in: a network as ONNX bytes with its learning curve and embeddings. Flows out: the
current model, ready to serve. Never imports torch. The next file is `scoring.py`.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.data.warehouse import Warehouse
from recsys.data.weights import Ids, NetworkWeights, Vectors, store_weights
from recsys.errors import NoModelError, UnknownIdError
from recsys.launcher import launcher

_log = logging.getLogger(__name__)


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

    user_ids: Ids
    movie_ids: Ids
    residuals: NDArray[np.float64]


@dataclass(frozen=True)
class Parity:
    """How closely a runtime reproduces a network; a row of `parity` (stars)."""

    runtime: str
    reference: str
    pairs: int
    max_abs_difference: float
    tolerance: float


@dataclass(frozen=True)
class NewModel:
    """A trained and exported network that is not in the warehouse yet."""

    model_id: str
    preset: str
    onnx: bytes
    onnx_sha256: str
    data_fingerprint: str
    hyperparameters: dict[str, Any]
    seed: int
    fit_on: str
    parameters: int
    best_epoch: int
    valid_rmse: float
    lowest_rating: float
    highest_rating: float
    training_device: str
    seconds: float
    versions: dict[str, str]
    history: Sequence[EpochRecord]
    teacher_models: Sequence[TeacherModel]
    users: Entities
    movies: Entities
    weights: NetworkWeights
    residuals: Residuals
    parity: Sequence[Parity]
    study: str | None = None


@dataclass(frozen=True)
class StoredModel:
    """The current model as the warehouse holds it; all that serving needs."""

    model_id: str
    onnx: bytes
    data_fingerprint: str
    fit_on: str
    valid_rmse: float
    lowest_rating: float
    highest_rating: float
    users: Entities
    movies: Entities


def store_model(warehouse: Warehouse, model: NewModel) -> StoredModel:
    """Write a model and all that tells of it; it is not current yet."""
    warehouse.run(
        "insert_model",
        model_id=model.model_id,
        preset=model.preset,
        onnx=model.onnx,
        onnx_sha256=model.onnx_sha256,
        data_fingerprint=model.data_fingerprint,
        hyperparameters=json.dumps(model.hyperparameters, sort_keys=True),
        seed=model.seed,
        fit_on=model.fit_on,
        parameters=model.parameters,
        epochs=len(model.history),
        best_epoch=model.best_epoch,
        valid_rmse=model.valid_rmse,
        lowest_rating=model.lowest_rating,
        highest_rating=model.highest_rating,
        training_device=model.training_device,
        seconds=model.seconds,
        versions=json.dumps(model.versions, sort_keys=True),
        study=model.study,
    )
    warehouse.append_records(
        "insert_training_history", "new_history", model.history, model_id=model.model_id
    )
    warehouse.append_records(
        "insert_teacher_models",
        "new_teacher_models",
        model.teacher_models,
        model_id=model.model_id,
    )
    store_parity(warehouse, model.model_id, model.parity)
    store_weights(warehouse, model.model_id, model.users.ids, model.movies.ids, model.weights)
    for entities in (model.users, model.movies):
        _store_embeddings(warehouse, model.model_id, entities)
    _store_uncertainty(warehouse, model)
    return StoredModel(
        model_id=model.model_id,
        onnx=model.onnx,
        data_fingerprint=model.data_fingerprint,
        fit_on=model.fit_on,
        valid_rmse=model.valid_rmse,
        lowest_rating=model.lowest_rating,
        highest_rating=model.highest_rating,
        users=model.users,
        movies=model.movies,
    )


def store_parity(warehouse: Warehouse, model_id: str, comparisons: Sequence[Parity]) -> None:
    """Write how closely runtimes reproduce a model, in place of what was said before."""
    for one in comparisons:
        warehouse.run("delete_parity", model_id=model_id, runtime=one.runtime)
    warehouse.append_records("insert_parity", "new_parity", comparisons, model_id=model_id)


def _store_uncertainty(warehouse: Warehouse, model: NewModel) -> None:
    """Write what view `interval_radii` makes intervals of; its users are stored already."""
    warehouse.append(
        "insert_calibration_residuals",
        "new_residuals",
        {
            "user_id": model.residuals.user_ids,
            "movie_id": model.residuals.movie_ids,
            "residual": model.residuals.residuals,
        },
        model_id=model.model_id,
    )
    warehouse.run("insert_user_spreads", model_id=model.model_id)


def _store_embeddings(warehouse: Warehouse, model_id: str, entities: Entities) -> None:
    count, dimension = entities.embeddings.shape
    warehouse.append(
        f"insert_{entities.kind}_embeddings",
        "new_embeddings",
        {
            "id": np.repeat(entities.ids, dimension),
            "index": np.repeat(np.arange(count), dimension),
            "position": np.tile(np.arange(dimension), count),
            "value": entities.embeddings.ravel(),
        },
        model_id=model_id,
    )


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
    return StoredModel(
        **found[0],
        users=_read_entities(warehouse, found[0]["model_id"], "user"),
        movies=_read_entities(warehouse, found[0]["model_id"], "movie"),
    )


def _read_entities(warehouse: Warehouse, model_id: str, kind: str) -> Entities:
    columns = warehouse.columns(f"select_{kind}_embeddings", model_id=model_id)
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
        _log.warning(
            "Model %s is stale: the data changed since it was trained. Run `%s train`.",
            model.model_id,
            launcher(),
        )


def model_to_serve(warehouse: Warehouse) -> StoredModel:
    """Return the current model, and say so if the data changed since it was trained.

    Raises:
        NoModelError: none is trained yet.
    """
    model = current_model(warehouse)
    warn_if_stale(warehouse, model)
    return model
