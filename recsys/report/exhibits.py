"""The exhibits of the report: for each question a finding, its pictures and its tables.

Flows in: the evidence. Flows out: sections in the order in which a person asks. The next file
is `page.py`, which makes a page of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from recsys.findings.accuracy import (
    bucket_label,
    bucket_rmse,
    explain_buckets,
    explain_calibration,
    explain_distribution,
    explain_evaluation,
    explain_funnel,
    explain_predictions,
    explain_recommendations,
    explain_verification,
)
from recsys.findings.evidence import Evidence, Finding, LearningCurve
from recsys.findings.learning import compare_learning, explain_learning
from recsys.findings.movie_map import draw_map, explain_map
from recsys.findings.teaching import explain_teacher
from recsys.findings.tuning import (
    Transfer,
    describe_direction,
    explain_history,
    explain_importance,
    measure_importance,
    name_direction,
)
from recsys.plots import model_charts, tuning_charts
from recsys.plots.canvas import Picture

_SLICES = 3
_DIMENSIONS = {
    "rating": "rating that was given (stars)",
    "user activity": "train ratings of the user (count), quarters of the users",
    "movie popularity": "train ratings of the movie (count), quarters of the movies",
}


@dataclass(frozen=True)
class Grid:
    """A table for people: columns that are numbers, by name, are aligned right."""

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Exhibit:
    """One finding with what shows it.

    Args:
        finding: title and sentences.
        relations: tables and views of the warehouse that it is computed from.
        pictures: charts, side by side where there is room.
        grids: tables.
        is_folded: tables are shown only when asked for, because pictures say the same.
        command: what to run for an exhibit that is not there yet.
    """

    finding: Finding
    relations: str
    pictures: tuple[Picture, ...] = ()
    grids: tuple[Grid, ...] = ()
    is_folded: bool = False
    command: str = ""


@dataclass(frozen=True)
class Section:
    """Exhibits that answer one question."""

    name: str
    heading: str
    exhibits: tuple[Exhibit, ...]


def arrange(evidence: Evidence) -> list[Section]:
    """Return every section of the report, in reading order."""
    return [
        Section("data", "What the model learns from", _show_data(evidence)),
        Section("learning", "How it learnt", (*_show_teacher(evidence), *_show_learning(evidence))),
        Section("evaluation", "How good it is", (_show_evaluation(evidence),)),
        Section("errors", "Where it errs", _show_errors(evidence)),
        Section("examples", "What it says to one person", _show_examples(evidence)),
        Section("map", "What it knows about movies", (_show_map(evidence),)),
        Section("tuning", "What tuning found", _show_tuning(evidence)),
    ]


def _show_data(evidence: Evidence) -> tuple[Exhibit, ...]:
    funnel, distribution = explain_funnel(evidence), explain_distribution(evidence)
    return (
        Exhibit(
            funnel,
            "rating_funnel",
            (
                _picture(
                    "funnel",
                    funnel,
                    "Bars: how many ratings each filter leaves.",
                    partial(model_charts.draw_funnel, steps=evidence.funnel.records()),
                ),
            ),
        ),
        Exhibit(
            distribution,
            "ratings, filtered_ratings",
            (
                _picture(
                    "distribution",
                    distribution,
                    "Bars: share of each rating, in all ratings and in those of the model.",
                    partial(model_charts.draw_distribution, rows=evidence.distribution),
                ),
            ),
        ),
    )


def _show_teacher(evidence: Evidence) -> tuple[Exhibit, ...]:
    models = evidence.teacher_models
    if not models:
        return ()
    grid = Grid(
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
            for row in models
        ],
        frozenset({"share in the mean", "EM steps", "valid RMSE"}),
    )
    finding = explain_teacher(models, evidence.model["valid_rmse"])
    return (Exhibit(finding, "teacher_models, models", grids=(grid,)),)


def _show_learning(evidence: Evidence) -> tuple[Exhibit, ...]:
    curves = evidence.curves
    losses = np.concatenate([[*curve.train_loss, *curve.valid_loss] for curve in curves])
    errors = np.concatenate([[*curve.valid_rmse, *curve.valid_mae] for curve in curves])
    top = 1.05 * float(losses[np.isfinite(losses)].max(initial=1e-9))
    finite = errors[np.isfinite(errors)]
    limits = (0.95 * float(finite.min(initial=1.0)), 1.05 * float(finite.max(initial=1e-9)))
    roles = ("current", "reference")
    shown = [
        _show_curve(role, curve, top, limits) for role, curve in zip(roles, curves, strict=False)
    ]
    if evidence.has_reference:
        return (Exhibit(compare_learning(evidence), "training_history, models"), *shown)
    missing = Finding(
        "The notebook network is not here to compare with",
        ("It is a plain network that overfits: beside it, this curve is easier to judge.",),
    )
    return (
        *shown,
        Exhibit(missing, "models", command="train --preset notebook --promote never"),
    )


def _show_curve(
    role: str, curve: LearningCurve, top: float, limits: tuple[float, float]
) -> Exhibit:
    finding = explain_learning(curve)
    return Exhibit(
        finding,
        "training_history",
        (
            _picture(
                f"loss-{role}",
                finding,
                f"Lines: train and valid loss of {curve.preset} by epoch.",
                partial(model_charts.draw_losses, curve=curve, top=top),
            ),
            _picture(
                f"error-{role}",
                finding,
                f"Lines: valid RMSE and MAE of {curve.preset} by epoch.",
                partial(model_charts.draw_errors, curve=curve, limits=limits),
            ),
        ),
    )


def _show_evaluation(evidence: Evidence) -> Exhibit:
    finding = explain_evaluation(evidence)
    names = {
        row["model_id"]: f"{row['preset']}{', current' if row['is_current'] else ''}"
        for row in evidence.models
    } | {"global-mean": "mean rating", "damped-bias": "damped bias"}
    rows = {(row["model_id"], row["split"]): row for row in evidence.evaluation}
    on_test = sorted(
        (row for row in evidence.evaluation if row["split"] == "test"),
        key=lambda row: (row["rmse"], row["model_id"]),
    )
    grid = Grid(
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
        frozenset({"train RMSE", "valid RMSE", "test RMSE", "test MAE"}),
    )
    picture = _picture(
        "evaluation",
        finding,
        "Points with intervals: RMSE on test of the models and the baselines.",
        partial(model_charts.draw_evaluation, rows=on_test, names=names),
    )
    return Exhibit(finding, "evaluation, predictions", (picture,), (grid,))


def _show_errors(evidence: Evidence) -> tuple[Exhibit, ...]:
    calibration, predictions = explain_calibration(evidence), explain_predictions(evidence)
    by_rating = _rows_of(evidence, "rating")
    return (
        Exhibit(
            calibration,
            "predictions",
            (
                _picture(
                    "calibration",
                    calibration,
                    "Points: mean given rating against mean predicted rating, by tenths.",
                    partial(model_charts.draw_calibration, rows=evidence.calibration),
                ),
            ),
        ),
        Exhibit(
            predictions,
            "predictions",
            (
                _picture(
                    "predictions",
                    predictions,
                    "Band: what is predicted for each rating that was given.",
                    partial(model_charts.draw_predictions, rows=by_rating),
                ),
            ),
        ),
        *(_show_buckets(evidence, dimension) for dimension in _DIMENSIONS),
    )


def _show_buckets(evidence: Evidence, dimension: str) -> Exhibit:
    finding = explain_buckets(evidence, dimension)
    rows = _rows_of(evidence, dimension)
    total = evidence.test["squared_error"]
    grid = Grid(
        f"Test errors by {dimension}; the squares add up to those of all test ratings",
        (dimension, "ratings", "RMSE", "bias", "sum of squares", "share"),
        [
            (
                bucket_label(row),
                f"{row['rating_count']:,}",
                f"{bucket_rmse(row):.4f}",
                f"{row['bias']:+.3f}",
                f"{row['squared_error']:.6f}",
                f"{row['squared_error'] / total:.1%}",
            )
            for row in rows
        ]
        + [
            (
                "all",
                f"{evidence.test['rating_count']:,}",
                f"{bucket_rmse(evidence.test):.4f}",
                f"{evidence.test['bias']:+.3f}",
                f"{total:.6f}",
                "100.0%",
            )
        ],
        frozenset({"ratings", "RMSE", "bias", "sum of squares", "share"}),
    )
    picture = _picture(
        f"errors-by-{dimension.replace(' ', '-')}",
        finding,
        f"Bars: RMSE on test by {dimension}.",
        partial(
            model_charts.draw_buckets,
            rows=rows,
            rmse=bucket_rmse(evidence.test),
            label=_DIMENSIONS[dimension],
        ),
    )
    return Exhibit(finding, "predictions, split_ratings", (picture,), (grid,), is_folded=True)


def _show_examples(evidence: Evidence) -> tuple[Exhibit, ...]:
    verified = Grid(
        f"User {evidence.user_id}: test ratings, which the model never saw (stars)",
        ("movie", "given", "predicted", "error"),
        [
            (
                row["title"],
                f"{row['actual_rating']:g}",
                f"{row['predicted_rating']:.2f}",
                f"{row['error']:+.2f}",
            )
            for row in evidence.verification
        ],
        frozenset({"given", "predicted", "error"}),
    )
    recommended = Grid(
        f"User {evidence.user_id}: movies that they have not rated",
        ("by", "rank", "movie", "predicted", "above own mean"),
        [
            (
                row["method"],
                str(row["rank"]),
                row["title"],
                f"{row['predicted_rating']:.2f}",
                "yes" if row["is_confirmed"] else "no",
            )
            for row in evidence.recommendations
        ],
        frozenset({"rank", "predicted"}),
    )
    return (
        Exhibit(explain_verification(evidence), "predictions", grids=(verified,)),
        Exhibit(explain_recommendations(evidence), "recommendations", grids=(recommended,)),
    )


def _show_map(evidence: Evidence) -> Exhibit:
    drawn = draw_map(evidence.movies)
    finding = explain_map(drawn)
    picture = _picture(
        "movies",
        finding,
        f"Scatter: movies at the first two principal components, coloured by {drawn.kind}.",
        partial(model_charts.draw_movies, drawn=drawn, movies=evidence.movies.records),
        (8.6, 5.6),
    )
    return Exhibit(finding, "movie_embeddings, movies", (picture,))


def _show_tuning(evidence: Evidence) -> tuple[Exhibit, ...]:
    trials = evidence.trials
    if not any(trial["value"] is not None for trial in trials):
        missing = Finding("Nothing was tuned yet", ("The model has a preset's own configuration.",))
        return (Exhibit(missing, "trials", command="tune --trials 30"),)
    untuned = evidence.untuned
    transfer = Transfer(bucket_rmse(evidence.test), untuned["test_rmse"]) if untuned else None
    history = explain_history(trials, evidence.lineage["study"], transfer)
    importances = measure_importance(trials)
    importance = explain_importance(importances, len(trials))
    pictures = [
        _picture(
            "tuning-history",
            history,
            "Points: valid RMSE of each trial; line: the best so far.",
            partial(tuning_charts.draw_history, trials=trials),
        )
    ]
    exhibits = [Exhibit(history, "trials, evaluation", tuple(pictures), (_list_best(trials),))]
    if importances is None:
        return (*exhibits, Exhibit(importance, "trials"))
    bars = _picture(
        "tuning-importance",
        importance,
        "Bars: share of the differences between trials that goes with each hyperparameter.",
        partial(tuning_charts.draw_importances, importances=importances),
    )
    shown = (importances.real or importances.ranked)[:_SLICES]
    slices = [
        _picture(
            f"tuning-{one.name.replace('_', '-')}",
            Finding(
                f"{one.name.replace('_', ' ').capitalize()}: {name_direction(one).lower()}", ()
            ),
            f"Points: valid RMSE of each trial by {one.name}. {describe_direction(one)}",
            partial(tuning_charts.draw_slice, trials=trials, importance=one),
        )
        for one in shown
    ]
    return (*exhibits, Exhibit(importance, "trials", (bars, *slices)))


def _list_best(trials: Sequence[Mapping[str, Any]]) -> Grid:
    best = sorted(
        (trial for trial in trials if trial["value"] is not None),
        key=lambda trial: (trial["value"], trial["number"]),
    )[:5]
    names = sorted(best[0]["hyperparameters"])
    return Grid(
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
        frozenset({"trial", "valid RMSE", "epochs"}),
    )


def _rows_of(evidence: Evidence, dimension: str) -> list[dict[str, Any]]:
    return [row for row in evidence.buckets if row["dimension"] == dimension]


def _picture(
    name: str,
    finding: Finding,
    description: str,
    draw: Callable[..., None],
    size: tuple[float, float] = (5.6, 3.7),
) -> Picture:
    return Picture(name, finding.title, f"{description} {finding.title}.", draw, size)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
