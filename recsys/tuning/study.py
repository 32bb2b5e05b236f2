"""The study: what Optuna suggests, and what became of each trial.

Flows in: a preset and what may vary in it. Flows out: trials, each a training whose valid RMSE
after every epoch may end it early.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import optuna
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from recsys.config import Preset
from recsys.data.registry import EpochRecord
from recsys.errors import DivergedError, NothingTunedError, StudyStorageError
from recsys.learning.dataset import Dataset, Interactions
from recsys.learning.teacher import Teacher
from recsys.learning.training import adapt, fit
from recsys.tuning.search_space import preset_with, search_space, values_of
from recsys.tuning.trial_log import TrialRecord, utc

_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}
_DIVERGED = "diverged"  # attribute of a trial
_SQLITE_TIMEOUT = 60  # seconds until a locked storage is an error


class _Stopped(Exception):  # noqa: N818 - not an error: a person wants to stop
    """The training was stopped after an epoch."""


def open_study(storage: str, name: str, preset: Preset, sampler_seed: int) -> Study:
    """Open a study, or create it.

    Raises:
        StudyStorageError: the storage cannot be reached.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    waits = {"timeout": _SQLITE_TIMEOUT} if storage.startswith("sqlite") else {}
    try:
        return optuna.create_study(
            study_name=name,
            storage=optuna.storages.RDBStorage(storage, {"connect_args": waits}),
            sampler=optuna.samplers.TPESampler(seed=sampler_seed),
            # Errors during the warm-up of the learning rate say little about the final one.
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=5, n_warmup_steps=preset.training.epochs // 4
            ),
            direction="minimize",
            load_if_exists=True,
        )
    except Exception as error:  # each kind of storage raises its own
        raise StudyStorageError(str(error).splitlines()[0]) from error


def begin_with(study: Study, preset: Preset) -> None:
    """Let a new study begin with the preset itself."""
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(values_of(preset))


def put_back_abandoned(study: Study) -> None:
    """Put back the trials of a killed run; no other process may be running any."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        _put_back(study, trial.number, trial.params)


def run_trial(
    study: Study,
    dataset: Dataset,
    preset: Preset,
    teacher: Teacher | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
    lock: AbstractContextManager[Any] | None = None,
) -> None:
    """Train one suggested configuration; its valid RMSE after every epoch may end it early.

    A trial that is stopped goes back to the study, to be run again.

    Args:
        study: suggests the configuration and records its errors.
        dataset: ratings to train on and valid ratings to judge by.
        preset: what is varied.
        teacher: as `fit` takes it.
        is_stopped: asked after every epoch.
        lock: held while a trial is taken from the study: SQLite locks no rows, and two
            workers could be given the same waiting trial.
    """
    with lock or nullcontext():
        trial = study.ask(search_space(preset))
    tuned = preset_with(preset, trial.params)

    def report(record: EpochRecord) -> None:
        trial.report(record.valid_rmse, record.epoch)
        if is_stopped():
            raise _Stopped
        if trial.should_prune():
            raise optuna.TrialPruned

    try:
        config = adapt(tuned.training, dataset)
        fitted = fit(dataset, tuned.network, config, report, teacher)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except DivergedError:
        # The sampler learns from pruned trials, not from failed ones, and so stays away.
        trial.set_user_attr(_DIVERGED, True)
        study.tell(trial, state=TrialState.PRUNED)
    except _Stopped:
        _put_back(study, trial.number, trial.params)
    else:
        study.tell(trial, fitted.valid_rmse)


def without_test(dataset: Dataset) -> Dataset:
    """Return the data set without its test ratings, so that no trial can use them."""
    test = dataset.test
    empty = Interactions(test.user_index[:0], test.movie_index[:0], test.rating[:0])
    return replace(dataset, test=empty)


def finished_values(study: Study) -> list[float]:
    """Return the valid RMSE of each finished trial (stars), infinity where there is none."""
    return [_value(trial) for trial in study.get_trials(deepcopy=False, states=_FINISHED)]


def best_values(study: Study) -> dict[str, Any]:
    """Return the hyperparameters of the best complete trial.

    Raises:
        NothingTunedError: no trial was completed.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not complete:
        raise NothingTunedError()
    return min(complete, key=lambda trial: (_value(trial), trial.number)).params


def trial_records(study: Study) -> list[TrialRecord]:
    """Return each trial that was begun as a row of `trials`."""
    return [
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


def _put_back(study: Study, number: int, values: dict[str, Any]) -> None:
    study.enqueue_trial(values)
    study.tell(number, state=TrialState.FAIL)


def _value(trial: FrozenTrial) -> float:
    """Return the lowest valid RMSE that a trial reached; infinity if it reached none."""
    if trial.state == TrialState.COMPLETE and trial.value is not None:
        return trial.value
    return min(trial.intermediate_values.values(), default=math.inf)
