"""The search: many trials at once, in worker processes that share a study.

Flows in: a warehouse with data. Flows out: trials in the study's own storage, copied into
`trials`, and the best configuration, trained and compared with the current model's.
"""

import logging
import math
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event, Lock, Semaphore
from pathlib import Path
from typing import TypeVar

import numpy as np
from filelock import FileLock, Timeout
from optuna import Study

from recsys.config import PRESETS, Preset
from recsys.data.warehouse import open_for_reading, open_for_writing
from recsys.errors import (
    TuningBusyError,
    TuningInterruptedError,
    TuningWorkerError,
    WarehouseLockedError,
)
from recsys.learning.dataset import choose_device, load_dataset
from recsys.learning.teacher import Teacher
from recsys.learning.training import adapt, choose_preset, prepare_teacher, use_one_thread
from recsys.pipeline import TrainingOutcome
from recsys.progress import Progress, no_progress
from recsys.tuning.challenge import add_reference, challenge
from recsys.tuning.search_space import preset_with, signature_of
from recsys.tuning.study import (
    begin_with,
    best_values,
    finished_values,
    open_study,
    put_back_abandoned,
    run_trial,
    trial_records,
    without_test,
)
from recsys.tuning.trial_log import store_trials

_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_BETWEEN_COPIES = 5.0
_ATTEMPTS_WHILE_LOCKED = 60  # one a second

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


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
    """What each worker process is sent."""

    database: Path
    fingerprint: str
    storage: str
    study: str
    preset: Preset
    teacher: Teacher | None
    device: str
    ends_at: float  # seconds since the epoch


@dataclass(frozen=True)
class _Signals:
    """What the processes of one search share.

    Args:
        tickets: trials that may still begin.
        stop: set when no training is to go on.
        lock: held while a trial is taken from the study.
    """

    tickets: Semaphore
    stop: Event
    lock: Lock


def tune(path: Path, options: TuningOptions, progress: Progress = no_progress) -> TrainingOutcome:
    """Search, then compare the best configuration with that of the current model.

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
    with nullcontext() if options.storage else _locked(file):
        task = _Task(
            database=path,
            fingerprint=dataset.fingerprint,
            storage=options.storage or f"sqlite:///{file.resolve()}",
            study=f"{preset.name}-{dataset.fingerprint[:12]}-{signature_of(preset)}",
            preset=preset,
            teacher=prepare_teacher(blind) if preset.training.is_distilled else None,
            device=options.device,
            ends_at=time.time() + (options.timeout or math.inf),
        )
        study = open_study(task.storage, task.study, preset, options.seed)
        if options.storage is None:
            put_back_abandoned(study)
        begin_with(study, preset)
        _search(study, task, options, progress)
        values = best_values(study)
    add_reference(path, dataset, options.device, progress)
    _log.info("The best configuration: %s", values)
    return challenge(
        path,
        dataset,
        preset_with(preset, values),
        seeds=range(options.seed, options.seed + options.comparison_seeds),
        study=task.study,
        device=options.device,
        teacher=task.teacher,
        progress=progress,
    )


def _search(study: Study, task: _Task, options: TuningOptions, progress: Progress) -> None:
    """Let worker processes run trials; copy what is finished into the warehouse."""
    before = len(finished_values(study))
    _log.info("Study %s has %d of %d trials", task.study, before, options.trials)
    context = multiprocessing.get_context("spawn")
    tickets = max(0, options.trials - before)
    signals = _Signals(context.Semaphore(tickets), context.Event(), context.Lock())
    workers = [
        context.Process(target=_work, args=(task, _worker_seed(options.seed, before, one), signals))
        for one in range(min(options.jobs, tickets))
    ]
    try:
        with _ignoring_interrupts():
            for worker in workers:
                worker.start()
        _watch(study, task, options.trials, workers, progress)
    except KeyboardInterrupt:
        raise TuningInterruptedError(len(finished_values(study)), options.trials) from None
    finally:
        signals.stop.set()
        for worker in workers:
            if worker.pid is not None:
                worker.join()
        _retry_while_locked(lambda: _copy_trials(study, task))
    for worker in workers:
        if worker.exitcode:
            raise TuningWorkerError(worker.exitcode)


def _watch(
    study: Study, task: _Task, wanted: int, workers: list[SpawnProcess], progress: Progress
) -> None:
    """Draw and copy what is finished, until every worker has ended."""
    copied_at = time.monotonic()
    with progress("Tuning") as draw:
        while any(worker.is_alive() for worker in workers):
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            values = finished_values(study)
            draw(len(values), wanted, f"RMSE {min(values):.4f}" if values else "")
            if time.monotonic() - copied_at >= _SECONDS_BETWEEN_COPIES:
                with suppress(WarehouseLockedError):  # the next copy will do
                    _copy_trials(study, task)
                copied_at = time.monotonic()


def _worker_seed(seed: int, before: int, worker: int) -> int:
    """Return a seed of its own for each worker, another one each time that the study goes on."""
    return int(np.random.SeedSequence([seed, before, worker]).generate_state(1)[0])


def _work(task: _Task, sampler_seed: int, signals: _Signals) -> None:
    """Run trials while there are tickets: all that a worker process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Windows does not inherit it
    use_one_thread()
    with _retry_while_locked(lambda: open_for_reading(task.database)) as warehouse:
        dataset = without_test(load_dataset(warehouse, choose_device(task.device)))
    if dataset.fingerprint != task.fingerprint:
        return  # the parent finds out by itself
    study = open_study(task.storage, task.study, task.preset, sampler_seed)
    parent = multiprocessing.parent_process()

    def is_stopped() -> bool:
        is_orphan = parent is not None and not parent.is_alive()
        return is_orphan or signals.stop.is_set()

    while not is_stopped() and time.time() < task.ends_at:
        if not signals.tickets.acquire(block=False):
            return
        run_trial(study, dataset, task.preset, task.teacher, is_stopped, signals.lock)


def _copy_trials(study: Study, task: _Task) -> None:
    """Replace the study's rows of `trials` by what its storage holds now."""
    store_trials(task.database, task.fingerprint, task.study, trial_records(study))


def _retry_while_locked(act: Callable[[], Result]) -> Result:
    """Do what needs the warehouse, again each second while another process holds it."""
    for _ in range(_ATTEMPTS_WHILE_LOCKED):
        with suppress(WarehouseLockedError):
            return act()
        time.sleep(1)
    return act()


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C inside; processes that are started inside go on to ignore it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Keep other processes from tuning with the storage in this file.

    Raises:
        TuningBusyError: another process tunes.
    """
    try:
        lock = FileLock(f"{file}.lock").acquire(blocking=False)
    except Timeout:
        raise TuningBusyError(file) from None
    with lock:
        yield
