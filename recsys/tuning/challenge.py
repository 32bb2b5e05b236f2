"""The challenge: a tuned configuration against the current model, seed by seed.

Flows in: the best configuration of a study. Flows out: a trained, exported and stored model,
current if it beats the current one on valid by more than seeds and users differ. The next file
is `pipeline.py`.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.config import PRESETS, NetworkConfig, Preset, TrainingConfig
from recsys.data.registry import is_trained_on
from recsys.data.warehouse import open_for_reading, open_for_writing
from recsys.errors import DivergedError, WarehouseChangedError
from recsys.learning.dataset import Dataset
from recsys.learning.teacher import Teacher
from recsys.learning.training import adapt, fit
from recsys.pipeline import (
    TrainingOptions,
    TrainingOutcome,
    create_model_of,
    publish_as_decided,
)
from recsys.progress import Progress, silent
from recsys.serving.metrics import Ratio, paired_gain
from recsys.tuning.search_space import preset_from

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """Errors on valid of two configurations, trained with the same seeds.

    Args:
        challenger: rating minus prediction, shape (seeds, ratings), stars; infinite where a
            training failed.
        current: the same of the current model's configuration.
        user: whose each rating is, from 0 and without gaps, shape (ratings,).
    """

    challenger: Floats
    current: Floats
    user: NDArray[np.int64]

    @property
    def challenger_rmse(self) -> Floats:
        """Return the RMSE of each seed, shape (seeds,), stars."""
        return _rmse(self.challenger)

    @property
    def current_rmse(self) -> Floats:
        """Return the RMSE of each seed, shape (seeds,), stars."""
        return _rmse(self.current)

    @property
    def gain(self) -> float:
        """Return by how much the challenger's RMSE is lower on average (stars)."""
        return float(np.mean(self.current_rmse) - np.mean(self.challenger_rmse))

    @property
    def spread(self) -> float:
        """Return the standard deviation of the RMSE between seeds, pooled over both (stars).

        It is infinite if a training failed: then nothing is known.
        """
        if not np.isfinite([*self.challenger_rmse, *self.current_rmse]).all():
            return math.inf
        variances = [np.var(rmse, ddof=1) for rmse in (self.challenger_rmse, self.current_rmse)]
        return float(np.sqrt(np.mean(variances)))

    @cached_property
    def least_gain(self) -> float:
        """Return the lower end of the gain's 95 % interval over users (stars).

        A few hundred valid ratings prefer one of many trials by chance, whatever its seeds.
        """
        return paired_gain(self._by_user(self.challenger), self._by_user(self.current)).low

    @property
    def is_won(self) -> bool:
        """Say whether the gain is more than other seeds, or other users, would bring."""
        return self.gain > self.spread and self.least_gain > 0

    def _by_user(self, errors: Floats) -> Ratio:
        """Return the RMSE as squared errors, the mean over seeds, and ratings of each user."""
        squares = np.bincount(self.user, (errors**2).mean(axis=0))
        return Ratio(squares, np.bincount(self.user), is_root=True)


def _rmse(errors: Floats) -> Floats:
    rmse: Floats = np.sqrt((errors**2).mean(axis=-1))
    return rmse


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
        recipes = warehouse.rows("select_model_recipe")
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

        def trained(preset: Preset) -> Floats:
            nonlocal done
            errors = []
            for seed in options.seeds:
                errors.append(_valid_errors(dataset, preset, seed, teacher))
                done += 1
                draw(done, 2 * len(options.seeds), f"RMSE {_rmse(errors[-1]):.4f}")
            return np.stack(errors)

        user = np.unique(dataset.valid.user_index.cpu().numpy(), return_inverse=True)[1]
        comparison = Comparison(trained(challenger), trained(champion), user)
    return comparison.is_won, _explain(comparison, name)


def _valid_errors(dataset: Dataset, preset: Preset, seed: int, teacher: Teacher | None) -> Floats:
    """Return the valid residuals of a configuration with a seed; infinity if it fails."""
    try:
        config = adapt(replace(preset.training, seed=seed), dataset)
        return fit(dataset, preset.network, config, teacher=teacher).valid_residuals
    except DivergedError:
        return np.full(len(dataset.valid), math.inf)


def _explain(comparison: Comparison, name: str) -> str:
    gain, spread = comparison.gain, comparison.spread
    if not gain > spread:
        verdict = f"is not more than the spread of {spread:.4f} between seeds"
    elif not comparison.is_won:
        verdict = (
            f"is more than the spread of {spread:.4f} between seeds, but with other users than "
            f"these it could be {comparison.least_gain:.4f}"
        )
    else:
        verdict = (
            f"is more than the spread of {spread:.4f} between seeds, and at least "
            f"{comparison.least_gain:.4f} with other users than these (95 %)"
        )
    return (
        f"over {len(comparison.challenger)} seeds its valid RMSE is "
        f"{np.mean(comparison.challenger_rmse):.4f} on average and that of {name} "
        f"{np.mean(comparison.current_rmse):.4f}; the gain of {gain:.4f} {verdict}"
    )


def _recipe(preset: Preset) -> tuple[NetworkConfig, TrainingConfig]:
    """Return all of a configuration but its name and seed."""
    return preset.network, replace(preset.training, seed=0)
