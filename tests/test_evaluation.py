"""Evaluation: the model and its baselines, on the same rows."""

import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import duckdb
import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, ndcg_score, root_mean_squared_error

from recsys.data.registry import current_model
from recsys.data.warehouse import Warehouse, open_for_reading, open_for_writing
from recsys.serving.evaluation import (
    BASELINES,
    evaluate,
    evaluate_recommendations,
    store_evaluation,
)
from recsys.serving.recommendation import load_known_ratings
from recsys.serving.scoring import load_scorer

SPLITS, ERRORS = ("train", "valid", "test"), ("rmse", "mae")
HELD_OUT, RANKINGS = ("valid", "test"), ("ndcg_10", "precision_10", "recall_10")
RANKERS = ("damped-bias", "popularity")


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
    assert sorted(rows) == sorted(
        [
            *product((model_id, *BASELINES), SPLITS, ERRORS),
            *product((model_id, *RANKERS), HELD_OUT, RANKINGS),
            *product((model_id,), HELD_OUT, ("coverage", "interval_width")),
            *product((model_id, *RANKERS), ("unrated",), ("catalogue_coverage", "mean_popularity")),
        ]
    )


def test_every_value_lies_inside_its_interval(warehouse):
    assert ask(warehouse, "from evaluation where value not between ci_low and ci_high") == []
    assert ask(warehouse, "from evaluation where value <= 0 or ci_low > ci_high") == []
    shares = "('coverage', 'catalogue_coverage', 'ndcg_10', 'precision_10', 'recall_10')"
    assert ask(warehouse, f"from evaluation where metric in {shares} and value > 1") == []
    without = "select distinct metric from evaluation where ci_low is null or ci_high is null"
    assert ask(warehouse, without) == [("catalogue_coverage",)]


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
                f"where model_id = '{name}' and split = '{split}' and metric in {ERRORS}",
            )
        )
        assert stored == pytest.approx(expected, rel=1e-6)


# Rankings


def held_out(warehouse: Warehouse, split: str) -> dict[int, np.ndarray]:
    """Return (rating, is liked, then by what each ranks) of each user, shape (rows, 5)."""
    found: dict[int, list[tuple]] = {}
    for user, *values in ask(
        warehouse,
        "select user_id, rating, rating >= avg(rating) over (partition by user_id) as is_liked, "
        "predicted_rating, damped_bias, count(*) filter (where baseline.split = 'train') "
        "over (partition by movie_id) as popularity, baseline.split "
        "from baseline_predictions as baseline inner join predictions using (user_id, movie_id) "
        f"qualify baseline.split = '{split}' order by user_id, movie_id",
    ):
        found.setdefault(user, []).append(tuple(values[:-1]))
    return {user: np.array(rows, float) for user, rows in found.items()}


@pytest.mark.parametrize("split", HELD_OUT)
def test_rankings_are_of_each_users_own_held_out_movies(warehouse, model_id, split):
    users = held_out(warehouse, split)
    for column, name in enumerate((model_id, *RANKERS), start=2):
        gains, precisions, recalls = [], [], []
        for rows in users.values():
            # What is equal keeps its order, by movie_id.
            order = np.argsort(-rows[:, column], kind="stable")
            falling = -np.arange(len(rows))
            if len(rows) > 1:
                gains.append(ndcg_score([rows[order, 0]], [falling], k=10))
            if len(rows) > 1 and rows[:, 1].any():
                precisions.append(rows[order[:10], 1].mean())
                recalls.append(rows[order[:10], 1].sum() / rows[:, 1].sum())
        stored = ask(
            warehouse,
            f"select metric, value from evaluation where model_id = '{name}' "
            f"and split = '{split}' and metric in {RANKINGS}",
        )
        expected = [np.mean(values) for values in (gains, precisions, recalls)]
        assert dict(stored) == pytest.approx(dict(zip(RANKINGS, expected, strict=True)), abs=1e-6)


def test_the_default_model_ranks_better_than_the_baselines_on_test(warehouse, model_id):
    found = dict(
        ask(
            warehouse,
            "select model_id, value from evaluation where split = 'test' and metric = 'ndcg_10'",
        )
    )
    assert found[model_id] > found["damped-bias"] > found["popularity"]


# Intervals


@pytest.mark.parametrize("split", HELD_OUT)
def test_coverage_and_width_are_those_of_the_predictions(warehouse, model_id, split):
    (expected,) = ask(
        warehouse,
        "select avg((actual_rating between lower and upper)::int), avg(upper::double - lower) "
        f"from predictions where split = '{split}'",
    )
    stored = ask(
        warehouse,
        f"select value from evaluation where model_id = '{model_id}' and split = '{split}' "
        "and metric in ('coverage', 'interval_width') order by metric",
    )
    assert [value for (value,) in stored] == pytest.approx(expected, abs=1e-6)
    assert 0.85 < stored[0][0] < 0.95


# What is recommended


def test_recommendations_are_measured_by_whom_they_reach(warehouse, model_id):
    expected = ask(
        warehouse,
        """
        with popularity as (
            select movie_id, count(*) filter (where split = 'train') as rating_count
            from split_ratings group by movie_id
        ),
        biased as (select distinct movie_id, movie_bias from baseline_predictions),
        unrated as (
            select user_id, movie_id, rating_count, movie_bias
            from predictions
            inner join popularity using (movie_id)
            inner join biased using (movie_id)
            where split is null
        ),
        recommended as (
            select model_id, user_id, movie_id from recommendations where method = 'rating'
            union all
            select 'popularity', user_id, movie_id from unrated qualify row_number()
            over (partition by user_id order by rating_count desc, movie_id) <= 10
            union all
            select 'damped-bias', user_id, movie_id from unrated qualify row_number()
            over (partition by user_id order by movie_bias desc, movie_id) <= 10
        )
        select model_id, count(distinct movie_id) / (select count(*) from top_movies),
            avg(rating_count)
        from recommended inner join popularity using (movie_id)
        group by model_id order by model_id
        """,
    )
    stored = ask(
        warehouse,
        "select model_id, max(value) filter (where metric = 'catalogue_coverage'), "
        "max(value) filter (where metric = 'mean_popularity') from evaluation "
        "where split = 'unrated' group by model_id order by model_id",
    )
    assert [row[0] for row in stored] == sorted([model_id, *RANKERS])
    for one, other in zip(stored, expected, strict=True):
        assert one == (other[0], pytest.approx(other[1]), pytest.approx(other[2]))


def test_the_most_popular_movies_are_more_popular_than_what_the_model_recommends(
    warehouse, model_id
):
    found = dict(
        ask(
            warehouse,
            "select model_id, value from evaluation where metric = 'mean_popularity'",
        )
    )
    assert found["popularity"] > found[model_id]


# The rows of `evaluation`


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
        known = load_known_ratings(warehouse, model.stored)
        recommended = evaluate_recommendations(warehouse, model.stored, known)
        store_evaluation(warehouse, model.stored.model_id, recommended)
        assert ask(warehouse, "from evaluation order by all") == before


def test_the_same_rows_give_the_same_evaluation_with_any_number_of_threads(built, tmp_path):
    copy = Path(shutil.copy(built, tmp_path / "copy.duckdb"))
    found = []
    for path, threads in ((built, 1), (copy, 8)):
        with open_for_writing(path) as warehouse:
            warehouse.connection.execute(f"set threads = {threads}")
            found.append(evaluate(warehouse, load_scorer(current_model(warehouse), "cpu")))
    assert found[0] == found[1]
