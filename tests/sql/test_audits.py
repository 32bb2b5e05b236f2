"""What the views promise whatever the data are: audits that only a changed view can fail."""

import random

import pytest

from recsys.data.warehouse import open_for_reading
from tests.sql.conftest import AUDITS

RATINGS = [
    (user, movie, (user + movie) % 5 + 1) for user in (1, 2, 3) for movie in (10, 11, 12, 13)
]
SETTINGS = {"top_movies": 4, "min_ratings": 4}
FREEZE = """
    create table frozen as from split_ratings;
    create or replace view split_ratings as from frozen;"""
# Audit, how a view is spoilt, and the rows that the audit then returns.
FAULTS = [
    (
        "ratings_are_unique",
        """insert into raw_ratings from raw_ratings where user_id = 1 and movie_id = 10;
        create or replace view ratings as
        select user_id, movie_id, rating, null::timestamp as rated_at from raw_ratings""",
        [(1, 10, 2)],
    ),
    (
        "references_exist",
        f"""{FREEZE} delete from frozen where movie_id != 12;
        update frozen set user_id = 9 where user_id = 1;
        update frozen set movie_index = 0 where user_id = 2;
        update frozen set movie_id = 99 where user_id = 3""",
        [
            (2, 12, False, True, False),
            (3, 99, False, True, True),
            (9, 12, True, False, False),
        ],
    ),
    (
        "split_sizes_are_exact",
        f"{FREEZE} update frozen set split = 'train'",
        [("test", 0, 3.0), ("valid", 0, 2.0)],
    ),
    (
        "split_sizes_are_exact",
        f"{FREEZE} delete from frozen where split = 'train'",
        [("test", 3, 1.0), ("valid", 2, 1.0)],
    ),
    (
        "splits_do_not_overlap",
        f"""{FREEZE} update frozen set split = 'test' where user_id = 1 and movie_id = 10;
        insert into frozen
        select * replace ('train' as split) from frozen where user_id = 1 and movie_id = 10""",
        [(1, 10, ["test", "train"])],
    ),
]
NAMES = sorted({fault[0] for fault in FAULTS})


def test_every_audit_is_made_to_fail_here():
    assert {file.stem for file in AUDITS.glob("*.sql")} == set(NAMES)


@pytest.mark.parametrize(("audit", "fault", "rows"), FAULTS, ids=range(len(FAULTS)))
def test_a_changed_view_is_found(given, select, offenders, audit, fault, rows):
    warehouse = given(RATINGS, **SETTINGS)
    select(warehouse, fault)
    assert offenders(warehouse, audit) == rows


@pytest.mark.parametrize("audit", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_the_views_hold_for_any_rows(given, offenders, audit, seed):
    """Pairs come several times, users and movies without enough ratings, ids that are large."""
    draw = random.Random(seed)
    users = [draw.choice((1, 2**40)) * user for user in range(1, 30)]
    ratings = [
        (draw.choice(users), draw.randint(1, 15) ** 3, draw.randint(1, 10) / 2, draw.randint(0, 9))
        for _ in range(400)
    ]
    shares = {"test_share": draw.choice((0.2, 0.333)), "valid_share": draw.choice((0.15, 0.5))}
    warehouse = given(ratings, top_movies=8, min_ratings=5, split_seed=seed, **shares)
    assert warehouse.rows("select_rating_funnel")[-1]["ratings"] > 0
    assert offenders(warehouse, audit) == []


@pytest.mark.parametrize("audit", NAMES)
def test_the_views_hold_in_a_warehouse(built, offenders, audit):
    with open_for_reading(built) as warehouse:
        assert offenders(warehouse, audit) == []
