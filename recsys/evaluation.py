"""Evaluation: the errors of a model, and of two baselines on the same rows.

Flows in: a loaded model and the view `baseline_predictions`. Flows out: rows of
`evaluation`. Never imports torch.
"""

from dataclasses import dataclass

from recsys.metrics import estimate_errors
from recsys.scoring import LoadedModel
from recsys.warehouse import Warehouse

BASELINES = {"global-mean": "global_mean", "damped-bias": "damped_bias"}


@dataclass(frozen=True)
class Evaluation:
    """One row of `evaluation`."""

    model_id: str
    split: str
    metric: str
    value: float
    ci_low: float
    ci_high: float


def evaluate(warehouse: Warehouse, model: LoadedModel) -> list[Evaluation]:
    """Return RMSE and MAE of the model and the baselines on train, valid and test."""
    rows = warehouse.columns("select_evaluation_rows", model_id=model.stored.model_id)
    predicted = model.scorer.predict(rows["user_index"], rows["movie_index"])
    predictors = {model.stored.model_id: predicted} | {
        name: rows[column] for name, column in BASELINES.items()
    }
    masks = {
        "train": rows["is_train"],
        "valid": rows["is_valid"],
        "test": ~rows["is_train"] & ~rows["is_valid"],
    }
    return [
        Evaluation(name, split, metric, estimate.value, estimate.low, estimate.high)
        for name, prediction in predictors.items()
        for split, mask in masks.items()
        for metric, estimate in estimate_errors(
            prediction[mask], rows["rating"][mask], rows["user_id"][mask]
        ).items()
    ]


def store_evaluation(warehouse: Warehouse, model_id: str, evaluations: list[Evaluation]) -> None:
    """Write the metrics of a model and replace those of the baselines."""
    warehouse.run("delete_evaluation", model_ids=[model_id, *BASELINES])
    warehouse.append_records("insert_evaluation", "new_evaluation", evaluations)
