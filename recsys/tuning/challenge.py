"""The challenge: a tuned configuration against the current model, seed by seed.

Flows in: the best configuration of a study. Flows out: a trained, exported and stored model,
current if it beats the current one on valid by more than seeds differ. The next file is
`pipeline.py`.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from recsys.config import PRESETS, NetworkConfig, Preset, TrainingConfig
from recsys.dataset import Dataset
from recsys.errors import DivergedError, WarehouseChangedError
from recsys.pipeline import (
    TrainingOptions,
    TrainingOutcome,
    create_model_of,
    publish_as_decided,
)
from recsys.progress import Progress, silent
from recsys.registry import is_trained_on
from recsys.teacher import Teacher
from recsys.training import adapt, fit
from recsys.tuning.search_space import preset_from
from recsys.warehouse import open_for_reading, open_for_writing


@dataclass(frozen=True)
class Comparison:
    """Valid RMSE (stars) of two configurations, trained with the same seeds."""

    challenger: Sequence[float]
    current: Sequence[float]

    @property
    def gain(self) -> float:
        """Return by how much the challenger is better on average."""
        return float(np.mean(self.current) - np.mean(self.challenger))

    @property
    def spread(self) -> float:
        """Return the standard deviation between seeds, pooled over both.

        It is infinite if a training failed: then nothing is known.
        """
        if not np.isfinite([*self.challenger, *self.current]).all():
            return math.inf
        variances = [np.var(values, ddof=1) for values in (self.challenger, self.current)]
        return float(np.sqrt(np.mean(variances)))

    @property
    def is_won(self) -> bool:
        """Say whether the gain is more than seeds alone would bring."""
        return self.gain > self.spread


@dataclass(frozen=True)
class ChallengeOptions:
    """How a challenge is held.

    Args:
        seeds: of the trainings of each side; the first is the seed of the model that stays.
        study: the study that found the challenger.
        device: 'auto', 'cpu' or 'cuda'.
    """

    seeds: Sequence[int]
    study: str
    device: str = "auto"


def challenge(
    path: Path,
    dataset: Dataset,
    challenger: Preset,
    options: ChallengeOptions,
    teacher: Teacher | None = None,
    progress: Progress = silent,
) -> TrainingOutcome:
    """Train, export and store a configuration; make it current if it is better.

    Both sides are trained again with the same seeds and judged on valid. A search over many
    trials ends at one that was good and lucky; the luck of the seed does not return here.

    Args:
        path: the warehouse; open for writing only while the model is stored.
        dataset: what both learn from; its test ratings are only predicted, never compared.
        challenger: the configuration.
        options: seeds and device.
        teacher: as `fit` takes it.
        progress: told about every training.

    Raises:
        WarehouseChangedError: the data are not those of `dataset` any more.
    """
    with open_for_reading(path) as warehouse:
        recipes = warehouse.table("select_model_recipe").records()
    current = recipes[0] if recipes else None
    is_better, reason = _judge(current, dataset, challenger, options, teacher, progress)
    model = create_model_of(
        challenger,
        dataset,
        TrainingOptions(
            seed=options.seeds[0],
            device=options.device,
            fit_on=current["fit_on"] if current else "train",
        ),
        progress,
        teacher,
    )
    model = replace(model, study=options.study)
    with open_for_writing(path) as warehouse:
        if not is_trained_on(warehouse, dataset.fingerprint):
            raise WarehouseChangedError(path)
        return publish_as_decided(warehouse, model, options.device, is_better, reason, progress)


def add_reference(
    path: Path, dataset: Dataset, device: str = "auto", progress: Progress = silent
) -> None:
    """Train and store the notebook network for these data, unless it is there.

    It is never promoted: a report shows its learning curve beside the current model's.
    """
    with open_for_reading(path) as warehouse:
        if warehouse.rows("select_reference", data_fingerprint=dataset.fingerprint):
            return
    model = create_model_of(PRESETS["notebook"], dataset, TrainingOptions(device=device), progress)
    with open_for_writing(path) as warehouse:
        if not is_trained_on(warehouse, dataset.fingerprint):
            raise WarehouseChangedError(path)
        publish_as_decided(warehouse, model, device, False, "it is a reference", progress)


def _judge(
    current: dict[str, Any] | None,
    dataset: Dataset,
    challenger: Preset,
    options: ChallengeOptions,
    teacher: Teacher | None,
    progress: Progress,
) -> tuple[bool, str]:
    """Say whether the challenger is to be the current model, and why."""
    if current is None:
        return True, "there was no model before"
    name = f"model {current['model_id']}"
    if current["data_fingerprint"] != dataset.fingerprint:
        return True, f"the data changed since {name} was trained"
    champion = preset_from(current["preset"], json.loads(current["hyperparameters"]))
    if _recipe(champion) == _recipe(challenger):
        return False, f"{name} has the same configuration: the search found no better one"
    with progress("Comparing") as draw:
        done = 0

        def trained(preset: Preset) -> list[float]:
            nonlocal done
            values = []
            for seed in options.seeds:
                values.append(_valid_rmse(dataset, preset, seed, teacher))
                done += 1
                draw(done, 2 * len(options.seeds), f"RMSE {values[-1]:.4f}")
            return values

        comparison = Comparison(trained(challenger), trained(champion))
    return comparison.is_won, _explain(comparison, name)


def _valid_rmse(dataset: Dataset, preset: Preset, seed: int, teacher: Teacher | None) -> float:
    """Return the valid RMSE that a configuration reaches with a seed; infinity if it fails."""
    try:
        config = adapt(replace(preset.training, seed=seed), dataset)
        return fit(dataset, preset.network, config, teacher=teacher).valid_rmse
    except DivergedError:
        return math.inf


def _explain(comparison: Comparison, name: str) -> str:
    count = len(comparison.challenger)
    verdict = "more than" if comparison.is_won else "not more than"
    return (
        f"over {count} seeds its valid RMSE is {np.mean(comparison.challenger):.4f} on "
        f"average and that of {name} {np.mean(comparison.current):.4f}; the gain of "
        f"{comparison.gain:.4f} is {verdict} the spread of {comparison.spread:.4f} "
        "between seeds"
    )


def _recipe(preset: Preset) -> tuple[NetworkConfig, TrainingConfig]:
    """Return all of a configuration but its name and seed."""
    return preset.network, replace(preset.training, seed=0)
