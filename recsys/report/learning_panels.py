"""Exhibits of what the current model learnt from, and how it learnt.

Flows in: the evidence. Flows out: exhibits. The next file is `accuracy.py`.
"""

from functools import partial

import numpy as np

from recsys.report import model_charts
from recsys.report.accuracy import explain_distribution, explain_funnel
from recsys.report.data import Evidence, Finding, LearningCurve
from recsys.report.exhibit import Exhibit, Grid, make_picture
from recsys.report.learning import compare_learning, explain_learning
from recsys.report.teaching import explain_teacher


def show_data(evidence: Evidence) -> tuple[Exhibit, ...]:
    """Show what the filters leave, and how the ratings that are left differ from all."""
    funnel, distribution = explain_funnel(evidence), explain_distribution(evidence)
    return (
        Exhibit(
            funnel,
            "rating_funnel",
            (
                make_picture(
                    "funnel",
                    funnel,
                    "Bars: how many ratings each filter leaves.",
                    partial(model_charts.draw_funnel, steps=evidence.funnel),
                ),
            ),
        ),
        Exhibit(
            distribution,
            "ratings, filtered_ratings",
            (
                make_picture(
                    "distribution",
                    distribution,
                    "Bars: share of each rating, in all ratings and in those of the model.",
                    partial(model_charts.draw_distribution, rows=evidence.distribution),
                ),
            ),
        ),
    )


def show_teacher(evidence: Evidence) -> tuple[Exhibit, ...]:
    """Show the Gaussian models that were tried as teachers; nothing if there were none."""
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


def show_learning(evidence: Evidence) -> tuple[Exhibit, ...]:
    """Show the learning curves of the current model and, where it is there, the notebook."""
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
            make_picture(
                f"loss-{role}",
                finding,
                f"Lines: train and valid loss of {curve.preset} by epoch.",
                partial(model_charts.draw_losses, curve=curve, top=top),
            ),
            make_picture(
                f"error-{role}",
                finding,
                f"Lines: valid RMSE and MAE of {curve.preset} by epoch.",
                partial(model_charts.draw_errors, curve=curve, limits=limits),
            ),
        ),
    )
