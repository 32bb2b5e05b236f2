"""Recommendations: data whose right answer is known, and every rule on data like MovieLens."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest

from recsys import pipeline
from recsys.config import RECOMMENDATION_METHODS, TrainingOptions
from recsys.data.registry import current_model
from recsys.data.warehouse import Warehouse, open_for_reading
from recsys.errors import UnknownIdError
from recsys.serving.recommendation import (
    Recommendations,
    load_known_ratings,
    movie_titles,
    recommend,
    recommend_for_user,
)
from recsys.serving.recommender import Recommender
from recsys.serving.scoring import LoadedModel, load_scorer
from recsys.serving.similarity import nearest_users

SIDE = 50  # users, and movies, of the checkerboard


def ask(warehouse: Warehouse, query: str) -> list[tuple]:
    return list(warehouse.stream(query)[1])


# The checkerboard: even users like even movies, odd users like odd movies


@pytest.fixture(scope="module")
def _checkerboard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a CSV file without a quarter of the cells, and without the diagonal."""
    folder = tmp_path_factory.mktemp("checkerboard")
    is_rated = np.random.default_rng(0).random((SIDE, SIDE)) < 0.75
    np.fill_diagonal(is_rated, False)  # everyone has a movie of their colour to find
    lines = [
        f"{user + 1},{movie + 1},{5 if (user + movie) % 2 == 0 else 1}"
        for user, movie in zip(*np.nonzero(is_rated), strict=True)
    ]
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,rating", *lines]))
    path = folder / "warehouse.duckdb"
    training = TrainingOptions(device="cpu")
    pipeline.build(path, str(folder / "ratings.csv"), min_ratings=5, training=training)
    return path


