"""Rows: dicts in order, and the data frames that they become."""

import pytest

from recsys.data.rows import Rows

ROWS = Rows(("user_id", "rating"), [(1, 4.0), (2, None), (3, 1.0)])


def test_rows_are_dicts_in_order():
    assert list(ROWS) == [
        {"user_id": 1, "rating": 4.0},
        {"user_id": 2, "rating": None},
        {"user_id": 3, "rating": 1.0},
    ]
    assert ROWS[-1]["user_id"] == 3
    assert ROWS[:2] == Rows(ROWS.columns, ROWS.values[:2])
    assert ROWS.column("rating") == [4.0, None, 1.0]


def test_records_may_lack_a_column():
    made = Rows.from_records(("user_id", "rating"), [{"user_id": 1, "rating": 4.0}, {"user_id": 2}])
    assert made == ROWS[:2]


def test_a_preview_is_one_line():
    assert ROWS.preview(2) == "user_id=1, rating=4.0; user_id=2, rating=None"
    assert ROWS.preview(0) == ""


@pytest.mark.parametrize(("package", "method"), [("pandas", "df"), ("polars", "pl")])
def test_rows_become_a_data_frame(package, method):
    pytest.importorskip(package)
    frame = getattr(ROWS, method)()
    assert list(frame.columns) == ["user_id", "rating"]
    assert frame["user_id"].to_list() == [1, 2, 3]


def test_rows_become_an_arrow_table():
    pytest.importorskip("pyarrow")
    assert ROWS.arrow().to_pylist() == list(ROWS)


def test_no_rows_keep_their_columns():
    pytest.importorskip("pyarrow")
    assert Rows(("user_id",), []).arrow().column_names == ["user_id"]
