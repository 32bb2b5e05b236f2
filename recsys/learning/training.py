"""Training: a `Dataset` and a configuration in, a trained network and its learning curve out."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from recsys.arrays import Floats
from recsys.config import PRESETS, NetworkConfig, Preset, TrainingConfig
from recsys.data.registry import EpochRecord
from recsys.errors import DivergedError, TeacherTooLargeError
from recsys.learning.dataset import Dataset, Interactions
from recsys.learning.network import RatingNetwork, run_in_batches
from recsys.learning.teacher import (
    OnModel,
    Teacher,
    affordable_sides,
    fit_teacher,
    refit_teacher,
)
from recsys.progress import ignore

# Below this, starting threads costs more than they save; and one thread adds in one order.
_ROWS_THAT_PAY_FOR_THREADS = 4_096

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
        teacher: what it was distilled from; None if it learnt from the ratings.
    """

    network: RatingNetwork
    history: list[EpochRecord]
    best_epoch: int
    valid_residuals: Floats
    seconds: float
    teacher: Teacher | None

    @property
    def valid_rmse(self) -> float:
        """Return the RMSE on valid of the epoch that was kept (stars)."""
        return self.history[self.best_epoch - 1].valid_rmse


def choose_preset(dataset: Dataset) -> Preset:
    """Return the most accurate preset that these data can afford."""
    return PRESETS["distilled" if can_distil(dataset) else "direct"]


def can_distil(dataset: Dataset) -> bool:
    """Say whether a teacher for these data fits memory and a few minutes."""
    train = dataset.train
    per_user = train.user_index.bincount(minlength=len(dataset.user_ids))
    per_movie = train.movie_index.bincount(minlength=len(dataset.movie_ids))
    return bool(affordable_sides(per_user.cpu().numpy(), per_movie.cpu().numpy()))


