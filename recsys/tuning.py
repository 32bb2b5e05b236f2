"""Tuning: search the hyperparameters of a preset, judged on valid alone.

Flows in: a warehouse with data. Flows out: the trials of an Optuna study, kept in Optuna's
own storage beside the warehouse and copied into `trials`. The only module that imports
optuna. The next file is `challenge.py`, which tries the best trial against the current model.
"""

import fcntl
import logging
import math
import multiprocessing
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Event, Lock, Semaphore
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from recsys.challenge import ChallengeOptions, challenge
from recsys.config import PRESETS, Preset
from recsys.dataset import Dataset, Interactions, choose_device, load_dataset
from recsys.errors import (
    DivergedError,
    NothingTunedError,
    StudyStorageError,
    TuningBusyError,
    TuningInterruptedError,
    TuningWorkerError,
    WarehouseLockedError,
)
from recsys.pipeline import TrainingOutcome
from recsys.progress import Progress, silent
from recsys.registry import EpochRecord
from recsys.search_space import (
    Choice,
    Hyperparameter,
    Whole,
    preset_with,
    search_space,
    signature_of,
    values_of,
)
from recsys.teacher import Teacher
from recsys.training import adapt, choose_preset, fit, teach
from recsys.trial_log import TrialRecord, store_trials, utc
from recsys.warehouse import Warehouse, open_for_reading, open_for_writing

_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}
_DIVERGED = "diverged"
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_BETWEEN_COPIES = 5.0
_SECONDS_FOR_A_LOCK = 60

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TuningOptions:
    """What `tune` was asked for.

    Args:
        trials: finished trials that the study has at the end, those of earlier runs included.
        timeout: seconds after which no trial begins; None for no limit.
        jobs: worker processes.
        storage: URL of an Optuna storage; None is a file beside the warehouse.
        preset: name of the configuration to vary; None takes the one that `train` takes.
        seed: of the search and of every training.
        comparison_seeds: trainings of the best and of the current configuration.
        device: 'auto', 'cpu' or 'cuda'.
    """

    trials: int = 50
    timeout: float | None = None
    jobs: int = 1
    storage: str | None = None
    preset: str | None = None
    seed: int = 0
    comparison_seeds: int = 5
    device: str = "auto"


@dataclass(frozen=True)
class _Task:
    """What a worker process needs to know; it can be sent to one."""

    database: Path
    storage: str
    study: str
    preset: Preset
    fingerprint: str
    device: str
    sampler_seed: int
    ends_at: float
    teacher: Teacher | None


@dataclass(frozen=True)
class Signals:
    """What the processes of one search share.

    Args:
        tickets: trials that may still begin.
        stop: set when no training is to go on.
        asking: held while a trial is taken from the study.
    """

    tickets: Semaphore
    stop: Event
    asking: Lock


class _StopRequested(Exception):  # noqa: N818 - not an error: a person wants to stop
    """End a training at the end of an epoch."""


def tune(path: Path, options: TuningOptions, progress: Progress = silent) -> TrainingOutcome:
    """Search, then let the best configuration challenge the current model.

    Others may read the warehouse meanwhile: it is open for writing only while trials are
    copied and while the model is stored.

    Raises:
        TuningInterruptedError: a person stopped it; what was finished is kept.
        NothingTunedError: no trial was completed.
        WarehouseChangedError: the data are not those that the study began with any more.
    """
    open_for_writing(path).close()  # fail before the search, not after it
    with open_for_reading(path) as warehouse:
        dataset = load_dataset(warehouse, choose_device(options.device))
    blind = without_test(dataset)
    preset = PRESETS[options.preset] if options.preset else choose_preset(blind)
    preset = replace(preset, training=replace(adapt(preset.training, blind), seed=options.seed))
    file = path.with_name(f"{path.name}.tuning.sqlite")
    with nullcontext() if options.storage else _only_tuner(file):
        teacher = teach(blind) if preset.training.is_distilled else None
        task = _Task(
            database=path,
            storage=options.storage or f"sqlite:///{file.resolve()}",
            study=f"{preset.name}-{dataset.fingerprint[:12]}-{signature_of(preset)}",
            preset=preset,
            fingerprint=dataset.fingerprint,
            device=options.device,
            sampler_seed=options.seed,
            ends_at=time.time() + options.timeout if options.timeout else math.inf,
            teacher=teacher,
        )
        study = _open_study(task)
        if options.storage is None:
            _put_back_abandoned(study)
        if not study.get_trials(deepcopy=False):
            study.enqueue_trial(values_of(preset))  # begin with the preset itself
        _search(study, task, options, progress)
        best = _best_trial(study)
    _log.info("The best of %d trials is %d: %s", len(_finished(study)), best.number, best.params)
    tuned = preset_with(preset, best.params)
    seeds = range(options.seed, options.seed + options.comparison_seeds)
    return challenge(
        path, dataset, tuned, ChallengeOptions(seeds, task.study, options.device), teacher, progress
    )


