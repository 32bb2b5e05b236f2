"""DuckDB 1.5, an older client: it opens the file and computes the same from every relation."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recsys.data.warehouse import Warehouse, open_for_reading
from recsys.serving import batch_scoring

EXACT = {"row_count", "checksum"}
DUCKDB = Path(sys.executable).with_name("duckdb")
RELATIONS = """
    select table_name as name from duckdb_tables() where schema_name = 'main'
    union all
    select view_name from duckdb_views() where schema_name = 'main' and not internal
    order by name"""

COLUMNS = """
    select column_name, data_type from duckdb_columns()
    where schema_name = 'main' and table_name = '{}'
    order by column_index"""


def summary_of(columns: list[dict], relation: str) -> str:
    """Return a query that reads every value of a relation.

    The sum of a column of floats, each weighed by what else is in its row, may differ in its
    last digits between releases; the rest may not differ at all.
    """
    is_float = {
        column["column_name"]: column["data_type"] in ("DOUBLE", "FLOAT") for column in columns
    }
    exact = ", ".join(f"{name}::varchar" for name, flag in is_float.items() if not flag)
    sums = "".join(
        f", sum({name} * (1 + md5_number_lower(line) % 97))::varchar as {name}"
        for name, flag in is_float.items()
        if flag
    )
    return f"""
        select count(*) as row_count, md5(string_agg(line, chr(10) order by line)) as checksum{sums}
        from (select *, concat_ws('|', '', {exact or "''"}) as line from {relation})"""


def comparable(rows: list[dict]) -> dict:
    [row] = rows
    return {
        name: value if name in EXACT or value is None else pytest.approx(float(value), rel=1e-5)
        for name, value in row.items()
    }


def ask_older_client(path: Path, text: str, *options: str) -> list[dict]:
    done = subprocess.run(
        [DUCKDB, "-init", "/dev/null", "-json", *options, path, "-c", text],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout) if done.stdout.strip() else []


def ask(warehouse: Warehouse, text: str) -> list[dict]:
    names, rows = warehouse.stream(text)
    return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def kept(_built, tmp_path_factory) -> Path:
    return Path(shutil.copy(_built, tmp_path_factory.mktemp("cli") / "warehouse.duckdb"))


def test_the_client_is_an_older_one():
    done = subprocess.run([DUCKDB, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("v1.5.")


def test_it_computes_the_same_rows_from_every_relation(kept):
    with open_for_reading(kept) as warehouse:
        names = [row["name"] for row in ask(warehouse, RELATIONS)]
        assert {"ratings", "split_ratings", "predictions", "recommendations"} <= set(names)
        assert [row["name"] for row in ask_older_client(kept, RELATIONS, "-readonly")] == names
        for name in names:
            text = summary_of(ask(warehouse, COLUMNS.format(name)), name)
            [theirs] = ask_older_client(kept, text, "-readonly")
            floats = {
                column: float(value)
                for column, value in theirs.items()
                if column not in EXACT and value is not None
            }
            assert (name, theirs | floats) == (name, comparable(ask(warehouse, text)))


def test_it_reads_the_comments(kept):
    text = "select comment from duckdb_views() where view_name = 'split_ratings'"
    assert ask_older_client(kept, text, "-readonly") == [
        {"comment": "Filtered ratings with their split. One row per (user_id, movie_id)."}
    ]


def test_it_still_opens_the_file_after_a_newer_one_wrote_to_it(built):
    batch_scoring.score_by_current_model(built, "cpu")
    text = "select count(*) as row_count from predictions"
    with open_for_reading(built) as warehouse:
        assert ask_older_client(built, text, "-readonly") == ask(warehouse, text)


def test_what_it_writes_is_read_by_the_newer_one(built):
    ask_older_client(built, "update settings set min_ratings = min_ratings + 1")
    batch_scoring.score_by_current_model(built, "cpu")
    with open_for_reading(built) as warehouse:
        assert ask(warehouse, "select min_ratings from settings") == [{"min_ratings": 21}]


def test_its_macro_predicts_as_the_network_does(kept):
    [compared] = ask_older_client(
        kept,
        "select count(*) as pairs, max(abs(predict_rating(user_id, movie_id) - predicted_rating))"
        " as difference from predictions",
    )
    assert compared["pairs"] > 0
    assert compared["difference"] <= 1e-4
    unknown = ask_older_client(kept, "select predict_rating(-1, -1) as rating")
    assert unknown == [{"rating": None}]


def test_every_example_of_its_readme_runs(kept):
    for entry in ask_older_client(kept, "select name, example from readme"):
        rows = ask_older_client(kept, entry["example"], "-readonly")
        assert rows or entry["name"] == "trials", entry
