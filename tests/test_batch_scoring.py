"""Batch scoring: tables for everyone, replaced as a whole."""

import shutil
from pathlib import Path

import pytest

from recsys.errors import NoModelError
from recsys.serving import batch_scoring
from recsys.serving.batch_scoring import score_by_current_model
from tests.conftest import contents, execute

SCORED = ("predictions", "recommendations", "verifications", "evaluation")


def test_every_user_of_the_model_is_predicted_for_every_movie(built):
    missing = execute(
        built,
        "select user_id, movie_id from active_users cross join top_movies "
        "except select user_id, movie_id from predictions",
    )
    counts = execute(
        built,
        "select (select count(*) from predictions), "
        "(select count(*) from active_users) * (select count(*) from top_movies)",
    )
    assert missing == []
    assert len(set(counts[0])) == 1


def test_what_is_known_stands_beside_the_prediction(built):
    known = "select user_id, movie_id, rating, split from split_ratings order by all"
    stored = (
        "select user_id, movie_id, actual_rating, split from predictions "
        "where actual_rating is not null order by all"
    )
    assert execute(built, stored) == execute(built, known)
    assert execute(built, "from predictions where (actual_rating is null) != (split is null)") == []


def test_titles_are_those_of_the_movies(built):
    wrong = "from predictions inner join movies using (movie_id) where predictions.title != movies"
    assert execute(built, f"{wrong}.title") == []
    assert execute(built, f"{wrong}.title".replace("predictions", "recommendations")) == []


def test_every_user_has_recommendations_by_every_method_ranked_from_one(built):
    rows = execute(
        built,
        "select method, count(distinct user_id), min(rank), max(rank), "
        "count(*) = count(distinct (user_id, rank)) from recommendations "
        "group by method order by method",
    )
    ((users,),) = execute(built, "select count(*) from active_users")
    assert rows == [(name, users, 1, 10, True) for name in ("movies", "rating", "users")]


def test_test_ratings_are_verified_once_however_often_it_scores(built):
    verified = (
        "select user_id, movie_id, split, actual_rating, predicted_rating, error "
        "from verifications order by all"
    )
    expected = (
        "select user_id, movie_id, split, actual_rating, predicted_rating, "
        "predicted_rating - actual_rating from predictions where split = 'test' order by all"
    )
    score_by_current_model(built, "cpu")
    score_by_current_model(built, "cpu")
    assert execute(built, verified) == execute(built, expected) != []


def test_scoring_again_changes_nothing(built):
    before = contents(built)
    done = score_by_current_model(built, "cpu")
    assert contents(built) == before
    assert (done.provider, done.prediction_count) == (
        "CPUExecutionProvider",
        len(before["predictions"]),
    )


def test_small_batches_write_the_same_tables(built, monkeypatch):
    before = contents(built)
    monkeypatch.setattr(batch_scoring, "_PAIRS_PER_BATCH", 300)
    heard = []

    class Listener:
        def __enter__(self):
            return lambda done, everything, note: heard.append((done, everything))

        def __exit__(self, *error: object) -> None:
            pass

    score_by_current_model(built, "cpu", lambda label: Listener())
    after = contents(built)
    for table in SCORED:
        assert_equal(after[table], before[table])
    assert len(heard) > 3
    assert heard[-1][0] == heard[-1][1]


def assert_equal(one: list[tuple], other: list[tuple]) -> None:
    """Numbers may differ by the rounding of float32 only."""
    assert len(one) == len(other) > 0
    for row, expected in zip(one, other, strict=True):
        assert row == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_damaged_predictions_are_made_anew(built):
    before = contents(built)
    execute(built, "update predictions set predicted_rating = 1")
    execute(built, "delete from recommendations where method = 'users'")
    score_by_current_model(built, "cpu")
    assert contents(built) == before


def test_a_failure_in_the_middle_leaves_everything_as_it_was(built, tmp_path, monkeypatch):
    untouched = contents(Path(shutil.copy(built, tmp_path / "copy.duckdb")))

    def fail(*arguments: object) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(batch_scoring, "_insert_recommendations", fail)
    with pytest.raises(RuntimeError, match="in the middle"):
        score_by_current_model(built, "cpu")
    assert contents(built) == untouched


def test_without_a_model_there_is_nothing_to_score(built):
    execute(built, "delete from models")
    with pytest.raises(NoModelError):
        score_by_current_model(built, "cpu")
