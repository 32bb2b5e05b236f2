"""What the trials of a study say: which hyperparameter mattered, and in which direction.

Flows in: records of `trials`. Flows out: importances with the level that chance reaches, and
findings. Pure numpy: the report needs no Optuna. The next file is `movie_map.py`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.findings.evidence import Finding

Trial = Mapping[str, Any]
Floats = NDArray[np.float64]

_FEWEST_TRIALS = 8
_PERMUTATIONS = 500
_CHANCE = 0.95
_SMALLEST_GROUP = 2
_GROUPS = 3


@dataclass(frozen=True)
class Group:
    """Trials that are alike in one hyperparameter.

    Args:
        label: '0.01 to 0.2', or the word that they share.
        trials: how many there are.
        median: of their valid RMSE (stars).
    """

    label: str
    trials: int
    median: float


@dataclass(frozen=True)
class Importance:
    """How much of the differences between trials goes with one hyperparameter.

    Args:
        name: the hyperparameter.
        share: of the variation of the trials' ranks, 0 to 1.
        groups: in order of the value.
    """

    name: str
    share: float
    groups: tuple[Group, ...]

    @property
    def best(self) -> Group:
        """Return the group with the lowest median."""
        return min(self.groups, key=lambda group: group.median)

    @property
    def worst(self) -> Group:
        """Return the group with the highest median."""
        return max(self.groups, key=lambda group: group.median)


@dataclass(frozen=True)
class Importances:
    """The hyperparameters, most important first, and the share that chance alone reaches."""

    ranked: tuple[Importance, ...]
    chance: float

    @property
    def real(self) -> tuple[Importance, ...]:
        """Return those that matter more than chance."""
        return tuple(one for one in self.ranked if one.share > self.chance)


def measured(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that reached a value, pruned ones included."""
    return [trial for trial in trials if trial["value"] is not None]


def measure_importance(trials: Sequence[Trial], seed: int = 0) -> Importances | None:
    """Measure how much each hyperparameter alone explains; None for too few trials.

    Trials are cut into thirds by the value of a hyperparameter (words are groups as they
    are), and the share is epsilon squared (Kelley 1935), the variance between groups less
    what as many groups have by chance, over ranks of the valid RMSE: a trial that failed
    badly counts no more than one that came last. The chance level is the 95 % quantile of the
    largest share over all hyperparameters when values are dealt to trials at random (the
    maximum-statistic permutation test of Westfall and Young 1993), so that one look at many
    bars does not find something every time.
    """
    usable = measured(trials)
    names = sorted({name for trial in usable for name in trial["hyperparameters"]})
    usable = [trial for trial in usable if len(trial["hyperparameters"]) == len(names)]
    if len(usable) < _FEWEST_TRIALS:
        return None
    values = np.array([trial["value"] for trial in usable], float)
    ranks = _ranks(values)
    labelled = {
        name: _group([trial["hyperparameters"][name] for trial in usable]) for name in names
    }
    members = {name: groups for name, (groups, _) in labelled.items()}
    generator = np.random.default_rng(seed)
    chances = [
        max(_share(shuffled, groups) for groups in members.values())
        for shuffled in (generator.permutation(ranks) for _ in range(_PERMUTATIONS))
    ]
    found = [
        Importance(
            name,
            max(0.0, _share(ranks, groups)),
            tuple(
                Group(
                    label, int((groups == number).sum()), float(np.median(values[groups == number]))
                )
                for number, label in enumerate(labels)
            ),
        )
        for name, (groups, labels) in labelled.items()
    ]
    ranked = tuple(sorted(found, key=lambda one: (-one.share, one.name)))
    return Importances(ranked, max(0.0, float(np.quantile(chances, _CHANCE))))


@dataclass(frozen=True)
class Transfer:
    """RMSE on test (stars), which no search saw, of the current and of an untuned model."""

    current: float
    untuned: float


