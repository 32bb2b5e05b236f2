"""The comparison of a tuned configuration with the current model's, over several seeds.

Flows in: the best configuration of a study. Flows out: a trained, exported and stored model,
current if it beats the current one on valid by more than seeds and users differ.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from recsys.arrays import Floats, Indices
from recsys.config import NetworkConfig, Preset, TrainingConfig, TrainingOptions
from recsys.data.registry import NewModel, is_trained_on
from recsys.data.warehouse import open_for_reading, open_for_writing
from recsys.errors import DivergedError, WarehouseChangedError
from recsys.learning.dataset import Dataset
from recsys.learning.model import create_model
from recsys.learning.teacher import Teacher
from recsys.learning.training import adapt, fit
from recsys.pipeline import TrainingOutcome, publish_as_decided
from recsys.progress import Progress, no_progress
from recsys.serving.metrics import Ratio, paired_gain
from recsys.tuning.search_space import preset_from


@dataclass(frozen=True)
class Comparison:
    """Errors on valid of two configurations, trained with the same seeds.

    Args:
        tuned: rating minus prediction, shape (seeds, ratings), stars; infinite where a
            training failed.
        current: the same of the current model's configuration.
        user: user of each rating, from 0 and without gaps, shape (ratings,).
    """

    tuned: Floats
    current: Floats
    user: Indices

    @property
    def tuned_rmse(self) -> Floats:
        """Return the RMSE of each seed, shape (seeds,), stars."""
        return _rmse(self.tuned)

    @property
    def current_rmse(self) -> Floats:
        """Return the RMSE of each seed, shape (seeds,), stars."""
        return _rmse(self.current)

    @property
    def gain(self) -> float:
        """Return by how much the tuned RMSE is lower on average (stars)."""
        return float(np.mean(self.current_rmse) - np.mean(self.tuned_rmse))

    @property
    def spread(self) -> float:
        """Return the standard deviation of the RMSE between seeds, pooled over both (stars).

        It is infinite if a training failed: then nothing is known.
        """
        sides = np.stack([self.tuned_rmse, self.current_rmse])
        if not np.isfinite(sides).all():
            return math.inf
        return float(np.sqrt(sides.var(axis=1, ddof=1).mean()))

    @cached_property
    def least_gain(self) -> float:
        """Return the lower end of the gain's 95 % interval over users (stars).

        The best of many trials fits these few hundred valid ratings by chance too, whatever
        its seeds.
        """
        return paired_gain(self._by_user(self.tuned), self._by_user(self.current)).low

    @property
    def is_better(self) -> bool:
        """Say whether the gain is more than other seeds, or other users, would bring."""
        return self.gain > self.spread and self.least_gain > 0

    def _by_user(self, errors: Floats) -> Ratio:
        """Return the RMSE as squared errors, the mean over seeds, and ratings of each user."""
        squares = np.bincount(self.user, (errors**2).mean(axis=0))
        return Ratio(squares, np.bincount(self.user), is_root=True)


def challenge(
    path: Path,
    dataset: Dataset,
    tuned: Preset,
    *,
    seeds: Sequence[int],
    study: str,
    device: str = "auto",
    teacher: Teacher | None = None,
    progress: Progress = no_progress,
) -> TrainingOutcome:
    """Train, export and store a tuned configuration; make it current if it is better.

    The best of many trials owes part of its valid RMSE to the seed. So both configurations
    are trained again, with the same seeds, and compared on valid.

    Args:
        path: the warehouse; open for writing only while the model is stored.
        dataset: what both are trained on; test is only predicted, never compared.
        tuned: the best configuration of the study.
        seeds: of the trainings of each side, two or more; the first is that of the stored model.
        study: name of the study, stored with the model.
        device: 'auto', 'cpu' or 'cuda'.
        teacher: as `fit` takes it.
        progress: told about every training.

    Raises:
        WarehouseChangedError: the data are not those of `dataset` any more.
    """
    with open_for_reading(path) as warehouse:
        recipes = warehouse.rows("select_model_recipe")
    current = recipes[0] if recipes else None
    is_promoted, reason = _decide(current, dataset, tuned, seeds, teacher, progress)
    options = TrainingOptions(
        seed=seeds[0], device=device, fit_on=current["fit_on"] if current else "train"
    )
    model = create_model(dataset, options, progress, tuned, teacher)
    return _publish(path, replace(model, study=study), device, is_promoted, reason, progress)


def add_reference(
    path: Path, dataset: Dataset, device: str = "auto", progress: Progress = no_progress
) -> None:
    """Train and store the notebook network for these data, unless it is there.

    It is never promoted: a report shows its learning curve beside the current model's.

    Raises:
        WarehouseChangedError: the data are not those of `dataset` any more.
    """
    with open_for_reading(path) as warehouse:
        if warehouse.rows("select_reference", data_fingerprint=dataset.fingerprint):
            return
    model = create_model(dataset, TrainingOptions("notebook", device=device), progress)
    _publish(path, model, device, False, "it is a reference", progress)


def _publish(
    path: Path, model: NewModel, device: str, is_promoted: bool, reason: str, progress: Progress
) -> TrainingOutcome:
    """Store a model if the data are still those that it was trained on."""
    with open_for_writing(path) as warehouse:
        if not is_trained_on(warehouse, model.data_fingerprint):
            raise WarehouseChangedError(path)
        return publish_as_decided(warehouse, model, device, is_promoted, reason, progress)


def _decide(
    current: Mapping[str, Any] | None,
    dataset: Dataset,
    tuned: Preset,
    seeds: Sequence[int],
    teacher: Teacher | None,
    progress: Progress,
) -> tuple[bool, str]:
    """Say whether the tuned configuration is to be the current model's, and why."""
    if current is None:
        return True, "there was no model before"
    name = f"model {current['model_id']}"
    if current["data_fingerprint"] != dataset.fingerprint:
        return True, f"the data changed since {name} was trained"
    present = preset_from(current["preset"], json.loads(current["hyperparameters"]))
    if _without_seed(present) == _without_seed(tuned):
        return False, f"{name} has the same configuration: the search found no better one"
    errors: list[Floats] = []
    with progress("Comparing") as draw:
        for preset in (tuned, present):
            for seed in seeds:
                errors.append(_valid_errors(dataset, preset, seed, teacher))
                draw(len(errors), 2 * len(seeds), f"RMSE {_rmse(errors[-1]):.4f}")
    user = np.unique(dataset.valid.user_index.cpu().numpy(), return_inverse=True)[1]
    half = len(seeds)
    comparison = Comparison(np.stack(errors[:half]), np.stack(errors[half:]), user)
    return comparison.is_better, _explain(comparison, name)


