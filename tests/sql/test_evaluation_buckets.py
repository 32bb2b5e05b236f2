"""evaluation_buckets: parts that add up to the whole, and the whole that evaluation holds."""

import duckdb
import pytest

KINDS = ["movie_popularity", "rating", "user_activity"]
SPLITS = ("train", "valid", "test")


@pytest.fixture
def known(built):
    with duckdb.connect(built) as connection:
        yield connection


@pytest.mark.parametrize("split", SPLITS)
def test_the_buckets_of_every_kind_add_up_exactly(known, split):
    whole = known.execute(
        "select count(*), sum(((predicted_rating::double - actual_rating) ** 2)::decimal(38, 12)) "
        f"from predictions where split = '{split}'"
    ).fetchone()
    rows = known.execute(
        "select bucket_kind, sum(rating_count), sum(squared_error) from evaluation_buckets "
        f"where split = '{split}' group by bucket_kind order by bucket_kind"
    ).fetchall()
    assert rows == [(kind, *whole) for kind in KINDS]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("kind", KINDS)
def test_weighted_errors_are_those_of_the_evaluation(known, split, kind):
    found = known.execute(
        "select sqrt(sum(rating_count * rmse ** 2) / sum(rating_count)), "
        "sum(rating_count * mae) / sum(rating_count) from evaluation_buckets "
        f"where split = '{split}' and bucket_kind = '{kind}'"
    ).fetchone()
    stored = known.execute(
        "select max(value) filter (where metric = 'rmse'), "
        "max(value) filter (where metric = 'mae') from evaluation inner join models "
        f"using (model_id) where is_current and split = '{split}'"
    ).fetchone()
    assert found == pytest.approx(stored, abs=1e-6)


def test_a_user_is_in_the_same_quarter_on_every_split(known):
    rows = known.execute(
        "select split, min(bucket), max(bucket), count(*) from evaluation_buckets "
        "where bucket_kind = 'user_activity' group by split"
    ).fetchall()
    assert sorted(rows) == [(split, 1, 4, 4) for split in sorted(SPLITS)]
    overlapping = known.execute(
        "from evaluation_buckets as one inner join evaluation_buckets as other "
        "using (split, bucket_kind) where one.bucket < other.bucket and one.highest > other.lowest"
    ).fetchall()
    assert overlapping == []


def test_buckets_by_rating_are_what_was_given(known):
    known.execute("update predictions set predicted_rating = 3")
    rows = known.execute(
        "select lowest, highest, rmse, mae, bias from evaluation_buckets "
        "where bucket_kind = 'rating' and split = 'train' order by bucket"
    ).fetchall()
    given = known.execute(
        "select distinct actual_rating from predictions where split = 'train' order by all"
    ).fetchall()
    assert [row[0] for row in rows] == [rating for (rating,) in given]
    for lowest, highest, rmse, mae, bias in rows:
        assert lowest == highest
        assert (rmse, mae, bias) == (abs(3 - lowest), abs(3 - lowest), 3 - lowest)


def test_without_a_model_there_are_no_buckets(known):
    known.execute("delete from predictions")
    assert known.execute("from evaluation_buckets").fetchall() == []