def without_test(dataset: Dataset) -> Dataset:
    """Return the data set without its test ratings, so that nothing can look at them."""
    test = dataset.test
    nothing = Interactions(test.user_index[:0], test.movie_index[:0], test.rating[:0])
    return replace(dataset, test=nothing)


def run_trial(
    study: optuna.Study,
    dataset: Dataset,
    preset: Preset,
    teacher: Teacher | None = None,
    signals: Signals | None = None,
) -> None:
    """Train one suggested configuration; its valid RMSE after every epoch may end it early.

    A trial that is stopped goes back to the study, to be run again.
    """
    # SQLite locks no rows: two workers could be given the same waiting trial.
    with signals.asking if signals else nullcontext():
        trial = study.ask(_distributions(search_space(preset)))
    tuned = preset_with(preset, trial.params)

    def report(record: EpochRecord) -> None:
        trial.report(record.valid_rmse, record.epoch)
        if signals is not None and signals.stop.is_set():
            raise _StopRequested
        if trial.should_prune():
            raise optuna.TrialPruned

    try:
        fitted = fit(dataset, tuned.network, tuned.training, report, teacher)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except DivergedError:
        # Pruned rather than failed: the sampler learns from it to stay away.
        trial.set_user_attr(_DIVERGED, True)
        study.tell(trial, state=TrialState.PRUNED)
    except _StopRequested:
        _put_back(study, trial.number, trial.params)
    else:
        study.tell(trial, fitted.valid_rmse)


def _open_study(task: _Task) -> optuna.Study:
    """Open the study of a task, or create it."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    waits = {"timeout": _SECONDS_FOR_A_LOCK} if task.storage.startswith("sqlite") else {}
    try:
        storage = optuna.storages.RDBStorage(task.storage, {"connect_args": waits})
        return optuna.create_study(
            study_name=task.study,
            storage=storage,
            sampler=optuna.samplers.TPESampler(seed=task.sampler_seed),
            # The warm-up of the learning rate is no sign of what a trial will come to.
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=5, n_warmup_steps=task.preset.training.epochs // 4
            ),
            direction="minimize",
            load_if_exists=True,
        )
    except Exception as error:  # every storage has errors of its own
        raise StudyStorageError(str(error).splitlines()[0]) from error


def _put_back_abandoned(study: optuna.Study) -> None:
    """Put back the trials of a killed run; call it while nobody else can be running any."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        _put_back(study, trial.number, trial.params)


def _put_back(study: optuna.Study, number: int, values: dict[str, Any]) -> None:
    study.enqueue_trial(values)
    study.tell(number, state=TrialState.FAIL)