@pytest.fixture(scope="module")
def _direct_checkerboard(_checkerboard: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = Path(shutil.copy(_checkerboard, tmp_path_factory.mktemp("direct")))
    options = TrainingOptions("direct", device="cpu", promote="always")
    pipeline.train(path, options)
    return path


@pytest.fixture(params=["distilled", "direct"])
def checkerboard(request: pytest.FixtureRequest) -> Iterator[Warehouse]:
    name = "_checkerboard" if request.param == "distilled" else "_direct_checkerboard"
    with open_for_reading(request.getfixturevalue(name)) as opened:
        yield opened


@pytest.mark.parametrize("method", RECOMMENDATION_METHODS)
def test_every_method_recommends_the_right_colour(checkerboard, method):
    """As many as a user has unrated movies of their colour come before any other."""
    rows = ask(
        checkerboard,
        f"""
        select user_id, movie_id, predicted_rating, is_confirmed
        from recommendations
        where method = '{method}' and rank <= (
            select count(*) from predictions
            where predictions.user_id = recommendations.user_id
            and actual_rating is null and (predictions.user_id + predictions.movie_id) % 2 = 0
        )
        """,
    )
    assert len({user for user, *_ in rows}) == SIDE
    assert all((user + movie) % 2 == 0 for user, movie, *_ in rows)
    assert all(rating > 3 and is_confirmed for *_, rating, is_confirmed in rows)


def test_predictions_are_on_the_right_side_where_nobody_rated(checkerboard):
    rows = ask(
        checkerboard,
        "select user_id, movie_id, predicted_rating from predictions "
        "where split is null or split = 'test'",
    )
    right = [(rating > 3) == ((user + movie) % 2 == 0) for user, movie, rating in rows]
    assert np.mean(right) > 0.97


def test_similar_movies_are_of_the_same_colour(checkerboard):
    with Recommender(checkerboard.path) as recommender:
        for movie in recommender.movies().column("movie_id"):
            nearest = recommender.similar(movie, SIDE // 2 - 1)
            assert {one % 2 for one in nearest.column("similar_movie_id")} == {movie % 2}
            assert min(nearest.column("similarity")) > 0


def test_similar_users_like_the_same_colour(checkerboard):
    users = current_model(checkerboard).users
    neighbours, _ = nearest_users(users.embeddings, np.arange(SIDE))
    nearest = users.ids[neighbours[:, : SIDE // 2 - 1]]
    assert (nearest % 2 == users.ids[:, None] % 2).all()


# Every rule, recomputed from the tables


@pytest.fixture
def warehouse(built: Path) -> Iterator[Warehouse]:
    with open_for_reading(built) as opened:
        yield opened


@pytest.fixture
def model(warehouse: Warehouse) -> LoadedModel:
    return load_scorer(current_model(warehouse), "cpu")


@pytest.fixture
def recommended(warehouse: Warehouse, model: LoadedModel) -> Callable[..., Recommendations]:
    """Return a function that recommends to the user of an index."""

    def recommend_to(user_index: int, method: str, count: int = 10) -> Recommendations:
        user_id = int(model.stored.users.ids[user_index])
        return recommend_for_user(warehouse, model, user_id, method, count)

    return recommend_to


@pytest.fixture
def liked(warehouse: Warehouse, model: LoadedModel) -> dict[int, np.ndarray]:
    """Return the movies that each user rated at or above their own mean."""
    found: dict[int, list[tuple[int, float]]] = {}
    known = load_known_ratings(warehouse, model.stored)
    for user, movie, rating in zip(known.user_index, known.movie_index, known.rating, strict=True):
        found.setdefault(int(user), []).append((int(movie), float(rating)))
    means = {user: np.mean([rating for _, rating in rows]) for user, rows in found.items()}
    return {
        user: np.array([movie for movie, rating in rows if rating >= means[user]])
        for user, rows in found.items()
    }


def cosine(vectors: np.ndarray) -> np.ndarray:
    wide = vectors.astype(np.float64)
    lengths = np.sqrt((wide**2).sum(axis=1))
    return wide @ wide.T / np.outer(lengths, lengths)


@pytest.mark.parametrize("method", RECOMMENDATION_METHODS)
def test_no_recommended_movie_is_rated_whatever_is_asked_for(warehouse, recommended, model, method):
    movie_count = len(model.stored.movies.ids)
    rated = set(ask(warehouse, "select user_id, movie_id from ratings"))
    for user_index, user_id in enumerate(model.stored.users.ids):
        found = recommended(user_index, method, count=10_000)
        movies = model.stored.movies.ids[found.movie_index].tolist()
        assert not {(user_id, movie) for movie in movies} & rated
        assert len(set(movies)) == len(movies) <= movie_count
        assert found.rank.tolist() == list(range(1, len(movies) + 1))


def test_asking_for_more_than_there_is_gives_all_there_is(warehouse, recommended, model):
    user_id = int(model.stored.users.ids[0])
    unrated = ask(
        warehouse,
        f"select count(*) from predictions where actual_rating is null and user_id = {user_id}",
    )
    for method in ("rating", "movies"):
        assert [(len(recommended(0, method, count=10_000).rank),)] == unrated
    assert len(recommended(0, "rating", count=3).rank) == 3


def test_by_rating_ranks_by_prediction(recommended):
    found = recommended(0, "rating", count=1000)
    assert (np.diff(found.predicted_rating) <= 0).all()
    assert np.isnan(found.similarity).all()


def test_by_movies_ranks_by_the_mean_similarity_to_what_they_liked(recommended, model, liked):
    similarity = cosine(model.stored.movies.embeddings)
    for user_index in range(3):
        found = recommended(user_index, "movies", count=1000)
        expected = similarity[found.movie_index][:, liked[user_index]].mean(axis=1)
        np.testing.assert_allclose(found.similarity, expected, atol=2e-6)
        assert (np.diff(found.similarity) <= 0).all()


def test_by_users_ranks_by_the_share_of_similar_users_who_liked_it(recommended, model, liked):
    similarity = cosine(model.stored.users.embeddings)
    np.fill_diagonal(similarity, -np.inf)
    for user_index in range(3):
        found = recommended(user_index, "users", count=1000)
        neighbours = np.argsort(-similarity[user_index], kind="stable")[:20]
        weights = np.maximum(similarity[user_index, neighbours], 0)
        expected = [
            sum(
                weight
                for weight, one in zip(weights, neighbours, strict=True)
                if movie in liked[one]
            )
            / weights.sum()
            for movie in found.movie_index
        ]
        np.testing.assert_allclose(found.similarity, expected, atol=1e-5)
        assert (np.diff(found.similarity) <= 0).all()
        assert (found.similarity > 0).all()


@pytest.mark.parametrize("method", RECOMMENDATION_METHODS)
def test_confirmed_is_predicted_at_or_above_the_users_own_mean(
    warehouse, recommended, model, method
):
    means = dict(ask(warehouse, "select user_id, mean_rating from active_users"))
    confirmed = []
    for user_index, user_id in enumerate(model.stored.users.ids):
        found = recommended(user_index, method, count=1000)
        expected = found.predicted_rating >= means[user_id]
        np.testing.assert_array_equal(found.is_confirmed, expected)
        confirmed += expected.tolist()
    assert {True, False} == set(confirmed)


@pytest.mark.parametrize("method", RECOMMENDATION_METHODS)
def test_everyone_at_once_gets_what_each_one_gets(warehouse, recommended, model, method):
    everyone = np.arange(len(model.stored.users.ids))
    known = load_known_ratings(warehouse, model.stored)
    predicted = model.predict_table(everyone)
    together = recommend(model.stored, predicted, known, everyone, method, 10)
    for user_index in everyone:
        mine = together.user_index == user_index
        alone = recommended(user_index, method)
        np.testing.assert_array_equal(together.movie_index[mine], alone.movie_index)
        np.testing.assert_array_equal(together.rank[mine], alone.rank)
        np.testing.assert_array_equal(together.similarity[mine], alone.similarity)
        np.testing.assert_array_equal(together.is_confirmed[mine], alone.is_confirmed)
        np.testing.assert_allclose(
            together.predicted_rating[mine], alone.predicted_rating, atol=1e-6, rtol=0
        )


@pytest.mark.parametrize("method", RECOMMENDATION_METHODS)
def test_the_table_holds_what_the_command_says(warehouse, recommended, model, method):
    titles = movie_titles(warehouse, model.stored)
    for user_index, user_id in enumerate(model.stored.users.ids):
        rows = ask(
            warehouse,
            "select rank, movie_id, title, similarity, predicted_rating, is_confirmed "
            f"from recommendations where user_id = {user_id} and method = '{method}' "
            "order by rank",
        )
        rows_now = recommended(user_index, method).as_rows(model.stored, titles)
        expected = [values[3:] for values in rows_now.values]
        assert [row[:3] for row in rows] == [row[:3] for row in expected]
        assert [row[5] for row in rows] == [row[5] for row in expected]
        assert [row[4] for row in rows] == pytest.approx([row[4] for row in expected], abs=1e-6)
        assert [row[3] for row in rows] == [row[3] for row in expected]


def test_ties_go_to_the_lower_movie_id(model, warehouse):
    """Movies that nothing tells apart come in the order of their ids, not of their index."""
    users = np.arange(2)
    known = load_known_ratings(warehouse, model.stored, users)
    same = np.full((2, len(model.stored.movies.ids)), 4.0, np.float32)
    found = recommend(model.stored, same, known, users, "rating", 1000)
    for user in users:
        movies = model.stored.movies.ids[found.movie_index[found.user_index == user]]
        assert movies.tolist() == sorted(movies)
    assert model.stored.movies.ids.tolist() != sorted(model.stored.movies.ids)


def test_similar_movies_are_the_nearest_by_cosine(built, model):
    movies = model.stored.movies
    similarity = cosine(movies.embeddings)
    with Recommender(built) as recommender:
        everything = recommender.similar(int(movies.ids[4]), 1000)
        few = recommender.similar(int(movies.ids[4]), 3)
    nearest = movies.indices_of(np.array(everything.column("similar_movie_id")))
    found = np.array(everything.column("similarity"))
    assert sorted([4, *nearest]) == list(range(len(movies.ids)))
    np.testing.assert_allclose(found, similarity[4, nearest], atol=2e-6)
    assert (np.diff(found) <= 0).all()
    assert few == everything[:3]


def test_an_unknown_user_is_an_error(warehouse, model):
    with pytest.raises(UnknownIdError, match="does not know user -5"):
        recommend_for_user(warehouse, model, -5, "rating", 10)


@pytest.mark.parametrize("method", RECOMMENDATION_METHODS)
def test_a_user_whose_ratings_are_gone_is_still_served(built, method):
    """A stale model: the file lost every rating of the first and of the last user."""
    with duckdb.connect(built) as connection:
        connection.execute(
            "delete from raw_ratings where user_id in "
            "(select unnest([min(user_id), max(user_id)]) from user_embeddings)"
        )
    with open_for_reading(built) as warehouse:
        model = load_scorer(current_model(warehouse), "cpu")
        everyone = np.arange(len(model.stored.users.ids))
        known = load_known_ratings(warehouse, model.stored)
        predicted = model.predict_table(everyone)
        together = recommend(model.stored, predicted, known, everyone, method, 5)
        for user_index in (everyone[0], everyone[-1]):
            user_id = int(model.stored.users.ids[user_index])
            alone = recommend_for_user(warehouse, model, user_id, method, 5)
            expected = 0 if method == "movies" else 5
            assert len(alone.rank) == (together.user_index == user_index).sum() == expected
            assert not alone.is_confirmed.any()


def test_a_single_user_has_no_neighbours():
    neighbours, similarity = nearest_users(np.ones((1, 3), np.float32), np.array([0]))
    assert neighbours.shape == similarity.shape == (1, 0)
