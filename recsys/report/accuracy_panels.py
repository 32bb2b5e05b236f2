"""Exhibits of how good the current model is: errors, examples and the map of movies.

Flows in: the evidence. Flows out: exhibits. The next file is `tuning.py`.
"""

from functools import partial
from typing import Any

from recsys.report import model_charts
from recsys.report.accuracy import (
    bucket_label,
    bucket_rmse,
    explain_buckets,
    explain_calibration,
    explain_evaluation,
    explain_predictions,
    explain_recommendations,
    explain_verification,
)
from recsys.report.data import Evidence
from recsys.report.exhibit import Exhibit, Grid, make_picture
from recsys.report.movie_map import draw_map, explain_map

_DIMENSIONS = {
    "rating": "rating that was given (stars)",
    "user activity": "train ratings of the user (count), quarters of the users",
    "movie popularity": "train ratings of the movie (count), quarters of the movies",
}


def show_evaluation(evidence: Evidence) -> Exhibit:
    """Compare the errors of the models and the baselines, with their intervals."""
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
    picture = make_picture(
        "evaluation",
        finding,
        "Points with intervals: RMSE on test of the models and the baselines.",
        partial(model_charts.draw_evaluation, rows=on_test, names=names),
    )
    return Exhibit(finding, "evaluation, predictions", (picture,), (grid,))


def show_errors(evidence: Evidence) -> tuple[Exhibit, ...]:
    """Show where it errs: calibration, shrinkage, and errors by kind of rating, user and movie."""
    calibration, predictions = explain_calibration(evidence), explain_predictions(evidence)
    by_rating = _rows_of(evidence, "rating")
    return (
        Exhibit(
            calibration,
            "predictions",
            (
                make_picture(
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
                make_picture(
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
    picture = make_picture(
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


def show_examples(evidence: Evidence) -> tuple[Exhibit, ...]:
    """Show one person: predictions beside real ratings, and recommendations."""
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


def show_map(evidence: Evidence) -> Exhibit:
    """Show the movie embeddings in two dimensions."""
    drawn = draw_map(evidence.movies)
    finding = explain_map(drawn)
    picture = make_picture(
        "movies",
        finding,
        f"Scatter: movies at the first two principal components, coloured by {drawn.kind}.",
        partial(model_charts.draw_movies, drawn=drawn, movies=evidence.movies.records),
        (8.6, 5.6),
    )
    return Exhibit(finding, "movie_embeddings, movies", (picture,))


def _rows_of(evidence: Evidence, dimension: str) -> list[dict[str, Any]]:
    return [row for row in evidence.buckets if row["dimension"] == dimension]
