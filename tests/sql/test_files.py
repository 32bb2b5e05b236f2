"""The files of sql/: one relation a file, every object explained, every query used."""

import ast
import re
from pathlib import Path

import pytest

import recsys
from recsys.data.sql_files import sql_folder
from recsys.data.warehouse import open_for_reading

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = [
    *sorted(Path(recsys.__file__).parent.rglob("*.py")),
    *sorted((PROJECT / "docs").glob("*.py")),
]
# Methods of Warehouse whose first argument is the name of a query.
METHODS = {"append", "append_records", "columns", "row", "rows", "run"}
RELATIONS = """
    select table_name from duckdb_tables() where schema_name = 'main'
    union all
    select view_name from duckdb_views() where schema_name = 'main' and not internal"""
MACROS = """
    select distinct function_name from duckdb_functions()
    where not internal and function_type in ('macro', 'table_macro')"""
NAMELESS = """
    select table_name, null from duckdb_tables()
    where schema_name = 'main' and coalesce(trim(comment), '') = ''
    union all
    select view_name, null from duckdb_views()
    where schema_name = 'main' and not internal and coalesce(trim(comment), '') = ''
    union all
    select table_name, column_name from duckdb_columns()
    where schema_name = 'main' and not internal and coalesce(trim(comment), '') = ''
    union all
    select function_name, null from duckdb_functions()
    where not internal and coalesce(trim(comment), '') = ''
    order by all"""


def numbered_files() -> list[Path]:
    return sorted(sql_folder().glob("*.sql")) + sorted(sql_folder().glob("sample/*.sql"))


def query_names() -> set[str]:
    return {file.stem for file in (sql_folder() / "queries").glob("*.sql")}


def named_queries() -> list[tuple[str, ast.expr]]:
    """Return where a query is named, and the expression that names it."""
    return [
        (f"{file.name}:{call.lineno}", call.args[0])
        for file in PYTHON
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in METHODS
        and call.args
        and not (call.func.attr == "append" and len(call.args) == 1)  # of a list
    ]


def all_strings() -> set[str]:
    return {
        node.value
        for file in PYTHON
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_relation_and_column_has_a_comment(built, select):
    with open_for_reading(built) as warehouse:
        assert len(select(warehouse, RELATIONS)) > 20
        assert select(warehouse, NAMELESS) == []


def test_every_numbered_file_defines_what_it_is_named_after(built, select):
    with open_for_reading(built) as warehouse:
        there = {name for (name,) in select(warehouse, f"{RELATIONS} union all {MACROS}")}
    named = {file.stem[3:] for file in sorted(sql_folder().glob("*.sql"))}
    several = {name for name in named if name.endswith("_tables")}
    assert several == {"model_tables", "network_tables"}
    assert named - several <= there
    # What a file named …_tables defines is the only thing that no file is named after.
    created = {
        name
        for stem in several
        for file in sql_folder().glob(f"[0-9][0-9]_{stem}.sql")
        for name in re.findall(r"^create or replace table (\w+)", file.read_text("utf-8"), re.M)
    }
    assert there == (named - several) | created


def test_readme_lists_everything_in_the_order_of_its_file(built, select):
    text = (sql_folder() / "70_readme.sql").read_text("utf-8")
    with open_for_reading(built) as warehouse:
        listed = [name for (name,) in select(warehouse, "select name from readme")]
    assert listed == re.findall(r"'relation': '(\w+)'", text)


@pytest.mark.parametrize("file", numbered_files(), ids=lambda file: file.stem)
def test_the_header_says_what_the_file_defines(file):
    header = []
    for line in file.read_text("utf-8").splitlines():
        if not line.startswith("--"):
            break
        header.append(line)
    name = file.stem[3:]
    assert len(header) <= 8
    if not name.endswith("_tables"):
        assert re.match(rf"-- {name}(\(.*\))?: \S", header[0], re.IGNORECASE)
    assert any(line.startswith("-- Reads: ") for line in header)


def test_numbers_are_not_used_twice():
    for folder in (sql_folder(), sql_folder() / "sample"):
        numbers = [file.name[:2] for file in folder.glob("*.sql")]
        assert len(numbers) == len(set(numbers))


def test_every_query_is_used():
    assert query_names() <= all_strings()


def test_no_query_name_is_put_together():
    """Or nobody who looks for the name finds who uses it."""
    kinds = (ast.JoinedStr, ast.BinOp)
    assert [place for place, name in named_queries() if isinstance(name, kinds)] == []


def test_every_query_that_is_used_exists():
    used = [
        (place, name.value)
        for place, name in named_queries()
        if isinstance(name, ast.Constant) and isinstance(name.value, str)
    ]
    assert len(used) > 30
    assert [one for one in used if one[1] not in query_names()] == []


def test_every_query_says_in_one_sentence_what_it_is_for():
    for file in (sql_folder() / "queries").glob("*.sql"):
        assert re.match(r"-- [A-Z].*", file.read_text("utf-8")), file.name