def adapt(config: TrainingConfig, dataset: Dataset) -> TrainingConfig:
    """Return a configuration whose batches and passes suit the number of ratings.

    Raises:
        TeacherTooLargeError: it needs a teacher that these data cannot afford.
    """
    users, movies, ratings = len(dataset.user_ids), len(dataset.movie_ids), len(dataset.train)
    if config.is_distilled:
        if not can_distil(dataset):
            raise TeacherTooLargeError(users, movies)
        rows = users * movies
    elif config.steps_per_epoch is None:
        return config
    else:
        rows = ratings
        fitting = min(ratings // config.steps_per_epoch, config.max_batch_size)
        config = replace(config, batch_size=max(config.batch_size, fitting))
    affordable = max(config.max_rows_seen // rows, config.min_epochs)
    return replace(config, epochs=min(config.epochs, affordable))


def use_one_thread() -> None:
    """Let this process train on one thread, so that others have theirs."""
    torch.set_num_threads(1)


def prepare_teacher(dataset: Dataset, on_model: OnModel = ignore) -> Teacher:
    """Fit a teacher to train; it depends on the data alone, so that trainings can share it."""
    train, valid = (dataset.table_of(part) for part in (dataset.train, dataset.valid))
    return fit_teacher(train, valid, dataset.features, on_model=on_model)


def fit(
    dataset: Dataset,
    network_config: NetworkConfig,
    config: TrainingConfig,
    on_epoch: OnEpoch = ignore,
    teacher: Teacher | None = None,
    on_model: OnModel = ignore,
    last_epoch: int | None = None,
) -> Fit:
    """Train a network on train and keep the best epoch on valid, or the last, as configured.

    The same data, configuration, seed and device give the same network.

    Args:
        dataset: ratings, on the device to train on.
        network_config: shape of the network.
        config: how it learns.
        on_epoch: called after every epoch; may raise to end the training.
        teacher: from `prepare_teacher` of these data; None makes one where it is needed.
        on_model: called after every Gaussian that the teacher tries.
        last_epoch: ends after this one, with the learning rates of all; None makes all epochs.

    Raises:
        DivergedError: the error on valid is not finite.
    """
    started = time.perf_counter()
    if not config.is_distilled:
        teacher = None
    elif teacher is None:
        teacher = prepare_teacher(dataset, on_model)
    with _reproducible(config):
        targets = dataset.train if teacher is None else _distillation_targets(teacher, dataset)
        network = _create_network(dataset, network_config, config, teacher)
        optimizer = _create_optimizer(network, config)
        schedule = _create_schedule(optimizer, config, len(targets))
        penalties = (
            config.embedding_penalty,
            config.bias_penalty,
            config.feature_weight_penalty,
        )
        history: list[EpochRecord] = []
        best_epoch, best_state = 0, network.state_dict()
        for epoch in range(1, (last_epoch or config.epochs) + 1):
            network.train()
            order = torch.randperm(len(targets), device=targets.rating.device)
            for batch in order.split(config.batch_size):
                users, movies = targets.user_index[batch], targets.movie_index[batch]
                error = network.estimate(users, movies) - targets.rating[batch]
                # In units of the deviation, so that penalties weigh the same on every scale.
                loss = (error / network.deviation).square().mean()
                if any(penalties):
                    lengths = network.mean_squared_lengths(users, movies)
                    loss = loss + sum(w * one for w, one in zip(penalties, lengths, strict=True))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
            network.eval()
            record = _measure(network, dataset, epoch, optimizer, started)
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
        valid = dataset.valid
        residuals = valid.rating - run_in_batches(network, valid.user_index, valid.movie_index)
    return Fit(
        network=network,
        history=history,
        best_epoch=best_epoch,
        valid_residuals=residuals.double().cpu().numpy().round(6),  # the rest is rounding
        seconds=time.perf_counter() - started,
        teacher=teacher,
    )


def refit(
    dataset: Dataset, chosen: Fit, network_config: NetworkConfig, config: TrainingConfig
) -> Fit:
    """Train again on train and valid together, with what valid chose.

    Epochs and the teacher's steps are those of `chosen`, whose learning curve and residuals
    are kept: once valid is learnt from, it can no longer judge.
    """
    started = time.perf_counter()
    both = dataset.with_train(dataset.train.extended_by(dataset.valid))
    teacher = chosen.teacher and refit_teacher(chosen.teacher, both.table_of(both.train))
    blind = replace(config, keeps_best_epoch=False, patience=None)
    again = fit(both, network_config, blind, teacher=teacher, last_epoch=chosen.best_epoch)
    seconds = chosen.seconds + time.perf_counter() - started
    return replace(chosen, network=again.network, seconds=seconds)


def _distillation_targets(teacher: Teacher, dataset: Dataset) -> Interactions:
    """Return what a teacher expects of every user and movie."""
    users, movies = np.indices(teacher.expected.shape).reshape(2, -1)
    device = dataset.train.rating.device
    return Interactions(
        torch.from_numpy(users).to(device),
        torch.from_numpy(movies).to(device),
        torch.from_numpy(teacher.expected.ravel()).to(device, torch.float32),
    )


def _create_network(
    dataset: Dataset, shape: NetworkConfig, config: TrainingConfig, teacher: Teacher | None
) -> RatingNetwork:
    """Return a network that starts at what the teacher expects, or at the mean rating."""
    torch.manual_seed(config.seed)
    size = shape.feature_dimension
    network = RatingNetwork(
        len(dataset.user_ids),
        len(dataset.movie_ids),
        (dataset.lowest_rating, dataset.highest_rating),
        shape,
        dataset.features.eigenfeatures(size) if size else None,
    )
    if teacher is not None:
        network.start_from(teacher.expected)
    else:
        network.centre(dataset.train.rating)
    return network.to(dataset.train.rating.device)


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


def _create_schedule(optimizer: Optimizer, config: TrainingConfig, rows: int) -> LRScheduler:
    """Return the learning rate of each step: one cycle over all epochs, or always the same."""
    if not config.has_one_cycle:
        return LambdaLR(optimizer, lambda step: 1.0)
    steps = math.ceil(rows / config.batch_size)
    return OneCycleLR(
        optimizer,
        max_lr=config.learning_rate,
        total_steps=config.epochs * steps,
        pct_start=config.warm_up,
    )


def _measure(
    network: RatingNetwork, dataset: Dataset, epoch: int, optimizer: Optimizer, started: float
) -> EpochRecord:
    """Return the errors after an epoch, on whole splits and without dropout."""
    train, valid = dataset.train, dataset.valid
    fitted = run_in_batches(network.estimate, train.user_index, train.movie_index)
    estimated = run_in_batches(network.estimate, valid.user_index, valid.movie_index)
    predicted = estimated.clamp(network.lowest, network.highest)
    return EpochRecord(
        epoch=epoch,
        train_loss=F.mse_loss(fitted, train.rating).item(),
        valid_loss=F.mse_loss(estimated, valid.rating).item(),
        valid_rmse=F.mse_loss(predicted, valid.rating).sqrt().item(),
        valid_mae=F.l1_loss(predicted, valid.rating).item(),
        learning_rate=optimizer.param_groups[0]["lr"],
        seconds=time.perf_counter() - started,
    )


@contextmanager
def _reproducible(config: TrainingConfig) -> Iterator[None]:
    """Leave torch's generator and threads as they were.

    One thread adds in one order, and small batches do not pay for more.
    """
    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        if config.batch_size < _ROWS_THAT_PAY_FOR_THREADS:
            use_one_thread()
        try:
            yield
        finally:
            torch.set_num_threads(threads)
