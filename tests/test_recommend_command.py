"""`recommend` with its reasons, and for somebody whom the model has never seen."""

import json
from pathlib import Path
from typing import Any

import pytest

from recsys.data.warehouse import open_for_reading


def ask(database: Path, query: str) -> list[tuple[Any, ...]]:
    with open_for_reading(database) as warehouse:
        return list(warehouse.stream(query)[1])


@pytest.fixture
def some_user(built: Path) -> str:
    return str(ask(built, "select min(user_id) from user_embeddings")[0][0])


def test_reasons_are_those_of_the_view(built: Path, recsys, some_user):
    done = recsys(
        "recommend", "--user", some_user, "--why", "--database", str(built), "--format", "json"
    )
    rows = json.loads(done.stdout)
    assert rows
    expected = ask(
        built,
        "select movie_id, reason_rank, because_movie_id, because_title, user_rating, similarity "
        f"from recommendation_reasons where user_id = {some_user} and method = 'rating' "
        "order by movie_id, reason_rank",
    )
    found = sorted((row["movie_id"], *one.values()) for row in rows for one in row["reasons"])
    assert found == sorted(expected)
    assert all(1 <= len(row["reasons"]) <= 3 for row in rows)


def test_reasons_are_printed(built: Path, recsys, some_user):
    done = recsys("recommend", "--user", some_user, "--why", "-n", "1", "--database", str(built))
    assert "reasons" in done.stdout
    assert "Synthetic: " in done.stdout.split("reasons")[1]
    assert done.stderr == ""


@pytest.fixture
def own_ratings(built: Path, write_csv) -> Path:
    titles = ask(
        built,
        "select movie.title from movies as movie join movie_embeddings as known "
        "on movie.movie_id = known.movie_id order by known.movie_index limit 6",
    )
    rows = [(title.lower(), 5 if place % 2 else 1) for place, (title,) in enumerate(titles)]
    return write_csv("mine.csv", ("title", "rating"), rows)


@pytest.mark.parametrize("method", ["rating", "movies"])
def test_somebody_new_gets_recommendations(built: Path, recsys, own_ratings, method):
    done = recsys(
        "recommend", "--ratings", str(own_ratings), "--by", method, "-n", "5",
        "--database", str(built), "--format", "json",
    )  # fmt: skip
    assert done.exit_code == 0
    assert done.stderr == ""
    rows = json.loads(done.stdout)
    rated = {
        movie
        for (movie,) in ask(
            built, "select movie_id from movie_embeddings order by movie_index limit 6"
        )
    }
    assert len(rows) == 5
    assert not rated & {row["movie_id"] for row in rows}
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
    assert all(0.5 <= row["predicted_rating"] <= 5 for row in rows)
    assert {row["user_id"] for row in rows} == {None}


def test_a_title_that_nothing_has_comes_with_suggestions(built: Path, recsys, write_csv):
    title = ask(built, "select title from movies order by movie_id limit 1")[0][0]
    mine = write_csv("mine.csv", ("title", "rating"), [(title.replace("a", "", 1) + "x", 4)])
    done = recsys("recommend", "--ratings", str(mine), "--database", str(built))
    assert done.exit_code == 1
    what, remedy = done.stderr.splitlines()
    assert what.startswith("Error: No movie is called ")
    assert remedy.startswith("Did you mean ")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--user", "1", "--ratings", "mine.csv"),
        ("--ratings", "mine.csv", "--by", "users"),
        ("--ratings", "mine.csv", "--why"),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(built: Path, recsys, arguments):
    done = recsys("recommend", *arguments, "--database", str(built))
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr
