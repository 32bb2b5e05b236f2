"""Verification: what the model predicts beside what the user gave."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from recsys.data.registry import current_model
from recsys.data.warehouse import Warehouse, open_for_reading
from recsys.errors import NothingToVerifyError, UnknownIdError
from recsys.serving.scoring import LoadedModel, load_scorer
from recsys.serving.verification import choose_random_user, save_verifications, verify_user


@pytest.fixture
def warehouse(built: Path) -> Iterator[Warehouse]:
    with open_for_reading(built) as opened:
        yield opened


@pytest.fixture
def model(warehouse: Warehouse) -> LoadedModel:
    return load_scorer(current_model(warehouse), "cpu")


def ask(warehouse: Warehouse, query: str) -> list[tuple]:
    return list(warehouse.stream(query)[1])


@pytest.fixture
def user_id(warehouse: Warehouse) -> int:
    """Return the user with most test ratings."""
    ((user,),) = ask(
        warehouse,
        "select user_id from split_ratings where split = 'test' "
        "group by user_id order by count(*) desc, user_id limit 1",
    )
    return user


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_all_ratings_of_the_split_are_compared_highest_first(warehouse, model, user_id, split):
    compared = verify_user(warehouse, model, user_id, 1000, split)
    expected = ask(
        warehouse,
        "select model_id, user_id, movie_id, title, split, actual_rating from predictions "
        f"where user_id = {user_id} and split = '{split}' order by actual_rating desc, movie_id",
    )
    names = ("model_id", "user_id", "movie_id", "title", "split", "actual_rating")
    assert [tuple(one[name] for name in names) for one in compared] == expected
    predicted = dict(
        ask(
            warehouse, f"select movie_id, predicted_rating from predictions where user_id={user_id}"
        )
    )
    for one in compared:
        assert one["predicted_rating"] == pytest.approx(predicted[one["movie_id"]], abs=1e-6)
        assert one["error"] == one["predicted_rating"] - one["actual_rating"]


def test_a_smaller_count_takes_some_of_them_and_always_the_same(warehouse, model, user_id):
    few, again = (verify_user(warehouse, model, user_id, 3, "test") for _ in range(2))
    everything = verify_user(warehouse, model, user_id, 1000, "test")
    movies = few.column("movie_id")
    assert len(movies) == 3 < len(everything)
    assert movies == again.column("movie_id")
    assert set(movies) < set(everything.column("movie_id"))


def test_an_unknown_user_is_an_error_that_names_known_ones(warehouse, model):
    first = int(model.stored.users.ids.min())
    with pytest.raises(UnknownIdError, match=f"does not know user -7; .* for example {first}, "):
        verify_user(warehouse, model, -7, 10, "test")


def test_random_users_have_ratings_in_the_split(warehouse, model):
    with_ratings = ask(warehouse, "select distinct user_id from split_ratings where split='valid'")
    model_id = model.stored.model_id
    chosen = {choose_random_user(warehouse, model_id, "valid") for _ in range(40)}
    assert len(chosen) > 1
    assert {(user,) for user in chosen} <= set(with_ratings)


def test_a_user_without_test_ratings_is_an_error(built):
    """A stale model: the file lost the ratings of its first user."""
    with duckdb.connect(built) as connection:
        user = connection.execute("select min(user_id) from user_embeddings").fetchone()[0]
        connection.execute("delete from raw_ratings where user_id = $1", [user])
    with open_for_reading(built) as warehouse:
        model = load_scorer(current_model(warehouse), "cpu")
        with pytest.raises(NothingToVerifyError, match=f"User {user} has no test ratings"):
            verify_user(warehouse, model, user, 10, "test")


def test_nobody_left_to_verify_is_an_error(built):
    with duckdb.connect(built) as connection:
        connection.execute("update settings set min_ratings = 100000")
    with open_for_reading(built) as warehouse:
        model = load_scorer(current_model(warehouse), "cpu")
        with pytest.raises(NothingToVerifyError, match="No user of the model has test ratings"):
            choose_random_user(warehouse, model.stored.model_id, "test")


def test_saving_appends_the_rows(built, warehouse, model, user_id):
    compared = verify_user(warehouse, model, user_id, 4, "train")
    warehouse.close()
    query = "select movie_id, actual_rating, predicted_rating, error, verified_at " + (
        "from verifications where split = 'train' order by actual_rating desc, movie_id"
    )
    with open_for_reading(built) as before:
        assert ask(before, query) == []
    save_verifications(built, compared)
    with open_for_reading(built) as after:
        rows = ask(after, query)
    names = ("movie_id", "actual_rating", "predicted_rating", "error", "verified_at")
    assert rows == [tuple(one[name] for name in names) for one in compared]
