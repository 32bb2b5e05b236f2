"""Commentary on a study: what the search found, what mattered, in which direction.

Flows in: rows of `trials` and importances. Flows out: comments.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys.report.data import Comment
from recsys.tuning.importance import (
    FEWEST_TRIALS,
    GROUPS,
    Importance,
    Importances,
    Trial,
    with_value,
)


@dataclass(frozen=True)
class Transfer:
    """RMSE on test (stars), which no search saw, of the current and of an untuned model."""

    current: float
    untuned: float


def explain_history(
    trials: Sequence[Trial], current_study: str | None = None, transfer: Transfer | None = None
) -> Comment:
    """Say what the search found, when, at what price, and whether the model came of it.

    Args:
        trials: of one study.
        current_study: the study that chose the current model's hyperparameters, if any did.
        transfer: errors of the current model and of one that no study chose, if there are both.
    """
    usable = with_value(trials)
    states = [trial["state"] for trial in trials]
    if not usable:
        return Comment("No trial reached a value", (f"{len(trials)} trials were begun.",))
    best = min(usable, key=lambda trial: (trial["value"], trial["number"]))
    first = usable[0]
    gain = first["value"] - best["value"]
    since = sum(trial["number"] > best["number"] for trial in usable)
    minutes = sum(trial["seconds"] or 0 for trial in trials) / 60
    title = (
        f"The best of {len(usable)} trials is {gain:.4f} stars better than the first"
        if gain > 0
        else f"None of {len(usable) - 1} trials is better than the first"
    )
    late = (
        "It was found in the last fifth of the search: more trials may find better ones."
        if since < len(usable) / 5 and gain > 0
        else f"The {since} trials after it found nothing better."
    )
    median = float(np.median([trial["value"] for trial in usable]))
    return Comment(
        title,
        (
            f"Trial {best['number']} reached a valid RMSE of {best['value']:.4f} stars; trial "
            f"{first['number']} began with the preset's own configuration at "
            f"{first['value']:.4f}, and the median of all is {median:.4f}. {late}",
            f"{states.count('pruned')} of {len(states)} trials were ended early, because after "
            "as many epochs the median of the others was better"
            + (f"; {states.count('failed')} failed" if "failed" in states else "")
            + f". All together took {minutes:.1f} minutes.",
            _describe_outcome(trials[0]["study"], current_study, transfer),
        ),
    )


def _describe_outcome(study: str, current_study: str | None, transfer: Transfer | None) -> str:
    if study == current_study:
        outcome = (
            "The current model has the best configuration of this study: trained again with "
            "several seeds, it beat the model before it by more than seeds and users differ."
        )
        return outcome if transfer is None else f"{outcome} {_describe_transfer(transfer)}"
    return (
        "The current model does not come from this study. A best of many trials is partly lucky: "
        "it takes over only if, trained again with several seeds, it is better by more than "
        "seeds and users differ."
    )


def _describe_transfer(errors: Transfer) -> str:
    """Say whether a gain on valid is one on test as well."""
    gain = errors.untuned - errors.current
    verdict = "carried over" if gain > 0 else "did not carry over"
    return (
        f"On test, which the search never saw, its RMSE is {errors.current:.4f} stars and that of "
        f"the untuned network {errors.untuned:.4f}: the gain {verdict}."
    )


def explain_importance(importances: Importances | None, trial_count: int) -> Comment:
    """Say which hyperparameter mattered and in which direction, with the data."""
    if importances is None:
        return Comment(
            "Too few trials to say what matters",
            (f"There are {trial_count}; from {FEWEST_TRIALS} on they are compared.",),
        )
    caution = (
        "The search tries good regions more often and moves several hyperparameters at once: "
        "this is what goes together, not a controlled experiment."
    )
    real = importances.real
    if not real:
        first = importances.ranked[0]
        return Comment(
            "No hyperparameter mattered more than chance",
            (
                f"The {_words(first.name)} has most importance, {first.strength:.2f} times what "
                "chance alone reaches in one of twenty searches like this one. More trials could "
                "tell more.",
                caution,
            ),
        )
    rest = [_words(one.name) for one in importances.ranked if one not in real]
    sentences = [
        f"The importance of the {_words(one.name)} is {one.strength:.1f} times what chance alone "
        f"reaches. {describe_direction(one)}"
        for one in real
    ]
    if rest:
        sentences.append(f"Not told from chance: {', '.join(rest)}.")
    return Comment(f"What mattered most: {_words(real[0].name)}", (*sentences, caution))


def describe_direction(importance: Importance) -> str:
    """Say where a hyperparameter is best, with the medians that show it."""
    best, worst = importance.best, importance.worst
    return (
        f"{name_direction(importance)}: the median valid RMSE is {best.median:.4f} stars at "
        f"{best.label} ({best.trials} trials) and {worst.median:.4f} at {worst.label} "
        f"({worst.trials})."
    )


def name_direction(importance: Importance) -> str:
    """Return 'Larger is better', 'Smaller is better' or where it is best."""
    medians = [group.median for group in importance.groups]
    is_ordered = importance.is_number and len(medians) == GROUPS
    if is_ordered and medians[0] > medians[1] > medians[2]:
        return "Larger is better"
    if is_ordered and medians[0] < medians[1] < medians[2]:
        return "Smaller is better"
    return f"Best at {importance.best.label}"


def explain_slice(importance: Importance) -> Comment:
    """Say where one hyperparameter is best."""
    name = _words(importance.name).capitalize()
    is_real = importance.strength > 1
    said = name_direction(importance).lower() if is_real else "no more than chance"
    return Comment(f"{name}: {said}", ())


def _words(name: str) -> str:
    return name.replace("_", " ")


def best_so_far(trials: Sequence[Trial]) -> tuple[list[int], list[float]]:
    """Return trial numbers and the lowest value up to each of them."""
    usable = with_value(trials)
    lowest, values = math.inf, []
    for trial in usable:
        lowest = min(lowest, trial["value"])
        values.append(lowest)
    return [trial["number"] for trial in usable], values
