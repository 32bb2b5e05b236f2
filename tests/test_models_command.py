"""Several models in one file: list them, go back to one, and SQL follows."""

import json
from pathlib import Path
from typing import Any

import pytest

from recsys import pipeline
from recsys.config import PRESETS, TrainingOptions
from recsys.data.warehouse import open_for_reading, open_for_writing


def ask(database: Path, query: str) -> list[tuple[Any, ...]]:
    with open_for_reading(database) as warehouse:
        return list(warehouse.stream(query)[1])


def train(database: Path, preset: str, **options: Any) -> pipeline.TrainingOutcome:
    chosen = TrainingOptions(preset, device="cpu", **options)
    return pipeline.train(database, chosen)


HAD_A_PART = {
    "distilled": {"gaussian", "teacher", "features"},
    "direct": {"features"},
    "notebook": set(),
}


@pytest.mark.parametrize("preset", list(PRESETS))
def test_every_network_says_how_it_was_made_and_runs_in_sql(built: Path, preset):
    outcome = train(built, preset, promote="always")
    compared = ask(
        built,
        "select count(*), count(live.predicted_rating), "
        "max(abs(live.predicted_rating - stored.predicted_rating)), any_value(live.model_id) "
        "from predictions as stored left join live_predictions as live "
        "on stored.user_id = live.user_id and stored.movie_id = live.movie_id",
    )[0]
    assert compared[0] == compared[1] > 0
    assert compared[2] <= 1e-4
    assert compared[3] == outcome.model_id
    ((stored,),) = ask(
        built, f"select hyperparameters from models where model_id = '{outcome.model_id}'"
    )
    assert json.loads(stored).keys() == {"network", "training"} | HAD_A_PART[preset]
    parity = ask(built, f"select runtime from parity where model_id = '{outcome.model_id}'")
    assert {"torch", "onnxruntime-cpu", "sql"} <= {runtime for (runtime,) in parity}


def test_models_are_listed_newest_first_with_what_tells_them_apart(built: Path, recsys):
    outcome = train(built, "direct", promote="never")
    listed = json.loads(recsys("models", "--database", str(built), "--format", "json").stdout)
    assert [one["preset"] for one in listed] == ["direct", "distilled"]
    assert listed[0]["model_id"] == outcome.model_id
    assert [one["is_current"] for one in listed] == [False, True]
    assert not any(one["is_stale"] for one in listed)
    assert all(one["test_rmse"] > 0 for one in listed)


def test_going_back_takes_predictions_and_macro_along(built: Path, recsys):
    pair = ask(built, "select user_id, movie_id from predictions order by all limit 1")[0]
    macro = f"select predict_rating({pair[0]}, {pair[1]})"
    stored = "select * exclude (model_id) from predictions order by user_id, movie_id"
    first = ask(built, "select model_id from models")[0][0]
    before = ask(built, macro), ask(built, stored)
    second = train(built, "direct", promote="always").model_id
    between = ask(built, macro), ask(built, stored)
    assert between != before

    done = recsys("models", "use", first, "--database", str(built))
    assert done.exit_code == 0
    assert first in done.stdout
    assert (ask(built, macro), ask(built, stored)) == before
    assert ask(built, "select distinct model_id from recommendations") == [(first,)]
    assert recsys("models", "use", second, "--database", str(built)).exit_code == 0
    assert (ask(built, macro), ask(built, stored)) == between


def test_a_model_that_is_not_there_changes_nothing(built: Path, recsys):
    before = ask(built, "select * from models")
    done = recsys("models", "use", "nothing", "--database", str(built))
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "Error: There is no model 'nothing' in this warehouse.",
        "Run `python cli.py models` to list those that there are.",
    ]
    assert ask(built, "select * from models") == before


def test_a_model_made_by_other_sql_files_is_stale(built: Path, recsys):
    changed = "update sql_files set sha256 = 'another' where name = '20_ratings.sql'"
    with open_for_writing(built) as warehouse:
        list(warehouse.stream(changed)[1])
    listed = json.loads(recsys("models", "--database", str(built), "--format", "json").stdout)
    assert [one["is_stale"] for one in listed] == [True]
