"""The file in a client that is not ours: DuckDB's ADBC driver, which speaks Arrow."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

adbc = pytest.importorskip("adbc_driver_duckdb.dbapi")


@pytest.fixture
def ask(built: Path) -> Iterator[Callable[[str], Any]]:
    with adbc.connect(str(built)) as connection:

        def run(query: str) -> Any:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetch_arrow_table()

        yield run


def test_sql_computes_what_was_stored(ask):
    compared = ask(
        """
        select
            count(*) as pairs,
            max(abs(stored.predicted_rating - live.predicted_rating)) as view_difference,
            max(abs(stored.predicted_rating - predict_rating(stored.user_id, stored.movie_id)))
                as macro_difference
        from predictions as stored
        left join live_predictions as live
            on stored.user_id = live.user_id and stored.movie_id = live.movie_id
        """
    ).to_pylist()[0]
    assert compared["pairs"] > 0
    assert compared["view_difference"] <= 1e-4
    assert compared["macro_difference"] <= 1e-4


def test_a_user_or_movie_that_is_not_known_has_no_rating(ask):
    answer = ask(
        """
        select
            predict_rating(-1, (select min(movie_id) from predictions)) as nobody,
            predict_rating((select min(user_id) from predictions), -1) as nothing
        """
    ).to_pylist()
    assert answer == [{"nobody": None, "nothing": None}]


def test_reasons_cite_ratings_that_the_model_learnt_from(ask):
    untrue = ask(
        """
        select reason.user_id
        from recommendation_reasons as reason
        inner join active_users as active on reason.user_id = active.user_id
        left join split_ratings as rated
            on
                reason.user_id = rated.user_id
                and reason.because_movie_id = rated.movie_id
                and rated.split = 'train'
        where
            rated.rating is null
            or rated.rating != reason.user_rating
            or rated.rating < active.mean_rating
        """
    )
    assert untrue.num_rows == 0
    reasons = ask("select * from recommendation_reasons").num_rows
    recommendations = ask("select * from recommendations").num_rows
    assert recommendations <= reasons <= 3 * recommendations


def test_similarities_of_reasons_recompute(ask):
    vectors = {
        row["movie_id"]: row["embedding"]
        for row in ask("select movie_id, embedding from movie_embeddings").to_pylist()
    }

    def cosine(one: list[float], other: list[float]) -> float:
        dot = sum(a * b for a, b in zip(one, other, strict=True))
        return dot / (sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5

    reasons = ask("select * from recommendation_reasons using sample 200 rows").to_pylist()
    for reason in reasons:
        expected = cosine(vectors[reason["movie_id"]], vectors[reason["because_movie_id"]])
        assert reason["similarity"] == pytest.approx(expected, abs=1e-5)


def test_lineage_names_the_source_and_what_it_was_made_with(ask):
    lineage = ask("select * from model_lineage").to_pylist()
    assert len(lineage) == 1
    assert lineage[0]["is_current"]
    assert not lineage[0]["is_stale"]
    source = ask("select sha256 from sources where name = 'ratings'").to_pylist()[0]
    assert lineage[0]["source_sha256"] == source["sha256"]
    assert '"torch"' in lineage[0]["versions"]


@pytest.mark.parametrize(
    "change",
    [
        "update settings set split_seed = split_seed + 1",
        "update raw_ratings set rating = 6 - rating where rowid = (select max(rowid) from "
        "raw_ratings as raw semi join filtered_ratings as kept "
        "on raw.user_id = kept.user_id and raw.movie_id = kept.movie_id)",
        "update sql_files set sha256 = 'another' where name = '40_split_ratings.sql'",
    ],
)
def test_any_change_of_the_data_layer_makes_the_model_stale(ask, change):
    ask(change)
    assert ask("select is_stale from model_lineage").to_pylist() == [{"is_stale": True}]


def test_every_example_of_the_readme_relation_runs(ask):
    entries = ask("select name, what, example from readme").to_pylist()
    assert len(entries) >= 15
    for entry in entries:
        assert entry["what"]
        result = ask(entry["example"])
        assert result.num_rows > 0 or entry["name"] == "trials", entry
