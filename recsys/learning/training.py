"""Training: from a data set to the network of the best epoch.

Flows in: a `Dataset` already on its device, a `NetworkConfig`, a `TrainingConfig`. Flows
out: the trained network and its learning curve. The next file is `export.py`.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Adam, AdamW, Optimizer

from recsys.config import PRESETS, NetworkConfig, Preset, TrainingConfig
from recsys.data.registry import EpochRecord
from recsys.errors import DivergedError, TeacherTooLargeError
from recsys.learning.dataset import Dataset, Interactions
from recsys.learning.lesson import Lesson, can_distil, prepare_lesson, teach, teach_more
from recsys.learning.network import RatingNetwork
from recsys.learning.teacher import OnModel, Teacher, unheard

_EVALUATION_BATCH = 65_536
# Below this, starting threads costs more than they save; and one thread adds in one order.
_ROWS_THAT_PAY_FOR_THREADS = 4_096

_LARGEST_BATCH = 2_048
# Of many cells, fewer passes are enough.
_CELLS_SEEN = 4_000_000
_FEWEST_PASSES = 8

OnEpoch = Callable[[EpochRecord], None]


@dataclass(frozen=True)
class Fit:
    """A trained network, its learning curve and the epoch whose weights it has.

    Args:
        network: the network, ready to predict.
        history: one record an epoch.
        best_epoch: epoch, from 1, whose weights the network has.
        valid_residuals: rating minus prediction of each valid row by the network fitted on
            train alone, shape (valid ratings,), stars.
        seconds: duration of the training.
        teacher: whom it learnt from; None if from the ratings.
    """

    network: RatingNetwork
    history: list[EpochRecord]
    best_epoch: int
    valid_residuals: NDArray[np.float64]
    seconds: float
    teacher: Teacher | None

    @property
    def valid_rmse(self) -> float:
        """Return the RMSE on valid of the epoch that was kept (stars)."""
        return self.history[self.best_epoch - 1].valid_rmse


def choose_preset(dataset: Dataset) -> Preset:
    """Return the most accurate preset that these data can afford."""
    return PRESETS["distilled" if can_distil(dataset) else "direct"]


def adapt(config: TrainingConfig, dataset: Dataset) -> TrainingConfig:
    """Return a configuration whose batches and passes suit the number of ratings.

    Raises:
        TeacherTooLargeError: it needs a teacher that these data cannot afford.
    """
    if config.is_distilled:
        users, movies = len(dataset.user_ids), len(dataset.movie_ids)
        if not can_distil(dataset):
            raise TeacherTooLargeError(users, movies)
        return replace(config, epochs=_affordable_passes(config, users * movies))
    if config.steps_per_epoch is None:
        return config
    ratings = len(dataset.train)
    fitting = min(ratings // config.steps_per_epoch, _LARGEST_BATCH)
    return replace(
        config,
        batch_size=max(config.batch_size, fitting),
        epochs=_affordable_passes(config, ratings),
    )


def _affordable_passes(config: TrainingConfig, cells: int) -> int:
    return min(config.epochs, max(_CELLS_SEEN // cells, _FEWEST_PASSES))


def fit(
    dataset: Dataset,
    network_config: NetworkConfig,
    config: TrainingConfig,
    on_epoch: OnEpoch = lambda record: None,
    teacher: Teacher | None = None,
    on_model: OnModel = unheard,
) -> Fit:
    """Train a network on train and keep the best epoch on valid, or the last, as configured.

    The same data, configuration, seed and device give the same network.

    Args:
        dataset: ratings, on the device to train on.
        network_config: shape of the network.
        config: how it learns.
        on_epoch: called after every epoch; may raise to end the training.
        teacher: one that `teach` made of these data; None makes one where it is needed.
        on_model: called after every model that the teacher tries.

    Raises:
        DivergedError: the error on valid is not finite.
    """
    with _reproducible(config):
        started = time.perf_counter()
        if not config.is_distilled:
            teacher = None
        elif teacher is None:
            teacher = teach(dataset, on_model)
        lesson = prepare_lesson(dataset, teacher)
        network = _create_network(dataset, network_config, config, lesson)
        history: list[EpochRecord] = []
        best_epoch, best_state = 0, network.state_dict()
        for epoch, rate in _run_epochs(network, lesson.cells, config):
            record = _measure(network, dataset, epoch, rate, started)
            history.append(record)
            if not math.isfinite(record.valid_rmse):
                raise DivergedError(epoch)
            if best_epoch == 0 or record.valid_rmse < history[best_epoch - 1].valid_rmse:
                best_epoch, best_state = epoch, copy.deepcopy(network.state_dict())
            on_epoch(record)
            if config.patience is not None and epoch - best_epoch >= config.patience:
                break
        if config.keeps_best_epoch:
            network.load_state_dict(best_state)
        else:
            best_epoch = len(history)
        residuals = _miss(network.eval(), dataset.valid)
        seconds = time.perf_counter() - started
    return Fit(network, history, best_epoch, residuals, seconds, lesson.teacher)


def refit(
    dataset: Dataset, chosen: Fit, network_config: NetworkConfig, config: TrainingConfig
) -> Fit:
    """Train again on train and valid together, with what valid chose.

    Epochs and teacher's steps are those of `chosen`, whose learning curve and residuals are
    kept: once valid is learnt from, it can no longer judge.
    """
    with _reproducible(config):
        started = time.perf_counter()
        both = dataset.with_train(dataset.train.extended_by(dataset.valid))
        lesson = prepare_lesson(both, teach_more(chosen.teacher, both))
        network = _create_network(both, network_config, config, lesson)
        for epoch, _ in _run_epochs(network, lesson.cells, config):
            if epoch == chosen.best_epoch:
                break
        seconds = chosen.seconds + time.perf_counter() - started
    return replace(chosen, network=network.eval(), seconds=seconds)


def _create_network(
    dataset: Dataset, shape: NetworkConfig, config: TrainingConfig, lesson: Lesson
) -> RatingNetwork:
    """Make a network that starts at the teacher's table, or at the mean rating."""
    torch.manual_seed(config.seed)
    features = shape.description_dimension
    network = RatingNetwork(
        len(dataset.user_ids),
        len(dataset.movie_ids),
        (dataset.lowest_rating, dataset.highest_rating),
        shape,
        dataset.description.eigenfeatures(features) if features else None,
    )
    if lesson.teacher is not None:
        network.start_from(lesson.teacher.table)
    else:
        network.centre(lesson.cells.rating)
    return network.to(lesson.cells.rating.device)


