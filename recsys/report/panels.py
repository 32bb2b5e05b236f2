"""The panels of the report, in the order in which a person asks.

Flows in: `ReportData`. Flows out: panels, each with a comment, pictures and tables, which
`page.py` writes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from recsys.report import commentary_accuracy as accuracy
from recsys.report import commentary_learning as learning
from recsys.report import commentary_tuning as tuning
from recsys.report import model_charts, tuning_charts
from recsys.report.canvas import Picture
from recsys.report.commentary_accuracy import bucket_label, bucket_rmse
from recsys.report.data import Comment, LearningCurve, ReportData
from recsys.report.movie_map import draw_map, explain_map
from recsys.tuning.importance import Trial, measure_importance, with_value

# Name and heading of each section.
SECTIONS = {
    "data": "What the model learns from",
    "learning": "How it learnt",
    "evaluation": "How good it is",
    "errors": "Where it errs",
    "examples": "What it says to one person",
    "map": "What it knows about movies",
    "tuning": "What tuning found",
}
_DIMENSIONS = {
    "rating": "rating that was given (stars)",
    "user activity": "train ratings of the user (count), quarters of the users",
    "movie popularity": "train ratings of the movie (count), quarters of the movies",
}
_MOST_SLICES = 3


@dataclass(frozen=True)
class Table:
    """A table for people: columns that are numbers, by name, are aligned right."""

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Panel:
    """One thing that the report shows.

    Args:
        section: name of its section.
        comment: title and sentences.
        relations: tables and views of the warehouse that it is computed from.
        pictures: charts, side by side where there is room.
        tables: below them.
        is_folded: tables are shown only when asked for, because pictures say the same.
        command: what to run for a panel that is not there yet.
    """

    section: str
    comment: Comment
    relations: str
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    is_folded: bool = False
    command: str = ""


def build_panels(data: ReportData) -> list[Panel]:
    """Return every panel of the report, in reading order."""
    return [
        _funnel(data),
        _distribution(data),
        *_teacher(data),
        *_learning(data),
        _evaluation(data),
        _calibration(data),
        _predictions(data),
        *(_buckets(data, dimension) for dimension in _DIMENSIONS),
        _verification(data),
        _recommendations(data),
        _map(data),
        *_tuning(data),
    ]


def _picture(
    name: str,
    comment: Comment,
    description: str,
    draw: Callable[..., None],
    size: tuple[float, float] = (5.6, 3.7),
) -> Picture:
    """Return a picture with a description for those who do not see it."""
    return Picture(name, comment.title, f"{description} {comment.title}.", draw, size)


def _funnel(data: ReportData) -> Panel:
    comment = accuracy.explain_funnel(data)
    draw = partial(model_charts.draw_funnel, steps=data.funnel)
    picture = _picture("funnel", comment, "Bars: how many ratings each filter leaves.", draw)
    return Panel("data", comment, "rating_funnel", (picture,))


def _distribution(data: ReportData) -> Panel:
    comment = accuracy.explain_distribution(data)
    picture = _picture(
        "distribution",
        comment,
        "Bars: share of each rating, in all ratings and in those of the model.",
        partial(model_charts.draw_distribution, rows=data.distribution),
    )
    return Panel("data", comment, "ratings, filtered_ratings", (picture,))


def _teacher(data: ReportData) -> list[Panel]:
    """Show the Gaussian models that were tried as teachers; nothing if there were none."""
    if not data.teacher_models:
        return []
    table = Table(
        "Gaussian models that were tried; RMSE in stars, lower is better. The variance is of a "
        "movie before any rating is seen, as a share of the ratings'",
        ("Gaussian model of", "share in the mean", "EM steps", "valid RMSE"),
        [
            (
                row["name"],
                f"{row['share']:.0%}" if row["share"] else "not taken",
                str(row["steps"]),
                f"{row['valid_rmse']:.4f}",
            )
            for row in data.teacher_models
        ],
        ("share in the mean", "EM steps", "valid RMSE"),
    )
    comment = learning.explain_teacher(data.teacher_models, data.model["valid_rmse"])
    return [Panel("learning", comment, "teacher_models, models", tables=(table,))]


def _learning(data: ReportData) -> list[Panel]:
    """Show the learning curves of the current model and, where it is there, the notebook."""
    losses = np.concatenate([[*curve.train_loss, *curve.valid_loss] for curve in data.curves])
    errors = np.concatenate([[*curve.valid_rmse, *curve.valid_mae] for curve in data.curves])
    top = 1.05 * float(losses[np.isfinite(losses)].max(initial=1e-9))
    finite = errors[np.isfinite(errors)]
    limits = (0.95 * float(finite.min(initial=1.0)), 1.05 * float(finite.max(initial=1e-9)))
    shown = [
        _curve(role, curve, top, limits)
        for role, curve in zip(("current", "reference"), data.curves, strict=False)
    ]
    if data.has_reference:
        together = learning.compare_learning(data)
        return [Panel("learning", together, "training_history, models"), *shown]
    missing = Comment(
        "The notebook network is not here to compare with",
        ("It is a plain network that overfits: beside it, this curve is easier to judge.",),
    )
    command = "train --preset notebook --promote never"
    return [*shown, Panel("learning", missing, "models", command=command)]


def _curve(role: str, curve: LearningCurve, top: float, limits: tuple[float, float]) -> Panel:
    comment = learning.explain_learning(curve)
    loss = _picture(
        f"loss-{role}",
        comment,
        f"Lines: train and valid loss of {curve.preset} by epoch.",
        partial(model_charts.draw_losses, curve=curve, top=top),
    )
    error = _picture(
        f"error-{role}",
        comment,
        f"Lines: valid RMSE and MAE of {curve.preset} by epoch.",
        partial(model_charts.draw_errors, curve=curve, limits=limits),
    )
    return Panel("learning", comment, "training_history", (loss, error))


def _evaluation(data: ReportData) -> Panel:
    """Compare the errors of the models and the baselines, with their intervals."""
    comment = accuracy.explain_evaluation(data)
    names = {
        row["model_id"]: f"{row['preset']}{', current' if row['is_current'] else ''}"
        for row in data.models
    } | {"global-mean": "mean rating", "damped-bias": "damped bias"}
    rows = {(row["model_id"], row["split"]): row for row in data.evaluation}
    on_test = sorted(
        (row for row in data.evaluation if row["split"] == "test"),
        key=lambda row: (row["rmse"], row["model_id"]),
    )
    table = Table(
        "Errors in stars, lower is better; only the test columns compare fairly",
        ("predictor", "train RMSE", "valid RMSE", "test RMSE", "95 % interval", "test MAE"),
        [
            (
                names[row["model_id"]],
                f"{rows[row['model_id'], 'train']['rmse']:.4f}",
                f"{rows[row['model_id'], 'valid']['rmse']:.4f}",
                f"{row['rmse']:.4f}",
                f"{row['rmse_low']:.3f} to {row['rmse_high']:.3f}",
                f"{row['mae']:.4f}",
            )
            for row in on_test
        ],
        ("train RMSE", "valid RMSE", "test RMSE", "test MAE"),
    )
    picture = _picture(
        "evaluation",
        comment,
        "Points with intervals: RMSE on test of the models and the baselines.",
        partial(model_charts.draw_evaluation, rows=on_test, names=names),
    )
    return Panel("evaluation", comment, "evaluation, predictions", (picture,), (table,))


def _calibration(data: ReportData) -> Panel:
    comment = accuracy.explain_calibration(data)
    picture = _picture(
        "calibration",
        comment,
        "Points: mean given rating against mean predicted rating, by tenths.",
        partial(model_charts.draw_calibration, rows=data.calibration),
    )
    return Panel("errors", comment, "predictions", (picture,))


def _predictions(data: ReportData) -> Panel:
    comment = accuracy.explain_predictions(data)
    picture = _picture(
        "predictions",
        comment,
        "Band: what is predicted for each rating that was given.",
        partial(model_charts.draw_predictions, rows=data.buckets_of("rating")),
    )
    return Panel("errors", comment, "predictions", (picture,))


def _buckets(data: ReportData, dimension: str) -> Panel:
    """Show the errors along one dimension, and that they add up."""
    comment = accuracy.explain_buckets(data, dimension)
    rows, total = data.buckets_of(dimension), data.test["squared_error"]
    lines = [(bucket_label(row), row) for row in rows] + [("all", data.test)]
    table = Table(
        f"Test errors by {dimension}; the squares add up to those of all test ratings",
        (dimension, "ratings", "RMSE", "bias", "sum of squares", "share"),
        [
            (
                label,
                f"{row['rating_count']:,}",
                f"{bucket_rmse(row):.4f}",
                f"{row['bias']:+.3f}",
                f"{row['squared_error']:.6f}",
                f"{row['squared_error'] / total:.1%}",
            )
            for label, row in lines
        ],
        ("ratings", "RMSE", "bias", "sum of squares", "share"),
    )
    picture = _picture(
        f"errors-by-{dimension.replace(' ', '-')}",
        comment,
        f"Bars: RMSE on test by {dimension}.",
        partial(
            model_charts.draw_buckets,
            rows=rows,
            rmse=bucket_rmse(data.test),
            label=_DIMENSIONS[dimension],
        ),
    )
    relations = "predictions, split_ratings"
    return Panel("errors", comment, relations, (picture,), (table,), is_folded=True)


def _verification(data: ReportData) -> Panel:
    table = Table(
        f"User {data.user_id}: test ratings, which the model never saw (stars)",
        ("movie", "given", "predicted", "error"),
        [
            (
                row["title"],
                f"{row['actual_rating']:g}",
                f"{row['predicted_rating']:.2f}",
                f"{row['error']:+.2f}",
            )
            for row in data.verification
        ],
        ("given", "predicted", "error"),
    )
    comment = accuracy.explain_verification(data)
    return Panel("examples", comment, "predictions", tables=(table,))


def _recommendations(data: ReportData) -> Panel:
    table = Table(
        f"User {data.user_id}: movies that they have not rated",
        ("by", "rank", "movie", "predicted", "above own mean"),
        [
            (
                row["method"],
                str(row["rank"]),
                row["title"],
                f"{row['predicted_rating']:.2f}",
                "yes" if row["is_confirmed"] else "no",
            )
            for row in data.recommendations
        ],
        ("rank", "predicted"),
    )
    comment = accuracy.explain_recommendations(data)
    return Panel("examples", comment, "recommendations", tables=(table,))


def _map(data: ReportData) -> Panel:
    drawn = draw_map(data.movies)
    comment = explain_map(drawn)
    picture = _picture(
        "movies",
        comment,
        f"Scatter: movies at the first two principal components, coloured by {drawn.kind}.",
        partial(model_charts.draw_movies, drawn=drawn, movies=data.movies.records),
        (8.6, 5.6),
    )
    return Panel("map", comment, "movie_embeddings, movies", (picture,))


def _tuning(data: ReportData) -> list[Panel]:
    """Show the trials, and which hyperparameters mattered; or how to get some."""
    trials = data.trials
    if not with_value(trials):
        missing = Comment("Nothing was tuned yet", ("The model has a preset's own configuration.",))
        return [Panel("tuning", missing, "trials", command="tune --trials 30")]
    untuned = data.untuned
    transfer = tuning.Transfer(bucket_rmse(data.test), untuned["test_rmse"]) if untuned else None
    history = tuning.explain_history(trials, data.lineage["study"], transfer)
    course = _picture(
        "tuning-history",
        history,
        "Points: valid RMSE of each trial; line: the best so far.",
        partial(tuning_charts.draw_history, trials=trials),
    )
    search = Panel("tuning", history, "trials, evaluation", (course,), (_best_trials(trials),))
    importances = measure_importance(trials)
    comment = tuning.explain_importance(importances, len(trials))
    if importances is None:
        return [search, Panel("tuning", comment, "trials")]
    bars = _picture(
        "tuning-importance",
        comment,
        "Bars: how much each hyperparameter separates the better half of the trials from all.",
        partial(tuning_charts.draw_importances, importances=importances),
    )
    slices = [
        _picture(
            f"tuning-{one.name.replace('_', '-')}",
            tuning.explain_slice(one),
            f"Points: valid RMSE of each trial by {one.name}. {tuning.describe_direction(one)}",
            partial(tuning_charts.draw_slice, trials=trials, importance=one),
        )
        for one in (importances.real or importances.ranked)[:_MOST_SLICES]
    ]
    return [search, Panel("tuning", comment, "trials", (bars, *slices))]


def _best_trials(trials: Sequence[Trial]) -> Table:
    best = sorted(with_value(trials), key=lambda trial: (trial["value"], trial["number"]))[:5]
    names = sorted(best[0]["hyperparameters"])
    return Table(
        "The five best trials",
        ("trial", "valid RMSE", "epochs", *(name.replace("_", " ") for name in names)),
        [
            (
                str(trial["number"]),
                f"{trial['value']:.4f}",
                str(trial["epochs"]),
                *(_short(trial["hyperparameters"].get(name, "")) for name in names),
            )
            for trial in best
        ],
        ("trial", "valid RMSE", "epochs"),
    )


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