def explain_history(
    trials: Sequence[Trial], current_study: str | None = None, transfer: Transfer | None = None
) -> Finding:
    """Say what the search found, when, at what price, and whether the model came of it.

    Args:
        trials: of one study.
        current_study: the study that chose the current model's hyperparameters, if any did.
        transfer: errors of the current model and of one that no study chose, if there are both.
    """
    usable = measured(trials)
    states = [trial["state"] for trial in trials]
    if not usable:
        return Finding("No trial reached a value", (f"{len(trials)} trials were begun.",))
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
    return Finding(
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


def explain_importance(importances: Importances | None, trial_count: int) -> Finding:
    """Say which hyperparameter mattered and in which direction, with the evidence."""
    if importances is None:
        return Finding(
            "Too few trials to say what matters",
            (f"There are {trial_count}; from {_FEWEST_TRIALS} on they are compared.",),
        )
    caution = (
        "The search tries good regions more often and moves several hyperparameters at once: "
        "this is what goes together, not a controlled experiment."
    )
    real = importances.real
    if not real:
        first = importances.ranked[0]
        return Finding(
            "No hyperparameter mattered more than chance",
            (
                f"The largest share is {first.share:.0%} ({_words(first.name)}), and chance alone "
                f"reaches {importances.chance:.0%} in one of twenty searches like this one. More "
                "trials could tell more.",
                caution,
            ),
        )
    rest = [_words(one.name) for one in importances.ranked if one not in real]
    sentences = [
        f"{one.share:.0%} of the differences between trials go with the {_words(one.name)} "
        f"(chance: up to {importances.chance:.0%}). {describe_direction(one)}"
        for one in real
    ]
    if rest:
        sentences.append(f"Not told from chance: {', '.join(rest)}.")
    return Finding(f"What mattered most: {_words(real[0].name)}", (*sentences, caution))


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
    is_ordered = len(medians) == _GROUPS and " to " in "".join(
        group.label for group in importance.groups
    )
    if is_ordered and medians[0] > medians[1] > medians[2]:
        return "Larger is better"
    if is_ordered and medians[0] < medians[1] < medians[2]:
        return "Smaller is better"
    return f"Best at {importance.best.label}"


def _group(values: Sequence[Any]) -> tuple[NDArray[np.int64], list[str]]:
    """Return the group of each value, from 0, and what each group is called."""
    if not all(isinstance(value, int | float) for value in values):
        words = sorted({str(value) for value in values})
        common = [word for word in words if list(values).count(word) >= _SMALLEST_GROUP]
        names = common if len(common) == len(words) else [*common, "another"]
        places = [
            names.index(str(value)) if str(value) in common else len(common) for value in values
        ]
        return np.array(places), names
    numbers = np.array(values, float)
    distinct = np.unique(numbers)
    if len(distinct) <= _GROUPS:
        return np.searchsorted(distinct, numbers), [f"{value:.3g}" for value in distinct]
    # Equal values stay together, so thirds are cut between values, not between trials.
    cuts = np.quantile(numbers, [1 / _GROUPS, 2 / _GROUPS])
    _, groups = np.unique(np.searchsorted(cuts, numbers, side="left"), return_inverse=True)
    return groups, [
        f"{numbers[groups == group].min():.3g} to {numbers[groups == group].max():.3g}"
        for group in range(groups.max() + 1)
    ]


def _share(ranks: Floats, groups: NDArray[np.int64]) -> float:
    """Return epsilon squared of the groups: at most 1, about 0 by chance."""
    count = len(ranks)
    sizes = np.bincount(groups)
    degrees = count - np.count_nonzero(sizes)
    whole = float(((ranks - ranks.mean()) ** 2).sum())
    if degrees <= 0 or whole == 0:
        return 0.0
    sums = np.bincount(groups, ranks)
    means = np.divide(sums, sizes, out=np.zeros_like(sums), where=sizes > 0)
    within = float(((ranks - means[groups]) ** 2).sum())
    return 1 - (within / degrees) / (whole / (count - 1))


def _ranks(values: Floats) -> Floats:
    """Return the rank of each value; equal values share their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean_ranks: Floats = ends - (counts - 1) / 2
    return mean_ranks[place]


def _words(name: str) -> str:
    return name.replace("_", " ")


def best_so_far(trials: Sequence[Trial]) -> tuple[list[int], list[float]]:
    """Return trial numbers and the lowest value up to each of them."""
    usable = measured(trials)
    lowest, values = math.inf, []
    for trial in usable:
        lowest = min(lowest, trial["value"])
        values.append(lowest)
    return [trial["number"] for trial in usable], values