def _run_epochs(
    network: RatingNetwork, cells: Interactions, config: TrainingConfig
) -> Iterator[tuple[int, float]]:
    """Train, and yield (epoch from 1, learning rate) after each pass over the cells."""
    optimizer = _create_optimizer(network, config)
    steps = math.ceil(len(cells) / config.batch_size)
    schedule = (
        torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=config.learning_rate,
            total_steps=config.epochs * steps,
            pct_start=config.warm_up,
        )
        if config.has_one_cycle
        else None
    )
    device = cells.rating.device
    # Penalties weigh against errors in units of the ratings' deviation, whatever the scale.
    weights = (config.embedding_penalty, config.bias_penalty, config.taste_penalty)
    unit = network.deviation if network.has_interaction_terms else 1.0
    for epoch in range(1, config.epochs + 1):
        network.train()
        for batch in torch.randperm(len(cells), device=device).split(config.batch_size):
            users, movies = cells.user_index[batch], cells.movie_index[batch]
            error = (network.estimate(users, movies) - cells.rating[batch]) / unit
            loss = error.square().mean()
            if any(weights):
                lengths = network.penalty(users, movies)
                loss = loss + sum(w * one for w, one in zip(weights, lengths, strict=True))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()
        network.eval()
        yield epoch, optimizer.param_groups[0]["lr"]


def _create_optimizer(network: RatingNetwork, config: TrainingConfig) -> Optimizer:
    """Return Adam with one decay for the layers and one for the embeddings."""
    kind: type[Adam] = {"adam": Adam, "adamw": AdamW}[config.optimizer]
    layers = list(network.layers.parameters())
    inside = {id(parameter) for parameter in layers}
    others = [one for one in network.parameters() if id(one) not in inside]
    return kind(
        [
            {"params": layers, "weight_decay": config.weight_decay},
            {"params": others, "weight_decay": config.embedding_decay},
        ],
        lr=config.learning_rate,
        fused=True,
    )


@torch.no_grad()
def _measure(
    network: RatingNetwork, dataset: Dataset, epoch: int, rate: float, started: float
) -> EpochRecord:
    """Return the errors after an epoch, on whole splits and without dropout."""
    valid = dataset.valid
    estimated = _estimate(network, valid)
    predicted = estimated.clamp(network.lowest, network.highest)
    return EpochRecord(
        epoch=epoch,
        train_loss=F.mse_loss(_estimate(network, dataset.train), dataset.train.rating).item(),
        valid_loss=F.mse_loss(estimated, valid.rating).item(),
        valid_rmse=F.mse_loss(predicted, valid.rating).sqrt().item(),
        valid_mae=F.l1_loss(predicted, valid.rating).item(),
        learning_rate=rate,
        seconds=time.perf_counter() - started,
    )


@torch.no_grad()
def _miss(network: RatingNetwork, ratings: Interactions) -> NDArray[np.float64]:
    """Return rating minus prediction of many pairs (stars), without digits of rounding."""
    predicted = _estimate(network, ratings).clamp(network.lowest, network.highest)
    residuals: NDArray[np.float64] = (ratings.rating - predicted).double().cpu().numpy()
    return residuals.round(6)


def _estimate(network: RatingNetwork, ratings: Interactions) -> Tensor:
    """Return the unbounded ratings of many pairs, a batch at a time."""
    pairs = zip(
        ratings.user_index.split(_EVALUATION_BATCH),
        ratings.movie_index.split(_EVALUATION_BATCH),
        strict=True,
    )
    return torch.cat([network.estimate(users, movies) for users, movies in pairs])


@contextmanager
def _reproducible(config: TrainingConfig) -> Iterator[None]:
    """Leave torch's generator and threads as they were.

    One thread adds in one order, and small batches do not pay for more.
    """
    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        if config.batch_size < _ROWS_THAT_PAY_FOR_THREADS:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
