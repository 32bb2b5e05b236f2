"""The study: Optuna's side of tuning; the only module that imports optuna.

Flows in: a preset and what may vary in it. Flows out: trials, each a training whose valid RMSE
after every epoch may end it early. The next file is `search.py`, which runs many at once.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from recsys.config import Preset
from recsys.data.registry import EpochRecord
from recsys.errors import DivergedError, NothingTunedError, StudyStorageError
from recsys.learning.dataset import Dataset, Interactions
from recsys.learning.teacher import Teacher
from recsys.learning.training import adapt, fit
from recsys.tuning.search_space import (
    Choice,
    Hyperparameter,
    Whole,
    preset_with,
    search_space,
    values_of,
)
from recsys.tuning.trial_log import TrialRecord, utc

Study = optuna.Study

_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}
_DIVERGED = "diverged"
_SECONDS_FOR_A_LOCK = 60


class _StopRequested(Exception):  # noqa: N818 - not an error: a person wants to stop
    """End a training at the end of an epoch."""


def open_study(storage: str, name: str, preset: Preset, sampler_seed: int) -> Study:
    """Open a study, or create it.

    Raises:
        StudyStorageError: the storage cannot be reached.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    waits = {"timeout": _SECONDS_FOR_A_LOCK} if storage.startswith("sqlite") else {}
    try:
        return optuna.create_study(
            study_name=name,
            storage=optuna.storages.RDBStorage(storage, {"connect_args": waits}),
            sampler=optuna.samplers.TPESampler(seed=sampler_seed),
            # The warm-up of the learning rate is no sign of what a trial will come to.
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=5, n_warmup_steps=preset.training.epochs // 4
            ),
            direction="minimize",
            load_if_exists=True,
        )
    except Exception as error:  # every storage has errors of its own
        raise StudyStorageError(str(error).splitlines()[0]) from error


def begin_with(study: Study, preset: Preset) -> None:
    """Let a new study begin with the preset itself."""
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(values_of(preset))


def put_back_abandoned(study: Study) -> None:
    """Put back the trials of a killed run; call it while nobody else can be running any."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        _put_back(study, trial.number, trial.params)


def run_trial(
    study: Study,
    dataset: Dataset,
    preset: Preset,
    teacher: Teacher | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
    asking: AbstractContextManager[Any] | None = None,
) -> None:
    """Train one suggested configuration; its valid RMSE after every epoch may end it early.

    A trial that is stopped goes back to the study, to be run again.

    Args:
        study: what suggests it and is told.
        dataset: what it learns from, and the valid ratings that judge it.
        preset: what is varied.
        teacher: as `fit` takes it.
        is_stopped: asked after every epoch.
        asking: held while a trial is taken from the study: SQLite locks no rows, and two
            workers could be given the same waiting trial.
    """
    with asking or nullcontext():
        trial = study.ask(_distributions(search_space(preset)))
    tuned = preset_with(preset, trial.params)

    def report(record: EpochRecord) -> None:
        trial.report(record.valid_rmse, record.epoch)
        if is_stopped():
            raise _StopRequested
        if trial.should_prune():
            raise optuna.TrialPruned

    try:
        config = adapt(tuned.training, dataset)
        fitted = fit(dataset, tuned.network, config, report, teacher)
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


def without_test(dataset: Dataset) -> Dataset:
    """Return the data set without its test ratings, so that nothing can look at them."""
    test = dataset.test
    nothing = Interactions(test.user_index[:0], test.movie_index[:0], test.rating[:0])
    return replace(dataset, test=nothing)


def finished_values(study: Study) -> list[float]:
    """Return the value of each finished trial (stars), infinity where there is none."""
    return [_value(trial) for trial in study.get_trials(deepcopy=False, states=_FINISHED)]


def best_values(study: Study) -> dict[str, Any]:
    """Return what the best complete trial set.

    Raises:
        NothingTunedError: no trial was completed.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not complete:
        raise NothingTunedError()
    return min(complete, key=lambda trial: (_value(trial), trial.number)).params


def trial_records(study: Study) -> list[TrialRecord]:
    """Return every trial that was begun, as a row of `trials`."""
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


def _distributions(space: tuple[Hyperparameter, ...]) -> dict[str, BaseDistribution]:
    return {one.name: _distribution(one) for one in space}


def _distribution(one: Hyperparameter) -> BaseDistribution:
    if isinstance(one, Choice):
        return CategoricalDistribution(one.options)
    if isinstance(one, Whole):
        return IntDistribution(one.low, one.high, log=True)
    return FloatDistribution(one.low, one.high, log=one.is_logarithmic)
