"""The registry: models as rows, and the ids that each of them knows."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from recsys.data.registry import (
    Entities,
    current_model,
    find_model,
    is_trained_on,
    promote_model,
    warn_if_stale,
)
from recsys.data.warehouse import open_for_reading, open_for_writing
from recsys.errors import NoModelError, UnknownIdError

IDS = np.array([30, 10, 20, 2**40])


@pytest.fixture
def entities() -> Entities:
    return Entities("user", IDS, np.eye(4, dtype=np.float32))


def execute(path: Path, statement: str) -> list[tuple]:
    with duckdb.connect(path) as connection:
        return connection.execute(statement).fetchall()


def test_ids_are_found_whatever_order_they_stand_in(entities):
    wanted = np.array([10, 2**40, 30, 30, 20])
    assert entities.indices_of(wanted).tolist() == [1, 3, 0, 0, 2]
    assert entities.indices_of(np.array([], np.int64)).tolist() == []


@pytest.mark.parametrize("unknown", [-1, 0, 1, 15, 31, 2**40 + 1, 2**63 - 1, -(2**63)])
def test_an_unknown_id_is_never_taken_for_a_known_one(entities, unknown):
    with pytest.raises(UnknownIdError) as caught:
        entities.indices_of(np.array([10, unknown]))
    assert caught.value.what == (
        f"The model does not know user {unknown}; it knows 4 users, "
        "for example 10, 20, 30, 1099511627776."
    )
    assert "select user_id from user_embeddings" in caught.value.remedy


def test_the_current_model_is_what_the_tables_hold(built):
    with open_for_reading(built) as warehouse:
        model = current_model(warehouse)
    ((model_id, onnx, sha256),) = execute(
        built, "select model_id, onnx, sha256(onnx) from models where is_current"
    )
    assert (model.model_id, model.onnx) == (model_id, onnx)
    assert execute(built, f"select onnx_sha256 = '{sha256}' from models") == [(True,)]
    for known, kind in ((model.users, "user"), (model.movies, "movie")):
        rows = execute(
            built,
            f"select {kind}_id, {kind}_index, embedding from {kind}_embeddings "
            f"where model_id = '{model_id}' order by {kind}_index",
        )
        assert [index for _, index, _ in rows] == list(range(len(rows)))
        assert known.ids.tolist() == [one for one, _, _ in rows]
        np.testing.assert_array_equal(known.embeddings, np.stack([row[2] for row in rows]))


def test_a_model_says_what_taught_it(built):
    ((shares, names, tried, taken, worst),) = execute(
        built,
        """
        select sum(share), count(distinct name), count(*), min(valid_rmse) filter (share > 0),
            max(valid_rmse)
        from teacher_models where model_id = (select model_id from models where is_current)
        """,
    )
    assert shares == pytest.approx(1.0)
    assert names == tried == 6
    assert 0 < taken < worst


def test_a_warehouse_without_a_model_says_so(built):
    execute(built, "delete from models")
    with open_for_reading(built) as warehouse:
        assert find_model(warehouse) is None
        with pytest.raises(NoModelError, match="holds no trained model"):
            current_model(warehouse)


def test_a_model_is_found_by_its_id(built):
    with open_for_reading(built) as warehouse:
        model = current_model(warehouse)
        found = find_model(warehouse, model.model_id)
        assert found is not None
        assert found.onnx == model.onnx
        assert find_model(warehouse, "no such model") is None


def test_promoting_one_model_demotes_the_other(built):
    execute(built, "insert into models select * replace ('other' as model_id) from models")
    execute(built, "update models set is_current = false where model_id = 'other'")
    with open_for_writing(built) as warehouse:
        promote_model(warehouse, "other")
    assert execute(built, "select model_id from models where is_current") == [("other",)]


@pytest.mark.parametrize(
    "change",
    [
        "update settings set split_seed = 7",
        "update settings set min_ratings = min_ratings + 1",
        "update raw_ratings set rating = 5.5 - rating where user_id in "
        "(select user_id from active_users where user_index = 0)",
        "update raw_movies set title = 'Renamed (1999)' where movie_id in "
        "(select movie_id from top_movies where movie_index = 0)",
        "delete from raw_movies where movie_id in "
        "(select movie_id from raw_movies anti join top_movies using (movie_id))",
        "update raw_ratings set rating = 9 where movie_id in "
        "(select min(movie_id) from movies anti join top_movies using (movie_id))",
    ],
    ids=["split seed", "threshold", "ratings", "title", "weights of features", "scale"],
)
def test_a_model_of_other_data_is_stale(built, caplog, change):
    with open_for_reading(built) as warehouse:
        model = current_model(warehouse)
        assert is_trained_on(warehouse, model.data_fingerprint)
        warn_if_stale(warehouse, model)
    assert not caplog.records
    execute(built, change)
    with open_for_reading(built) as warehouse:
        assert not is_trained_on(warehouse, model.data_fingerprint)
        warn_if_stale(warehouse, current_model(warehouse))
    assert f"Model {model.model_id} is stale" in caplog.text


def test_ratings_that_no_model_learns_from_do_not_make_it_stale(built):
    execute(
        built,
        "insert into raw_ratings by name select (select max(user_id) + 1 from raw_ratings) "
        "as user_id, min(movie_id) as movie_id, 3.0 as rating, 0 as timestamp "
        "from movies anti join top_movies using (movie_id)",
    )
    with open_for_reading(built) as warehouse:
        assert is_trained_on(warehouse, current_model(warehouse).data_fingerprint)
