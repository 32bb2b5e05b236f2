"""The search: what it tries, what it keeps, and what it must never look at."""

import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.trial import TrialState

from recsys.config import PRESETS
from recsys.data.warehouse import open_for_reading, open_for_writing
from recsys.errors import (
    NothingTunedError,
    StudyStorageError,
    TuningBusyError,
    TuningWorkerError,
    WarehouseChangedError,
)
from recsys.learning.dataset import Dataset, choose_device, load_dataset
from recsys.tuning import search
from recsys.tuning.search import TuningOptions, tune
from recsys.tuning.search_space import search_space, values_of
from recsys.tuning.study import (
    best_values,
    put_back_abandoned,
    run_trial,
    trial_records,
    without_test,
)
from recsys.tuning.trial_log import store_trials
from tests.conftest import PROJECT, hear_interrupts

DIRECT = replace(PRESETS["direct"], training=replace(PRESETS["direct"].training, epochs=6))
QUICK = TuningOptions(trials=3, preset="direct", comparison_seeds=2, device="cpu")


@pytest.fixture(autouse=True)
def _quick_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers get a preset that trains in a moment."""
    monkeypatch.setattr(search, "PRESETS", {"direct": DIRECT})


@pytest.fixture
def dataset(built: Path) -> Dataset:
    with open_for_reading(built) as warehouse:
        return load_dataset(warehouse, choose_device("cpu"))


@pytest.fixture
def study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))


@pytest.fixture
def only_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what comes after the search: it has tests of its own."""
    monkeypatch.setattr(search, "add_reference", lambda *arguments: None)
    monkeypatch.setattr(search, "challenge", lambda *arguments, **options: None)


def trials_in(path: Path) -> list[dict[str, Any]]:
    with open_for_reading(path) as warehouse:
        return list(warehouse.rows("select_trials"))


def test_a_trial_reports_every_epoch(dataset: Dataset, study: optuna.Study) -> None:
    run_trial(study, dataset, DIRECT)
    trial = study.trials[0]
    assert trial.state == TrialState.COMPLETE
    assert sorted(trial.intermediate_values) == [1, 2, 3, 4, 5, 6]
    assert trial.value == min(trial.intermediate_values.values())
    assert set(trial.params) == set(search_space(DIRECT))


def test_test_ratings_are_never_read(dataset: Dataset) -> None:
    def values(data: Dataset) -> list[float | None]:
        sampler = optuna.samplers.TPESampler(seed=3)
        study = optuna.create_study(sampler=sampler)
        for _ in range(2):
            run_trial(study, data, DIRECT)
        return [trial.value for trial in study.trials]

    unknown = replace(dataset.test, rating=torch.full_like(dataset.test.rating, torch.nan))
    assert values(dataset) == values(replace(dataset, test=unknown))
    assert values(dataset) == values(without_test(dataset))
    assert len(without_test(dataset).test) == 0


def test_the_pruner_ends_a_trial(dataset: Dataset) -> None:
    study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=0.0))
    run_trial(study, dataset, DIRECT)
    assert study.trials[0].state == TrialState.PRUNED
    assert list(study.trials[0].intermediate_values) == [1]


@pytest.mark.filterwarnings("ignore:The reported value is ignored")
def test_a_trial_that_diverges_is_pruned_and_marked(dataset: Dataset, study: optuna.Study) -> None:
    infinite = replace(dataset.train, rating=torch.full_like(dataset.train.rating, torch.inf))
    run_trial(study, dataset.with_train(infinite), DIRECT)
    assert study.trials[0].state == TrialState.PRUNED
    assert study.trials[0].user_attrs == {"diverged": True}


@pytest.mark.slow
def test_tune_ends_with_a_challenge_and_a_reference(built: Path) -> None:
    outcome = tune(built, replace(QUICK, trials=1))
    assert outcome.preset == "direct-tuned"
    assert outcome.reason
    with open_for_reading(built) as warehouse:
        studies = [trial["study"] for trial in list(warehouse.rows("select_trials"))]
        _, stored = warehouse.stream("select preset, study from models where not is_current")
        found = dict(stored)
    assert found["notebook"] is None
    assert found.get("direct-tuned", studies[0]) == studies[0]


