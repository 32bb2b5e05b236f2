"""The panels of a study: how the search went, and what mattered."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from recsys.report import commentary_tuning as tuning
from recsys.report import tuning_charts
from recsys.report.commentary_accuracy import bucket_rmse
from recsys.report.data import Comment, ReportData
from recsys.report.panel import Panel, Table, make_picture
from recsys.tuning.importance import Trial, measure_importance, with_value

_MOST_SLICES = 3


def tuning_panels(data: ReportData) -> list[Panel]:
    """Show the trials, and which hyperparameters mattered; or how to get some."""
    trials = data.trials
    if not with_value(trials):
        missing = Comment("Nothing was tuned yet", ("The model has a preset's own configuration.",))
        return [Panel("tuning", missing, "trials", command="tune --trials 30")]
    untuned = data.untuned
    transfer = tuning.Transfer(bucket_rmse(data.test), untuned["test_rmse"]) if untuned else None
    history = tuning.explain_history(trials, data.lineage["study"], transfer)
    course = make_picture(
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
    bars = make_picture(
        "tuning-importance",
        comment,
        "Bars: how much each hyperparameter separates the better half of the trials from all.",
        partial(tuning_charts.draw_importances, importances=importances),
    )
    slices = [
        make_picture(
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
