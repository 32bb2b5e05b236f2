"""The main job: repeatable, atomic, and careful about which model is current."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import torch

from recsys import pipeline
from recsys.config import TrainingOptions
from recsys.data import warehouse
from recsys.data.registry import NewModel, current_model
from recsys.data.warehouse import open_for_reading, open_for_writing
from recsys.errors import (
    CheckFailedError,
    NoActiveUsersError,
    SourceNotFoundError,
    TooFewRatingsError,
    WarehouseChangedError,
    WarehouseMissingError,
)
from recsys.learning import model as learning_model
from recsys.learning.dataset import load_dataset
from recsys.pipeline import build, publish, train
from recsys.serving.batch_scoring import score_by_current_model, use_model
from tests.conftest import contents, execute

SOURCE, SETTINGS = "sample:20000", {"top_movies": 60, "min_ratings": 20}
ON_CPU = TrainingOptions(device="cpu")


def files_beside(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir() if file.name != "cache"}


# The build


@pytest.mark.parametrize("threads", [1, 8])
def test_builds_give_identical_tables_with_any_number_of_threads(
    built, tmp_path, monkeypatch, threads
):
    monkeypatch.setitem(warehouse._CONFIG, "threads", threads)
    path = tmp_path / "again.duckdb"
    build(path, SOURCE, **SETTINGS, training=ON_CPU)
    expected, found = contents(built), contents(path)
    assert found.keys() == expected.keys()
    for table in expected:
        assert found[table] == expected[table], table
    assert len(found["models"]) == 1
    assert found["predictions"]


def test_a_build_returns_the_funnel_and_what_became_of_the_training(built, tmp_path):
    path = tmp_path / "new.duckdb"
    funnel, outcome = build(path, SOURCE, **SETTINGS, training=None)
    assert funnel.columns == ("step", "ratings", "users", "movies")
    assert funnel.values == execute(built, "from rating_funnel")
    assert outcome is None
    assert execute(path, "select (select count(*) from models), count(*) from predictions") == [
        (0, 0)
    ]


def test_settings_change_the_settings_row_and_the_views_follow(built, tmp_path):
    path = tmp_path / "new.duckdb"
    build(path, SOURCE, top_movies=50, min_ratings=15, split_seed=7, training=None)
    before, after = contents(built), contents(path)
    assert [row[:2] for row in after["settings"]] == [(50, 15)]
    assert after["raw_ratings"] == before["raw_ratings"]
    assert execute(path, "select count(*), max(movie_index) from top_movies") == [(50, 49)]
    assert execute(path, "select min(rating_count) >= 15 from active_users") == [(True,)]


def break_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: warehouse.Warehouse, layer: str) -> None:
        raise CheckFailedError("data_check", "meaning", 1, "user_id=1")

    monkeypatch.setattr(warehouse.Warehouse, "check", fail)


def break_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(learning_model, "create_model", fail)


@pytest.mark.parametrize(
    ("error", "source", "settings", "sabotage"),
    [
        (SourceNotFoundError, "no/such/file.csv", SETTINGS, None),
        (NoActiveUsersError, SOURCE, SETTINGS | {"min_ratings": 10_000}, None),
        (TooFewRatingsError, "ratings.csv", SETTINGS | {"min_ratings": 1}, None),
        (CheckFailedError, SOURCE, SETTINGS, break_a_check),
        (KeyboardInterrupt, SOURCE, SETTINGS, break_the_training),
    ],
    ids=["no source", "nobody active", "too few", "check", "interrupted"],
)
def test_a_build_that_fails_leaves_the_old_file_and_nothing_else(
    built, write_csv, monkeypatch, error, source, settings, sabotage: Callable | None
):
    write_csv("ratings.csv", ("user_id", "movie_id", "rating"), [(1, 1, 3), (1, 2, 4)])
    before, files = built.read_bytes(), files_beside(built)
    if sabotage is not None:
        sabotage(monkeypatch)
    with pytest.raises(error):
        build(built, source, **settings, training=ON_CPU)
    assert built.read_bytes() == before
    assert files_beside(built) == files


# Which model is current


@pytest.fixture(scope="module")
def _candidate(_built: Path) -> NewModel:
    with open_for_reading(_built) as opened:
        dataset = load_dataset(opened, torch.device("cpu"))
    return learning_model.create_model(dataset, TrainingOptions("notebook", seed=5, device="cpu"))


@pytest.fixture
def candidate(built: Path, _candidate: NewModel) -> Callable[..., NewModel]:
    """Return a function that makes a new model, so much better on valid than the current."""
    with open_for_reading(built) as opened:
        current = current_model(opened)

    def make(better_by: float) -> NewModel:
        return replace(_candidate, valid_rmse=current.valid_rmse - better_by)

    return make


def publish_to(path: Path, model: NewModel, promote: str) -> pipeline.TrainingOutcome:
    with open_for_writing(path) as opened:
        return publish(opened, model, replace(ON_CPU, promote=promote))


@pytest.mark.parametrize(
    ("promote", "better_by", "is_promoted", "reason"),
    [
        ("better", 0.01, True, "its valid RMSE is {new}, that of model {current_id} {old}"),
        ("better", 0.0, False, "its valid RMSE is {new}, that of model {current_id} {old}"),
        ("better", -0.01, False, "its valid RMSE is {new}, that of model {current_id} {old}"),
        ("always", -0.01, True, "--promote always"),
        ("never", 0.01, False, "--promote never"),
    ],
    ids=["better", "equal", "worse", "always", "never"],
)
def test_a_model_becomes_current_as_promote_says(
    built, candidate, promote, better_by, is_promoted, reason
):
    ((current_id, old_rmse),) = execute(built, "select model_id, valid_rmse from models")
    model = candidate(better_by)
    outcome = publish_to(built, model, promote)
    assert outcome.is_promoted == is_promoted
    assert outcome.reason == reason.format(
        new=f"{model.valid_rmse:.4f}", old=f"{old_rmse:.4f}", current_id=current_id
    )
    expected = model.model_id if is_promoted else current_id
    assert execute(built, "select model_id from models where is_current") == [(expected,)]
    for table in ("predictions", "recommendations"):
        assert execute(built, f"select distinct model_id from {table}") == [(expected,)]
    evaluated = execute(
        built,
        f"select split, metric from evaluation where model_id = '{model.model_id}' "
        "and split in ('test', 'unrated') order by all",
    )
    on_test = ("coverage", "interval_width", "mae", "ndcg_10", "precision_10", "recall_10", "rmse")
    recommended = ("catalogue_coverage", "mean_popularity") if is_promoted else ()
    assert evaluated == [
        *(("test", metric) for metric in on_test),
        *(("unrated", metric) for metric in recommended),
    ]
    # Whoever is current: what the baselines would recommend is known.
    assert execute(built, "select count(*) from evaluation where split = 'unrated'") >= [(4,)]


def test_a_model_of_other_data_is_replaced_by_a_worse_one(built, candidate):
    execute(built, "update models set data_fingerprint = 'of other data'")
    outcome = publish_to(built, candidate(better_by=-1.0), "better")
    assert outcome.is_promoted
    assert outcome.reason.startswith("the data changed since model ")


def test_models_that_are_not_current_stay_and_can_come_back(built, candidate):
    ((first,),) = execute(built, "select model_id from models")
    before = contents(built)
    model = candidate(better_by=0.01)
    publish_to(built, model, "better")
    counts = execute(built, "select model_id, count(*) from training_history group by all")
    assert dict(counts) == {
        first: len(before["training_history"]),
        model.model_id: len(model.history),
    }
    with duckdb.connect(built) as connection:
        connection.execute("update models set is_current = (model_id = $1)", [first])
    score_by_current_model(built, "cpu")
    after = contents(built)
    assert after["predictions"] == before["predictions"]
    assert after["recommendations"] == before["recommendations"]


def test_a_model_trained_twice_is_stored_once(built):
    before = contents(built)
    outcome = train(built, ON_CPU)
    assert outcome.reason == "it is the same as the current model, weight for weight"
    assert outcome.is_promoted
    assert contents(built) == before


def test_data_that_change_during_the_training_are_an_error(built, monkeypatch, candidate):
    model = replace(candidate(better_by=0.1), data_fingerprint="as they were before")
    monkeypatch.setattr(learning_model, "create_model", lambda *arguments: model)
    before = contents(built)
    with pytest.raises(WarehouseChangedError, match="changed while the model was being trained"):
        train(built, ON_CPU)
    assert contents(built) == before


def test_a_failure_while_publishing_leaves_everything_as_it_was(built, monkeypatch, candidate):
    def fail(*arguments: object) -> None:
        raise RuntimeError("in the middle")

    before = contents(built)
    monkeypatch.setattr(pipeline, "score_everyone", fail)
    with pytest.raises(RuntimeError, match="in the middle"):
        publish_to(built, candidate(better_by=0.1), "always")
    assert contents(built) == before


def test_what_is_fitted_on_valid_too_is_another_model_with_the_same_curve(built):
    outcome = train(built, replace(ON_CPU, fit_on="train+valid", promote="always"))
    rows = execute(
        built,
        "select fit_on, best_epoch, epochs, valid_rmse from models order by created_at, fit_on",
    )
    assert [row[0] for row in rows] == ["train", "train+valid"]
    assert rows[0][1:] == rows[1][1:]
    errors = dict(
        execute(
            built,
            "select model_id, value from evaluation where split = 'valid' and metric = 'rmse'",
        )
    )
    assert errors[outcome.model_id] < outcome.valid_rmse, "valid is learnt from now"


def test_intervals_of_what_is_fitted_on_valid_come_from_the_fit_that_never_saw_it(built):
    train(built, replace(ON_CPU, fit_on="train+valid", promote="always"))
    residuals = (
        "select user_id, movie_id, residual from calibration_residuals inner join models "
        "using (model_id) where fit_on = '{}' order by all"
    )
    radii = residuals.replace(
        "movie_id, residual from calibration_residuals", "radius from interval_radii"
    )
    for query in (residuals, radii):
        alone, both = (execute(built, query.format(fit)) for fit in ("train", "train+valid"))
        assert alone == both != []


def test_intervals_come_back_with_their_model(built, candidate):
    ((first,),) = execute(built, "select model_id from models")
    interval = "select user_id, movie_id, lower, upper from predictions order by all"
    before = execute(built, interval)
    publish_to(built, candidate(better_by=0.01), "better")
    assert execute(built, interval) != before
    use_model(built, first, "cpu")
    assert execute(built, interval) == before


def test_training_needs_a_warehouse(tmp_path):
    with pytest.raises(WarehouseMissingError):
        train(tmp_path / "none.duckdb", ON_CPU)


# A model whose data changed


@pytest.mark.parametrize(
    "change",
    [
        "update settings set top_movies = 30, min_ratings = 10",
        "delete from raw_ratings where user_id in "
        "(select user_id from user_embeddings where user_index % 3 = 0)",
        "delete from raw_movies",
    ],
    ids=["settings", "ratings", "titles"],
)
def test_a_stale_model_scores_with_its_own_users_and_movies(built, caplog, change):
    known = "select (select count(*) from user_embeddings) * count(*) from movie_embeddings"
    expected = (
        "select user_id, movie_id, lower, predicted_rating, upper from predictions order by all"
    )
    before = execute(built, expected)
    execute(built, change)
    done = score_by_current_model(built, "cpu")
    assert f"Model {done.model_id} is stale" in caplog.text
    assert execute(built, known) == [(len(before),)] == [(done.prediction_count,)]
    assert execute(built, expected) == before


def test_a_copy_of_the_file_is_complete(built, tmp_path):
    copy = Path(shutil.copy(built, tmp_path / "elsewhere.duckdb"))
    before = contents(copy)
    score_by_current_model(copy, "cpu")
    assert contents(copy) == before
