"""The public API: what `recsys.open` answers, from tables and from the network."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest

import recsys
from recsys.config import RECOMMENDATION_METHODS
from recsys.data.registry import current_model
from recsys.data.warehouse import open_for_reading
from recsys.errors import (
    DeviceError,
    NoModelError,
    OwnRatingsError,
    QueryError,
    UnknownIdError,
    UnknownTitleError,
    WarehouseMissingError,
)
from recsys.serving.recommendation import movie_titles, recommend_for_user
from recsys.serving.scoring import cuda_problem, load_scorer
from tests.conftest import execute


@pytest.fixture
def user(built: Path) -> int:
    return execute(built, "select min(user_id) from split_ratings where split = 'test'")[0][0]


@pytest.fixture
def recommender(built: Path, user: int) -> Iterator[recsys.Recommender]:
    with recsys.open(built, device="cpu") as opened:
        yield opened


def columns_of(recommender: recsys.Recommender, relation: str) -> tuple[str, ...]:
    return recommender.sql(f"from {relation} limit 0").columns


def test_rows_have_the_columns_of_the_relation_of_that_name(recommender, user):
    movie = recommender.movies()[0]["movie_id"]
    answers = {
        "recommendations": recommender.recommend(user),
        "verifications": recommender.verify(user),
        "predictions": recommender.predict([(user, movie)]),
        "similar_movies": recommender.similar(movie),
        "movies": recommender.movies(),
    }
    for relation, rows in answers.items():
        assert rows.columns == columns_of(recommender, relation), relation
    assert recommender.recommend_for({movie: 4}).columns == answers["recommendations"].columns
    assert set(recommender.users().columns) < set(columns_of(recommender, "active_users"))


@pytest.mark.parametrize("count", [3, 10, 25, 1000])
@pytest.mark.parametrize("method", RECOMMENDATION_METHODS)
def test_tables_and_network_agree(built, recommender, method, count):
    """What is read from the tables is what the network and the embeddings say now."""
    with open_for_reading(built) as warehouse:
        model = load_scorer(current_model(warehouse), "cpu")
        titles = movie_titles(warehouse, model.stored)
        for user in recommender.users().column("user_id"):
            read = recommender.recommend(user, count, method)
            found = recommend_for_user(warehouse, model, user, method, count)
            computed = found.as_rows(model.stored, titles)
            for one, other in zip(read, computed, strict=True):
                assert one.pop("predicted_rating") == pytest.approx(
                    other.pop("predicted_rating"), abs=1e-6
                )
                assert one == other


def test_predictions_are_those_of_the_network(built, recommender):
    query = "select user_id, movie_id from predictions order by md5(user_id::text || movie_id)"
    pairs = recommender.sql(query).values[:50]
    pairs += pairs[:2]
    predicted = recommender.predict(pairs)
    assert [(row["user_id"], row["movie_id"]) for row in predicted] == pairs
    with open_for_reading(built) as warehouse:
        model = load_scorer(current_model(warehouse), "cpu")
    users, movies = np.array(pairs).T
    expected = model.predict_ids(users, movies)
    assert predicted.column("predicted_rating") == pytest.approx(expected.tolist(), abs=1e-6)
    assert len(recommender.predict([])) == 0


def test_what_the_tables_hold_needs_no_onnxruntime(built, user):
    code = f"""
import sys, recsys
assert not {{"torch", "onnxruntime", "matplotlib", "duckdb", "numpy"}} & set(sys.modules)
with recsys.open({str(built)!r}) as recommender:
    for method in ("rating", "movies", "users"):
        assert len(recommender.recommend({user}, 10, method)) == 10
    assert len(recommender.recommend({user}, 25)) > 10
    recommender.recommend({user}, why=True)
    recommender.similar(recommender.movies()[0]["movie_id"])
    assert not {{"torch", "onnxruntime", "matplotlib"}} & set(sys.modules)
    recommender.verify({user})
    assert "onnxruntime" in sys.modules and "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_threads_ask_at_once(recommender):
    users = recommender.users().column("user_id")[:8]
    movie = recommender.movies()[0]["movie_id"]
    expected = {user: recommender.recommend(user, 5, "users") for user in users}
    failures: list[Exception] = []

    def ask(user: int) -> None:
        try:
            for _ in range(5):
                assert recommender.recommend(user, 5, "users") == expected[user]
                assert len(recommender.verify(user, 2, "train")) == 2
                assert len(recommender.recommend_for({movie: 5}, 3)) == 3
        except Exception as error:  # noqa: BLE001 - a thread cannot fail its test by itself
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_somebody_new_is_recommended_what_they_have_not_rated(recommender):
    movies = recommender.movies()
    rated = {movie["movie_id"]: 5 if place % 2 else 1 for place, movie in enumerate(movies[:6])}
    by_title = {movie["title"].lower(): rated[movie["movie_id"]] for movie in movies[:6]}
    for method in ("rating", "movies"):
        rows = recommender.recommend_for(rated, 5, method)
        assert rows == recommender.recommend_for(by_title, 5, method)
        assert rows == recommender.recommend_for(list(rated.items()), 5, method)
        assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
        assert not rated.keys() & set(rows.column("movie_id"))
        assert set(rows.column("user_id")) == {None}