def _search(study: optuna.Study, task: _Task, options: TuningOptions, progress: Progress) -> None:
    """Let worker processes run trials; copy what is finished into the warehouse."""
    before = len(_finished(study))
    context = multiprocessing.get_context("spawn")
    tickets = max(0, options.trials - before)
    signals = Signals(context.Semaphore(tickets), context.Event(), context.Lock())
    workers = [
        context.Process(target=_work, args=(_for_worker(task, before, number), signals))
        for number in range(min(options.jobs, tickets))
    ]
    _log.info("Study %s has %d of %d trials", task.study, before, options.trials)
    try:
        for worker in workers:
            worker.start()
        with progress("Tuning") as draw:
            copied_at = time.monotonic()
            while any(worker.is_alive() for worker in workers):
                time.sleep(_SECONDS_BETWEEN_LOOKS)
                finished = _finished(study)
                draw(len(finished), options.trials, _describe_best(finished))
                if time.monotonic() - copied_at >= _SECONDS_BETWEEN_COPIES:
                    with suppress(WarehouseLockedError):  # somebody reads: there is time
                        _copy_trials(study, task)
                    copied_at = time.monotonic()
    except KeyboardInterrupt:
        raise TuningInterruptedError(len(_finished(study)), options.trials) from None
    finally:
        signals.stop.set()
        for worker in workers:
            worker.join()
        _copy_trials(study, task)
    for worker in workers:
        if worker.exitcode:
            raise TuningWorkerError(worker.exitcode)


def _for_worker(task: _Task, before: int, number: int) -> _Task:
    """Give a worker a seed of its own, and another one each time that the study goes on."""
    sequence = np.random.SeedSequence([task.sampler_seed, before, number])
    return replace(task, sampler_seed=int(sequence.generate_state(1)[0]))


def _work(task: _Task, signals: Signals) -> None:
    """Run trials while there are tickets: the life of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    torch.set_num_threads(1)
    with _read_patiently(task.database) as warehouse:
        dataset = without_test(load_dataset(warehouse, choose_device(task.device)))
    if dataset.fingerprint != task.fingerprint:
        return  # the parent finds out by itself
    study = _open_study(task)
    while not signals.stop.is_set() and time.time() < task.ends_at:
        if not signals.tickets.acquire(block=False):
            return
        run_trial(study, dataset, task.preset, task.teacher, signals)


@contextmanager
def _read_patiently(path: Path) -> Iterator[Warehouse]:
    """Open a warehouse for reading as soon as nobody writes to it."""
    for _ in range(_SECONDS_FOR_A_LOCK):
        with suppress(WarehouseLockedError):
            warehouse = open_for_reading(path)
            break
        time.sleep(1)
    else:
        warehouse = open_for_reading(path)
    with warehouse:
        yield warehouse


@contextmanager
def _only_tuner(file: Path) -> Iterator[None]:
    """Keep every other tuner away from the storage in this file.

    Raises:
        TuningBusyError: another process tunes.
    """
    with file.with_name(f"{file.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TuningBusyError(file) from None
        yield


def _finished(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=_FINISHED)


def _best_trial(study: optuna.Study) -> FrozenTrial:
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not complete:
        raise NothingTunedError()
    return min(complete, key=lambda trial: (_value(trial), trial.number))


def _describe_best(finished: list[FrozenTrial]) -> str:
    values = [_value(trial) for trial in finished]
    return f"RMSE {min(values):.4f}" if values else ""


def _value(trial: FrozenTrial) -> float:
    """Return the lowest valid RMSE that a trial reached; infinity if it reached none."""
    if trial.state == TrialState.COMPLETE and trial.value is not None:
        return trial.value
    return min(trial.intermediate_values.values(), default=math.inf)


def _copy_trials(study: optuna.Study, task: _Task) -> None:
    """Replace the study's rows of `trials` by what its storage holds now."""
    records = [
        TrialRecord(
            number=trial.number,
            state="failed" if trial.user_attrs.get(_DIVERGED) else _STATES[trial.state],
            value=_value(trial),
            hyperparameters=trial.params,
            epochs=len(trial.intermediate_values),
            seconds=trial.duration.total_seconds() if trial.duration else math.nan,
            started_at=utc(trial.datetime_start),
        )
        for trial in study.get_trials(deepcopy=False, states=tuple(_STATES))
    ]
    store_trials(task.database, task.fingerprint, task.study, records)


def _distributions(space: tuple[Hyperparameter, ...]) -> dict[str, BaseDistribution]:
    return {one.name: _distribution(one) for one in space}


def _distribution(one: Hyperparameter) -> BaseDistribution:
    if isinstance(one, Choice):
        return CategoricalDistribution(one.options)
    if isinstance(one, Whole):
        return IntDistribution(one.low, one.high, log=True)
    return FloatDistribution(one.low, one.high, log=one.is_logarithmic)
