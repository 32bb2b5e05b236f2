"""How much each hyperparameter explains of the differences between trials.

Flows in: records of `trials`. Flows out: importances, with the level that chance reaches. Pure
numpy: the report needs no Optuna. The next file is `tuning.py`, which says it in words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Trial = Mapping[str, Any]
Floats = NDArray[np.float64]

FEWEST_TRIALS = 8
_PERMUTATIONS = 500
_CHANCE = 0.95
_SMALLEST_GROUP = 2
GROUPS = 3


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
    if len(usable) < FEWEST_TRIALS:
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
    if len(distinct) <= GROUPS:
        return np.searchsorted(distinct, numbers), [f"{value:.3g}" for value in distinct]
    # Equal values stay together, so thirds are cut between values, not between trials.
    cuts = np.quantile(numbers, [1 / GROUPS, 2 / GROUPS])
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