def test_reasons_are_the_liked_movies_nearest_to_each(recommender, user):
    for row in recommender.recommend(user, 12, why=True):
        expected = recommender.sql(
            "select reason_rank, because_movie_id, because_title, user_rating, similarity "
            f"from movie_reasons where user_id = {user} and movie_id = {row['movie_id']} "
            "order by reason_rank",
        )
        assert row["reasons"] == list(expected)


def test_one_movie_is_a_row_of_the_movies(recommender):
    first = recommender.movies()[0]
    assert recommender.movie(first["movie_id"]) == first


@pytest.mark.parametrize(
    ("ask", "phrase"),
    [
        (lambda one: one.recommend(-5), "user -5"),
        (lambda one: one.recommend(-5, 25), "user -5"),
        (lambda one: one.recommend(-5, 25, "movies"), "user -5"),
        (lambda one: one.verify(-5), "user -5"),
        (lambda one: one.similar(-5), "movie -5"),
        (lambda one: one.movie(-5), "movie -5"),
        (lambda one: one.predict([(-5, 1)]), "user -5"),
    ],
    ids=["list", "long list", "other method", "verify", "similar", "movie", "predict"],
)
def test_who_is_unknown_is_an_error(recommender, ask, phrase):
    with pytest.raises(UnknownIdError, match=f"does not know {phrase}"):
        ask(recommender)


def test_ratings_that_cannot_be_used_are_an_error(recommender):
    movie = recommender.movies()[0]["movie_id"]
    with pytest.raises(OwnRatingsError):
        recommender.recommend_for({movie: 99})
    with pytest.raises(UnknownTitleError):
        recommender.recommend_for({"no film is called like this": 3})


def test_a_person_asks_in_sql(recommender):
    rows = recommender.sql("select count(*) as n from models")
    assert list(rows) == [{"n": 1}]
    with pytest.raises(QueryError):
        recommender.sql("delete from models")
    with pytest.raises(QueryError):
        recommender.sql("from read_csv('secret.csv')")


def test_without_a_model_only_sql_is_answered(built):
    execute(built, "delete from models")
    with recsys.open(built) as recommender:
        assert len(recommender.sql("from rating_funnel")) == 3
        for ask in (recommender.users, recommender.movies, recommender.verify):
            with pytest.raises(NoModelError):
                ask()
        with pytest.raises(NoModelError):
            recommender.recommend(1)


def test_a_stale_model_says_so_once(built, caplog, user):
    with recsys.open(built) as recommender:
        assert not recommender.is_stale
    execute(built, "update settings set min_ratings = 5")
    with recsys.open(built) as recommender:
        assert recommender.is_stale
        recommender.recommend(user)
        recommender.recommend(user)
    assert caplog.text.count("is stale") == 1


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(WarehouseMissingError):
        recsys.open(tmp_path / "absent.duckdb")


@pytest.mark.skipif(cuda_problem() is None, reason="there is CUDA here")
def test_a_device_that_is_not_there_is_an_error_at_once(built):
    with pytest.raises(DeviceError):
        recsys.open(built, device="cuda")
    duckdb.connect(built).close()  # the file was let go


def test_public_names_are_there_and_no_others():
    assert set(dir(recsys)) == set(recsys.__all__)
    for name in recsys.__all__:
        assert getattr(recsys, name).__module__.startswith("recsys.")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        recsys.nothing  # noqa: B018


@pytest.mark.parametrize(("low", "step"), [(0, 10), (-10, 2.5), (0.0, 0.125), (100, 100)])
def test_any_scale_is_served(write_csv, low, step):
    """0 to 80 in tens, -10 to 10, 0 to 1, hundreds: nothing is in stars."""
    rows = [
        (user, movie, low + step * ((user * movie + user + movie) % 9))
        for user in range(12)
        for movie in range(14)
        if (user + movie) % 4
    ]
    source = write_csv("ratings.csv", ("user", "movie", "rating"), rows)
    recsys.build("scale.duckdb", str(source), top_movies=14, min_ratings=1)
    with recsys.open("scale.duckdb") as recommender:
        predicted = recommender.sql("select predicted_rating, lower, upper from predictions")
        for row in predicted:
            assert low <= row["lower"] <= row["predicted_rating"] <= row["upper"] <= low + 8 * step
        assert len(recommender.recommend_for({1: low + step, 2: low + 8 * step}, 3)) == 3
