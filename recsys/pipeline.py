"""The main job end to end: load, check, train, export, evaluate, promote, score.

Flows in: options. Flows out: a warehouse with a current model and its predictions. This is
where training meets the warehouse. The room `learning` is imported where a model is trained:
to load and check data needs no torch.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from recsys.config import DEFAULT_DATABASE, DataSettings, Promote, TrainingOptions
from recsys.data.loading import load_source
from recsys.data.registry import (
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
from recsys.errors import NoActiveUsersError, WarehouseChangedError, missing_packages_named
from recsys.progress import Progress, no_progress
from recsys.serving.batch_scoring import score_everyone
from recsys.serving.evaluation import evaluate, store_evaluation
from recsys.serving.scoring import load_scorer

_log = logging.getLogger(__name__)


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
    if training is None:
        with replacing(Path(path)) as warehouse:
            return BuildResult(build_data(warehouse, source, settings), None)
    with missing_packages_named():
        from recsys.learning import dataset, model
    with replacing(Path(path)) as warehouse:
        funnel = build_data(warehouse, source, settings)
        data = dataset.load_dataset(warehouse, dataset.choose_device(training.device))
        trained = model.create_model(data, training, progress)
        return BuildResult(funnel, publish(warehouse, trained, training, progress))


def build_data(warehouse: Warehouse, source: str, settings: DataSettings) -> Rows:
    """Load a source, create every relation, run the audits; return `rating_funnel`.

    Raises:
        SourceError, NoActiveUsersError, CheckFailedError.
    """
    create_raw_tables(warehouse, settings)
    with opened_source(source) as opened:
        _log.info("Loading %s", opened.uri)
        load_source(warehouse, opened)
    for loaded in warehouse.rows("select_sources"):
        _log.debug("Loaded %d %s", loaded["rows"], loaded["name"])
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
    if _log.isEnabledFor(logging.DEBUG):
        counts = warehouse.row("select_split_counts")
        _log.debug("Dealt %s", ", ".join(f"{count} {split}" for split, count in counts.items()))
    unseen = warehouse.rows("select_unseen_in_train")
    if unseen:
        _log.warning(
            "%d users or movies of valid or test have no rating in train: %s",
            len(unseen),
            unseen.preview(5),
        )
    return funnel


def train(
    path: Path, options: TrainingOptions, progress: Progress = no_progress
) -> TrainingOutcome:
    """Train a model for an existing warehouse, which others may read meanwhile.

    Raises:
        WarehouseChangedError: the data are not those that it was trained on any more.
    """
    with missing_packages_named():
        from recsys.learning import dataset, model
    open_for_writing(path).close()  # fail before the training, not after it
    with open_for_reading(path) as warehouse:
        data = dataset.load_dataset(warehouse, dataset.choose_device(options.device))
    trained = model.create_model(data, options, progress)
    with open_for_writing(path) as warehouse:
        if not is_trained_on(warehouse, trained.data_fingerprint):
            raise WarehouseChangedError(path)
        return publish(warehouse, trained, options, progress)


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
            count = score_everyone(warehouse, loaded, progress)
            _log.debug("Stored %d predictions", count)
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
