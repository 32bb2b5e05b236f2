"""The data of the report: all that it shows, read from the warehouse at once.

Flows in: a warehouse, open read-only. Flows out: frozen tables.
"""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from recsys.arrays import Floats, Vectors
from recsys.data.registry import current_model
from recsys.data.warehouse import Warehouse

Record = dict[str, Any]

REFERENCE_PRESET = "notebook"
_RECOMMENDATIONS = 5


class Comment(NamedTuple):
    """What a panel shows, in one line, and the sentences that give the numbers."""

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class LearningCurve:
    """How a model learnt; arrays of shape (epochs,), losses in stars squared.

    Args:
        preset: named configuration of the model.
        model_id: the model.
        is_distilled: whether it started from what a teacher expects.
        kept_epoch: epoch, from 1, whose weights the model has.
    """

    preset: str
    model_id: str
    is_distilled: bool
    kept_epoch: int
    train_loss: Floats
    valid_loss: Floats
    valid_rmse: Floats
    valid_mae: Floats


@dataclass(frozen=True)
class Movies:
    """The movies of the current model, in its order, with what it learnt of each."""

    records: list[Record]
    embeddings: Vectors


@dataclass(frozen=True)
class ReportData:
    """Everything that the report shows; see the queries for grain and units."""

    funnel: list[Record]
    distribution: list[Record]
    models: list[Record]
    teacher_models: list[Record]
    curves: list[LearningCurve]
    evaluation: list[Record]
    paired: list[Record]
    calibration: list[Record]
    buckets: list[Record]
    test: Record
    user_id: int
    verification: list[Record]
    recommendations: list[Record]
    movies: Movies
    trials: list[Record]
    untuned: Record | None
    lineage: Record
    sources: list[Record]

    @property
    def model(self) -> Record:
        """Return the row of the current model."""
        return self.models[0]

    def buckets_of(self, dimension: str) -> list[Record]:
        """Return the errors on test along one dimension."""
        return [row for row in self.buckets if row["dimension"] == dimension]

    @property
    def has_reference(self) -> bool:
        """Say whether the notebook network is there to compare with."""
        return any(curve.preset == REFERENCE_PRESET for curve in self.curves)


def read_report_data(warehouse: Warehouse) -> ReportData:
    """Read all that the report shows.

    Raises:
        NoModelError: there is nothing to report on yet.
    """
    stored = current_model(warehouse)
    models = _records(warehouse, "select_report_models")
    user_id = int(warehouse.row("select_example_user")["user_id"])
    return ReportData(
        funnel=_records(warehouse, "select_rating_funnel"),
        distribution=_records(warehouse, "select_rating_distribution"),
        models=models,
        teacher_models=_records(warehouse, "select_teacher_models", model_id=stored.model_id),
        curves=[_read_curve(warehouse, model) for model in models],
        evaluation=_records(
            warehouse, "select_evaluation", model_ids=[model["model_id"] for model in models]
        ),
        paired=_records(warehouse, "select_paired_errors"),
        calibration=_records(warehouse, "select_calibration"),
        buckets=_records(warehouse, "select_error_buckets"),
        test=warehouse.row("select_test_errors"),
        user_id=user_id,
        verification=_records(warehouse, "select_example_verification", user_id=user_id),
        recommendations=_records(
            warehouse, "select_example_recommendations", user_id=user_id, count=_RECOMMENDATIONS
        ),
        movies=Movies(
            _records(warehouse, "select_described_movies", model_id=stored.model_id),
            stored.movies.embeddings,
        ),
        trials=[
            trial | {"hyperparameters": json.loads(trial["hyperparameters"])}
            for trial in _records(warehouse, "select_trials")
        ],
        untuned=next(iter(_records(warehouse, "select_model_before_tuning")), None),
        lineage=warehouse.row("select_lineage"),
        sources=_records(warehouse, "select_sources"),
    )


def _records(warehouse: Warehouse, query: str, **parameters: object) -> list[Record]:
    return list(warehouse.rows(query, **parameters))


def _read_curve(warehouse: Warehouse, model: Record) -> LearningCurve:
    columns = warehouse.columns("select_training_history", model_id=model["model_id"])
    return LearningCurve(
        preset=model["preset"],
        model_id=model["model_id"],
        is_distilled=bool(model["is_distilled"]),
        kept_epoch=int(model["best_epoch"]),
        train_loss=np.asarray(columns["train_loss"]),
        valid_loss=np.asarray(columns["valid_loss"]),
        valid_rmse=np.asarray(columns["valid_rmse"]),
        valid_mae=np.asarray(columns["valid_mae"]),
    )
