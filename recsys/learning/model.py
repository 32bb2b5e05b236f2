"""A model from beginning to end: a `Dataset` in, a trained and exported network out.

Nothing is stored: that is for `pipeline.py`.
"""

import logging
from dataclasses import replace

from recsys.config import PRESETS, Preset, TrainingOptions
from recsys.data.registry import EpochRecord, NewModel
from recsys.learning.dataset import Dataset
from recsys.learning.export import export_model
from recsys.learning.teacher import Teacher
from recsys.learning.training import adapt, choose_preset, fit, refit
from recsys.progress import Progress, no_progress

_log = logging.getLogger(__name__)


def create_model(
    dataset: Dataset,
    options: TrainingOptions,
    progress: Progress = no_progress,
    preset: Preset | None = None,
    teacher: Teacher | None = None,
) -> NewModel:
    """Train and export a model.

    Args:
        dataset: what it learns from.
        options: preset, seed and splits to fit on.
        progress: told about every Gaussian of the teacher, and then about every epoch.
        preset: any configuration, whatever `options.preset` says.
        teacher: as `fit` takes it.
    """
    if preset is None:
        preset = PRESETS[options.preset] if options.preset else choose_preset(dataset)
    config = adapt(replace(preset.training, seed=options.seed), dataset)
    _log.info("Training the %s network on %s ratings", preset.name, len(dataset.train))
    gaussians = 0  # that the teacher tries; epochs follow them on one bar
    with progress("Training") as draw:

        def report_gaussian(done: int, everything: int, rmse: float) -> None:
            nonlocal gaussians
            gaussians = everything
            draw(done, everything + config.epochs, f"teacher, RMSE {rmse:.4f}")

        def report_epoch(one: EpochRecord) -> None:
            done, everything = gaussians + one.epoch, gaussians + config.epochs
            draw(done, everything, f"RMSE {one.valid_rmse:.4f}")

        chosen = fit(dataset, preset.network, config, report_epoch, teacher, report_gaussian)
    if options.fit_on == "train+valid":
        chosen = refit(dataset, chosen, preset.network, config)
    _log.info("Exporting to ONNX")
    return export_model(chosen, dataset, preset.network, config, preset.name, options.fit_on)
