"""Evaluation: the model and its baselines, on the same rows."""

import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import duckdb
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from recsys.evaluation import BASELINES, evaluate, store_evaluation
from recsys.registry import current_model
from recsys.scoring import load_scorer
from recsys.warehouse import Warehouse, open_for_reading, open_for_writing

SPLITS, METRICS = ("train", "valid", "test"), ("rmse", "mae")


@pytest.fixture
def warehouse(built: Path) -> Iterator[Warehouse]:
    with open_for_reading(built) as opened:
        yield opened


def ask(warehouse: Warehouse, query: str) -> list[tuple]:
    return list(warehouse.stream(query)[1])


@pytest.fixture
def model_id(warehouse: Warehouse) -> str:
    return current_model(warehouse).model_id


def test_model_and_baselines_are_measured_on_every_split_by_every_metric(warehouse, model_id):
    rows = ask(warehouse, "select model_id, split, metric from evaluation")
    assert sorted(rows) == sorted(product((model_id, *BASELINES), SPLITS, METRICS))


def test_every_value_lies_inside_its_interval(warehouse):
    assert ask(warehouse, "from evaluation where not (0 < ci_low and ci_high < 5)") == []
    assert ask(warehouse, "from evaluation where value not between ci_low and ci_high") == []


def test_the_default_model_beats_the_bias_baseline_on_test(warehouse, model_id):
    errors = dict(
        ask(
            warehouse,
            "select model_id, value from evaluation where split = 'test' and metric = 'rmse'",
        )
    )
    assert errors[model_id] < errors["damped-bias"] < errors["global-mean"]


@pytest.mark.parametrize("split", SPLITS)
def test_values_are_those_of_scikit_learn_over_the_predictions(warehouse, model_id, split):
    rows = ask(
        warehouse,
        "select actual_rating, predicted_rating, global_mean, damped_bias from predictions "
        "inner join baseline_predictions using (user_id, movie_id) "
        f"where predictions.split = '{split}'",
    )
    actual, *predictions = zip(*rows, strict=True)
    for name, predicted in zip((model_id, "global-mean", "damped-bias"), predictions, strict=True):
        expected = {
            "rmse": root_mean_squared_error(actual, predicted),
            "mae": mean_absolute_error(actual, predicted),
        }
        stored = dict(
            ask(
                warehouse,
                "select metric, value from evaluation "
                f"where model_id = '{name}' and split = '{split}'",
            )
        )
        assert stored == pytest.approx(expected, rel=1e-6)


def test_baselines_learn_from_train_alone(warehouse):
    ((mean,),) = ask(warehouse, "select avg(rating) from split_ratings where split = 'train'")
    means = ask(warehouse, "select distinct global_mean from baseline_predictions")
    assert means == [(pytest.approx(mean),)]


def test_the_valid_error_is_the_one_that_training_saw(warehouse, model_id):
    ((during, after),) = ask(
        warehouse,
        "select valid_rmse, value from models inner join evaluation using (model_id) "
        f"where model_id = '{model_id}' and split = 'valid' and metric = 'rmse'",
    )
    assert during == pytest.approx(after, abs=1e-5)


def test_evaluating_again_replaces_the_rows_and_leaves_those_of_other_models(built):
    with duckdb.connect(built) as connection:
        connection.execute("insert into evaluation values ('other', 'test', 'rmse', 9, 9, 9)")
        before = connection.execute("from evaluation order by all").fetchall()
    with open_for_writing(built) as warehouse:
        model = load_scorer(current_model(warehouse), "cpu")
        store_evaluation(warehouse, model.stored.model_id, evaluate(warehouse, model))
        assert ask(warehouse, "from evaluation order by all") == before


def test_the_same_rows_give_the_same_evaluation_with_any_number_of_threads(built, tmp_path):
    copy = Path(shutil.copy(built, tmp_path / "copy.duckdb"))
    found = []
    for path, threads in ((built, 1), (copy, 8)):
        with open_for_reading(path) as warehouse:
            warehouse._connection.execute(f"set threads = {threads}")
            found.append(evaluate(warehouse, load_scorer(current_model(warehouse), "cpu")))
    assert found[0] == found[1]