def _valid_errors(dataset: Dataset, preset: Preset, seed: int, teacher: Teacher | None) -> Floats:
    """Return the valid residuals of a configuration with a seed; infinity if it fails."""
    try:
        config = adapt(replace(preset.training, seed=seed), dataset)
        return fit(dataset, preset.network, config, teacher=teacher).valid_residuals
    except DivergedError:
        return np.full(len(dataset.valid), math.inf)


def _explain(comparison: Comparison, name: str) -> str:
    gain, spread = comparison.gain, comparison.spread
    is_beyond = gain > spread
    verdict = f"is {'' if is_beyond else 'not '}more than the spread of {spread:.4f} between seeds"
    if comparison.is_better:
        verdict += f", and at least {comparison.least_gain:.4f} with other users than these (95 %)"
    elif is_beyond:
        verdict += f", but with other users than these it could be {comparison.least_gain:.4f}"
    return (
        f"over {len(comparison.tuned)} seeds its valid RMSE is "
        f"{np.mean(comparison.tuned_rmse):.4f} on average and that of {name} "
        f"{np.mean(comparison.current_rmse):.4f}; the gain of {gain:.4f} {verdict}"
    )


def _rmse(errors: Floats) -> Floats:
    rmse: Floats = np.sqrt((errors**2).mean(axis=-1))
    return rmse


def _without_seed(preset: Preset) -> tuple[NetworkConfig, TrainingConfig]:
    """Return all of a configuration but its name and seed."""
    return preset.network, replace(preset.training, seed=0)
