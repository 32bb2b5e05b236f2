"""How much each hyperparameter matters to the trials of a study, by Optuna.

Flows in: rows of `trials`. Flows out: importances, with the level that chance reaches.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import Floats

Trial = Mapping[str, Any]

FEWEST_TRIALS = 8
GROUPS = 3
_SMALLEST_GROUP = 2  # trials; rarer words are together
_PERMUTATIONS = 100
_CHANCE = 0.95


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
    """How much one hyperparameter matters.

    Args:
        name: the hyperparameter.
        strength: its importance, as a multiple of what chance alone reaches.
        groups: thirds of the trials by its value, or its words.
        is_number: whether its groups are in order.
    """

    name: str
    strength: float
    groups: tuple[Group, ...]
    is_number: bool

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
    """The hyperparameters, most important first."""

    ranked: tuple[Importance, ...]

    @property
    def real(self) -> tuple[Importance, ...]:
        """Return those that matter more than chance."""
        return tuple(one for one in self.ranked if one.strength > 1)


def with_value(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials that reached a value, pruned ones included."""
    return [trial for trial in trials if trial["value"] is not None]


def measure_importance(trials: Sequence[Trial], seed: int = 0) -> Importances | None:
    """Measure what separates the better half of the trials; None for too few trials.

    PED-ANOVA (Watanabe et al. 2023) compares the values of a hyperparameter in the better half
    with those in all trials. It sees ranks, so that a scale does not matter, nor a trial that
    failed badly. The chance level is the 95 % quantile of the largest importance over all
    hyperparameters when errors are dealt to trials at random (the maximum-statistic
    permutation test of Westfall and Young 1993): one look at many bars finds something.
    """
    usable = with_value(trials)
    names = sorted({name for trial in usable for name in trial["hyperparameters"]})
    usable = [trial for trial in usable if len(trial["hyperparameters"]) == len(names)]
    if len(usable) < FEWEST_TRIALS:
        return None
    errors = np.array([trial["value"] for trial in usable], float)
    settings = {name: [trial["hyperparameters"][name] for trial in usable] for name in names}
    columns = {name: _as_parameter(values) for name, values in settings.items()}
    generator = np.random.default_rng(seed)
    found = _evaluate(columns, errors)
    chances = [
        max(_evaluate(columns, generator.permutation(errors)).values())
        for _ in range(_PERMUTATIONS)
    ]
    chance = max(float(np.quantile(chances, _CHANCE)), 1e-9)
    ranked = [
        Importance(
            name, found[name] / chance, _group(values, errors), is_number=_are_numbers(values)
        )
        for name, values in settings.items()
    ]
    return Importances(tuple(sorted(ranked, key=lambda one: (-one.strength, one.name))))


def _as_parameter(values: Sequence[Any]) -> list[Any]:
    """Return words as they are, and numbers as the share of trials with a lower value."""
    if not _are_numbers(values):
        return [str(value) for value in values]
    numbers = np.array(values, float)
    shares = np.searchsorted(np.sort(numbers), numbers) / (len(numbers) - 1)
    return list(shares.tolist())


def _evaluate(columns: Mapping[str, list[Any]], errors: Floats) -> dict[str, float]:
    """Return the importance of each hyperparameter for these errors of the trials."""
    import optuna  # a report without trials does without it
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
    from optuna.importance import PedAnovaImportanceEvaluator

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    distributions: dict[str, BaseDistribution] = {
        name: FloatDistribution(0.0, 1.0)
        if _are_numbers(values)
        else CategoricalDistribution(sorted(set(values)))
        for name, values in columns.items()
    }
    study.add_trials(
        [
            optuna.create_trial(
                params={name: values[place] for name, values in columns.items()},
                distributions=distributions,
                value=float(error),
            )
            for place, error in enumerate(errors)
        ]
    )
    evaluator = PedAnovaImportanceEvaluator(target_quantile=0.5)
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # all errors are equal
        return evaluator.evaluate(study)


def _group(values: Sequence[Any], errors: Floats) -> tuple[Group, ...]:
    """Return trials by words, by single numbers if they are few, or by thirds of the numbers."""
    if _are_numbers(values):
        numbers = np.array(values, float)
        distinct = np.unique(numbers)
        # Equal values stay together, so thirds are cut between values, not between trials.
        cuts = (
            np.quantile(numbers, np.arange(1, GROUPS) / GROUPS)
            if len(distinct) > GROUPS
            else distinct[:-1]
        )
        places = np.searchsorted(cuts, numbers, side="left")
        labels = {place: _range_of(numbers[places == place]) for place in np.unique(places)}
    else:
        words, places, counts = np.unique(
            [str(value) for value in values], return_inverse=True, return_counts=True
        )
        rare = counts < _SMALLEST_GROUP
        labels = dict(enumerate(words[~rare]))
        places = np.where(rare[places], len(labels), (np.cumsum(~rare) - 1)[places])
        if rare.any():
            labels[len(labels)] = "another"
    return tuple(
        Group(str(label), int((places == place).sum()), float(np.median(errors[places == place])))
        for place, label in labels.items()
    )


def _range_of(numbers: NDArray[Any]) -> str:
    low, high = numbers.min(), numbers.max()
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) for value in values)
