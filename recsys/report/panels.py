"""The panels of the report, in the order in which a person asks.

Flows in: `ReportData`. Flows out: panels, each with a comment, pictures and tables, which
`page.py` writes.
"""

from functools import partial

import numpy as np

from recsys.report import commentary_accuracy as accuracy
from recsys.report import commentary_learning as learning
from recsys.report import model_charts
from recsys.report.commentary_accuracy import bucket_label, bucket_rmse
from recsys.report.data import Comment, LearningCurve, ReportData
from recsys.report.movie_map import draw_map, explain_map
from recsys.report.panel import Panel, Table, make_picture
from recsys.report.panels_tuning import tuning_panels

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
        *tuning_panels(data),
    ]


def _funnel(data: ReportData) -> Panel:
    comment = accuracy.explain_funnel(data)
    draw = partial(model_charts.draw_funnel, steps=data.funnel)
    picture = make_picture("funnel", comment, "Bars: how many ratings each filter leaves.", draw)
    return Panel("data", comment, "rating_funnel", (picture,))


def _distribution(data: ReportData) -> Panel:
    comment = accuracy.explain_distribution(data)
    picture = make_picture(
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
    loss = make_picture(
        f"loss-{role}",
        comment,
        f"Lines: train and valid loss of {curve.preset} by epoch.",
        partial(model_charts.draw_losses, curve=curve, top=top),
    )
    error = make_picture(
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
    picture = make_picture(
        "evaluation",
        comment,
        "Points with intervals: RMSE on test of the models and the baselines.",
        partial(model_charts.draw_evaluation, rows=on_test, names=names),
    )
    return Panel("evaluation", comment, "evaluation, predictions", (picture,), (table,))


def _calibration(data: ReportData) -> Panel:
    comment = accuracy.explain_calibration(data)
    picture = make_picture(
        "calibration",
        comment,
        "Points: mean given rating against mean predicted rating, by tenths.",
        partial(model_charts.draw_calibration, rows=data.calibration),
    )
    return Panel("errors", comment, "predictions", (picture,))


def _predictions(data: ReportData) -> Panel:
    comment = accuracy.explain_predictions(data)
    picture = make_picture(
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
    picture = make_picture(
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
    picture = make_picture(
        "movies",
        comment,
        f"Scatter: movies at the first two principal components, coloured by {drawn.kind}.",
        partial(model_charts.draw_movies, drawn=drawn, movies=data.movies.records),
        (8.6, 5.6),
    )
    return Panel("map", comment, "movie_embeddings, movies", (picture,))
