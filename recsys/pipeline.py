"""The main job end to end: load, check, train, export, evaluate, promote, score.

Flows in: options. Flows out: a warehouse with a current model and its predictions. This is
where training meets the warehouse; serving needs none of it.
"""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from recsys.config import DEFAULT_DATABASE, PRESETS, DataSettings, Preset
from recsys.data.loading import load_source
from recsys.data.registry import (
    EpochRecord,
    NewModel,
    StoredModel,
    find_model,
    is_trained_on,
    promote_model,
    store_model,
)
from recsys.data.relations import create_raw_tables, create_views
from recsys.data.replacement import replacing
from recsys.data.rows import Rows
from recsys.data.sources import opened_source
from recsys.data.warehouse import Warehouse, open_for_reading, open_for_writing
from recsys.errors import NoActiveUsersError, WarehouseChangedError
from recsys.learning.dataset import Dataset, choose_device, load_dataset
from recsys.learning.export import export_model
from recsys.learning.teacher import Teacher
from recsys.learning.training import adapt, choose_preset, fit, refit
from recsys.progress import Progress, no_progress
from recsys.serving.batch_scoring import score_everyone
from recsys.serving.evaluation import evaluate, store_evaluation
from recsys.serving.scoring import load_scorer

Promote = Literal["better", "always", "never"]
FitOn = Literal["train", "train+valid"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingOptions:
    """What `train` was asked for.

    Args:
        preset: name of a configuration; None takes the best that the data can afford.
        seed: of initialisation, order of batches and dropout.
        device: 'auto', 'cpu' or 'cuda'.
        promote: when the new model becomes the current one.
        fit_on: splits whose ratings fit the final weights.
    """

    preset: str | None = None
    seed: int = 0
    device: str = "auto"
    promote: Promote = "better"
    fit_on: FitOn = "train"


@dataclass(frozen=True)
class TrainingOutcome:
    """What became of a training: the model, and whether and why it is current now."""

    model_id: str
    preset: str
    best_epoch: int
    epochs: int
    valid_rmse: float
    seconds: float
    is_promoted: bool
    reason: str


class BuildResult(NamedTuple):
    """What a build left: `rating_funnel`, and what became of the training, if there was one."""

    funnel: Rows
    training: TrainingOutcome | None


def build(
    path: str | Path = DEFAULT_DATABASE,
    source: str = "auto",
    *,
    top_movies: int = DataSettings.top_movies,
    min_ratings: int = DataSettings.min_ratings,
    split_seed: int = DataSettings.split_seed,
    training: TrainingOptions | None = TrainingOptions(),
    progress: Progress = no_progress,
) -> BuildResult:
    """Build a warehouse and put it at `path`; until all went well the old one stays.

    Args:
        path: where the DuckDB file goes.
        source: a MovieLens folder or zip, a ratings CSV or Parquet file, a URL of one,
            'sample' or 'sample:N', or 'auto', which falls back to the sample.
        top_movies: movies with the most ratings that are kept.
        min_ratings: ratings on those movies that make a user active.
        split_seed: deals the ratings into train, valid and test.
        training: how the model is trained; None builds the data alone.
        progress: told how far long steps are.

    Raises:
        SourceError: the ratings cannot be used.
        WarehouseError: the file cannot be written, or its data are not fit to learn from.
    """
    settings = DataSettings(top_movies=top_movies, min_ratings=min_ratings, split_seed=split_seed)
    with replacing(Path(path)) as warehouse:
        funnel = build_data(warehouse, source, settings)
        outcome = None
        if training is not None:
            dataset = load_dataset(warehouse, choose_device(training.device))
            model = create_model(dataset, training, progress)
            outcome = publish(warehouse, model, training, progress)
    return BuildResult(funnel, outcome)


def build_data(warehouse: Warehouse, source: str, settings: DataSettings) -> Rows:
    """Load a source, create every relation, run the audits; return `rating_funnel`.

    Raises:
        SourceError, NoActiveUsersError, CheckFailedError.
    """
    create_raw_tables(warehouse, settings)
    with opened_source(source) as opened:
        _log.info("Loading %s", opened.uri)
        load_source(warehouse, opened)
    create_views(warehouse)
    superseded = warehouse.row("select_superseded_count")["superseded_count"]
    if superseded:
        _log.warning(
            "%d ratings were superseded by a later one of the same user and movie.",
            superseded,
        )
    funnel = warehouse.rows("select_rating_funnel")
    if not funnel[-1]["ratings"]:
        most = warehouse.row("select_most_active")["rating_count"]
        raise NoActiveUsersError(settings.top_movies, settings.min_ratings, most)
    _log.info("Checking the data")
    warehouse.check("data")
    unseen = warehouse.rows("select_unseen_in_train")
    if unseen:
        _log.warning(
            "%d users or movies of valid or test have no rating in train: %s",
            len(unseen),
            unseen.preview(5),
        )
    return funnel


def train_in_place(
    path: Path, options: TrainingOptions, progress: Progress = no_progress
) -> TrainingOutcome:
    """Train a model for an existing warehouse, which others may read meanwhile.

    Raises:
        WarehouseChangedError: the data are not those that it was trained on any more.
    """
    open_for_writing(path).close()  # fail before the training, not after it
    with open_for_reading(path) as warehouse:
        dataset = load_dataset(warehouse, choose_device(options.device))
    model = create_model(dataset, options, progress)
    with open_for_writing(path) as warehouse:
        if not is_trained_on(warehouse, model.data_fingerprint):
            raise WarehouseChangedError(path)
        return publish(warehouse, model, options, progress)


def create_model(
    dataset: Dataset, options: TrainingOptions, progress: Progress = no_progress
) -> NewModel:
    """Train and export a model; nothing is stored."""
    preset = PRESETS[options.preset] if options.preset else choose_preset(dataset)
    return create_model_of(preset, dataset, options, progress)


def create_model_of(
    preset: Preset,
    dataset: Dataset,
    options: TrainingOptions,
    progress: Progress = no_progress,
    teacher: Teacher | None = None,
) -> NewModel:
    """Train and export a model of any configuration, whatever `options.preset` says.

    Args:
        preset: the network and how it learns.
        dataset: what it learns from.
        options: seed and splits to fit on.
        progress: told about every model of the teacher, and then about every epoch.
        teacher: as `fit` takes it.
    """
    config = adapt(replace(preset.training, seed=options.seed), dataset)
    _log.info("Training the %s network on %s ratings", preset.name, len(dataset.train))
    models = 0  # that the teacher tried; epochs follow them on one bar
    with progress("Training") as draw:

        def hear_model(done: int, everything: int, rmse: float) -> None:
            nonlocal models
            models = everything
            draw(done, everything + config.epochs, f"teacher, RMSE {rmse:.4f}")

        def hear_epoch(one: EpochRecord) -> None:
            draw(models + one.epoch, models + config.epochs, f"RMSE {one.valid_rmse:.4f}")

        chosen = fit(dataset, preset.network, config, hear_epoch, teacher, hear_model)
    if options.fit_on == "train+valid":
        chosen = refit(dataset, chosen, preset.network, config)
    _log.info("Exporting to ONNX")
    return export_model(chosen, dataset, preset.network, config, preset.name, options.fit_on)


def publish(
    warehouse: Warehouse,
    model: NewModel,
    options: TrainingOptions,
    progress: Progress = no_progress,
) -> TrainingOutcome:
    """Store and evaluate a model, and make it current if it should be."""
    is_promoted, reason = _decide(warehouse, model, find_model(warehouse), options.promote)
    return publish_as_decided(warehouse, model, options.device, is_promoted, reason, progress)


def publish_as_decided(
    warehouse: Warehouse,
    model: NewModel,
    device: str,
    is_promoted: bool,
    reason: str,
    progress: Progress = no_progress,
) -> TrainingOutcome:
    """Store and evaluate a model, and make it current if `is_promoted`.

    All that is written, is written in one transaction.
    """
    with warehouse.transaction():
        stored = find_model(warehouse, model.model_id) or store_model(warehouse, model)
        loaded = load_scorer(stored, device)
        store_evaluation(warehouse, model.model_id, evaluate(warehouse, loaded))
        if is_promoted:
            promote_model(warehouse, model.model_id)
            _log.info("Scoring every user and movie")
            score_everyone(warehouse, loaded, progress)
    return TrainingOutcome(
        model_id=model.model_id,
        preset=model.preset,
        best_epoch=model.best_epoch,
        epochs=len(model.history),
        valid_rmse=model.valid_rmse,
        seconds=model.seconds,
        is_promoted=is_promoted,
        reason=reason,
    )


def _decide(
    warehouse: Warehouse, model: NewModel, current: StoredModel | None, promote: Promote
) -> tuple[bool, str]:
    if current is None:
        return promote != "never", "there was no model before"
    if current.model_id == model.model_id:
        return True, "it is the same as the current model, weight for weight"
    if promote != "better":
        return promote == "always", f"--promote {promote}"
    if not is_trained_on(warehouse, current.data_fingerprint):
        return True, f"the data changed since model {current.model_id} was trained"
    comparison = (
        f"its valid RMSE is {model.valid_rmse:.4f}, that of model {current.model_id} "
        f"{current.valid_rmse:.4f}"
    )
    return model.valid_rmse < current.valid_rmse, comparison
