"""Exhibits of what tuning tried and found.

Flows in: the evidence. Flows out: exhibits. The next file is `sections.py`, which arranges all
of them.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from recsys.report import tuning_charts
from recsys.report.accuracy import bucket_rmse
from recsys.report.data import Evidence, Finding
from recsys.report.exhibit import Exhibit, Grid, make_picture
from recsys.report.importance import measure_importance, measured
from recsys.report.tuning import (
    Transfer,
    describe_direction,
    explain_history,
    explain_importance,
    name_direction,
)

_SLICES = 3


def show_tuning(evidence: Evidence) -> tuple[Exhibit, ...]:
    """Show the trials, and which hyperparameters mattered; or how to get some."""
    trials = evidence.trials
    if not measured(trials):
        missing = Finding("Nothing was tuned yet", ("The model has a preset's own configuration.",))
        return (Exhibit(missing, "trials", command="tune --trials 30"),)
    untuned = evidence.untuned
    transfer = Transfer(bucket_rmse(evidence.test), untuned["test_rmse"]) if untuned else None
    history = explain_history(trials, evidence.lineage["study"], transfer)
    importances = measure_importance(trials)
    importance = explain_importance(importances, len(trials))
    course = make_picture(
        "tuning-history",
        history,
        "Points: valid RMSE of each trial; line: the best so far.",
        partial(tuning_charts.draw_history, trials=trials),
    )
    search = Exhibit(history, "trials, evaluation", (course,), (_list_best(trials),))
    if importances is None:
        return search, Exhibit(importance, "trials")
    bars = make_picture(
        "tuning-importance",
        importance,
        "Bars: share of the differences between trials that goes with each hyperparameter.",
        partial(tuning_charts.draw_importances, importances=importances),
    )
    shown = (importances.real or importances.ranked)[:_SLICES]
    slices = [
        make_picture(
            f"tuning-{one.name.replace('_', '-')}",
            Finding(
                f"{one.name.replace('_', ' ').capitalize()}: {name_direction(one).lower()}", ()
            ),
            f"Points: valid RMSE of each trial by {one.name}. {describe_direction(one)}",
            partial(tuning_charts.draw_slice, trials=trials, importance=one),
        )
        for one in shown
    ]
    return search, Exhibit(importance, "trials", (bars, *slices))


def _list_best(trials: Sequence[Mapping[str, Any]]) -> Grid:
    best = sorted(measured(trials), key=lambda trial: (trial["value"], trial["number"]))[:5]
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


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