@pytest.mark.slow
@pytest.mark.usefixtures("only_search")
def test_tune_stores_trials_and_goes_on_where_it_was(built: Path) -> None:
    tune(built, QUICK)
    first = trials_in(built)
    assert [trial["number"] for trial in first] == [0, 1, 2]
    assert {trial["state"] for trial in first} <= {"complete", "pruned"}
    assert json.loads(first[0]["hyperparameters"]) == values_of(DIRECT)
    assert all(trial["epochs"] > 0 and trial["seconds"] > 0 for trial in first)

    tune(built, replace(QUICK, trials=5, jobs=2))
    more = trials_in(built)
    assert more[:3] == first
    assert [trial["number"] for trial in more] == [0, 1, 2, 3, 4]
    settings = [trial["hyperparameters"] for trial in more]
    assert len(set(settings)) == 5, "a search that goes on must not try the same again"


@pytest.mark.slow
@pytest.mark.usefixtures("only_search")
def test_the_same_seed_gives_the_same_trials(built: Path, tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        options = replace(QUICK, storage=f"sqlite:///{tmp_path / name}.sqlite", seed=7)
        tune(built, options)
        found.append([(one["value"], one["hyperparameters"]) for one in trials_in(built)])
    assert found[0] == found[1]


@pytest.mark.slow
@pytest.mark.usefixtures("only_search")
def test_changed_data_begin_a_new_study(built: Path) -> None:
    tune(built, replace(QUICK, trials=1))
    with open_for_writing(built) as warehouse:
        warehouse.run_file(_sql(built.parent, "update settings set split_seed = 43;"))
    tune(built, replace(QUICK, trials=1))
    with open_for_reading(built) as warehouse:
        _, found = warehouse.stream("select distinct study from trials")
        assert len(list(found)) == 2


def _sql(folder: Path, text: str) -> Path:
    file = folder / "change.sql"
    file.write_text(text)
    return file


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_done(built: Path) -> None:
    command = [sys.executable, str(PROJECT / "cli.py"), "--database", str(built)]
    running = subprocess.Popen(
        [*command, "tune", "--preset", "direct", "--trials", "500"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=hear_interrupts,
    )
    storage = built.with_name(f"{built.name}.tuning.sqlite")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not _finished_in(storage):
        time.sleep(0.5)
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "of 500 trials, which are kept" in said
    assert "Traceback" not in said
    states = [trial["state"] for trial in trials_in(built)]
    assert "complete" in states
    assert "running" not in states
    assert sum(state == "failed" for state in states) <= 1


def _finished_in(storage: Path) -> int:
    """Return how many trials were completed; only read, for a reader of Optuna's would write."""
    try:
        with closing(sqlite3.connect(f"file:{storage}?mode=ro", uri=True)) as connection:
            query = "select count(*) from trials where state = 'COMPLETE'"
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_trials_of_a_killed_run_are_put_back(dataset: Dataset, study: optuna.Study) -> None:
    abandoned = study.ask(search_space(DIRECT))
    put_back_abandoned(study)
    assert study.trials[0].state == TrialState.FAIL
    run_trial(study, dataset, DIRECT)
    assert study.trials[1].params == abandoned.params


def test_without_a_complete_trial_there_is_nothing_to_promote(study: optuna.Study) -> None:
    study.tell(study.ask(), state=TrialState.PRUNED)
    with pytest.raises(NothingTunedError):
        best_values(study)


def test_a_storage_that_cannot_be_reached_is_foreseen(built: Path) -> None:
    with pytest.raises(StudyStorageError) as caught:
        tune(built, replace(QUICK, storage="nonsense://secret@nowhere/db"))
    assert "secret" not in caught.value.what


def test_two_searches_do_not_share_a_file(tmp_path: Path) -> None:
    file = tmp_path / "study.sqlite"
    with search._locked(file), pytest.raises(TuningBusyError), search._locked(file):
        pass
    with search._locked(file):
        pass


@pytest.mark.slow
def test_a_worker_that_dies_is_noticed(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_work", os.abort)
    with pytest.raises(TuningWorkerError):
        tune(built, QUICK)


def test_trials_are_not_stored_beside_other_data(built: Path) -> None:
    with pytest.raises(WarehouseChangedError):
        store_trials(built, "another fingerprint", "study", [])


def test_a_trial_that_reached_nothing_has_no_value(study: optuna.Study) -> None:
    study.tell(study.ask(), state=TrialState.PRUNED)
    assert [record.value for record in trial_records(study)] == [math.inf]
