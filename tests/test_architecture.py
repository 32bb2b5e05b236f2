"""The house rules: who may import what, what is loaded when, lint, types, comments."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

PROJECT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
HEAVY = {"torch", "onnx", "onnxscript", "onnxruntime", "duckdb", "numpy", "matplotlib", "optuna"}


def run(*arguments: object, folder: Path = PROJECT) -> str:
    """Run a command that must succeed; return what it prints."""
    done = subprocess.run(
        [str(one) for one in arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Tools, as a developer calls them


def test_import_contracts_hold():
    run(TOOLS / "lint-imports", "--no-cache")


def test_code_is_clean():
    run(TOOLS / "ruff", "check", "--no-cache", ".")


def test_code_is_formatted():
    run(TOOLS / "ruff", "format", "--check", "--no-cache", ".")


@pytest.mark.slow
def test_types_are_right(tmp_path):
    run(TOOLS / "mypy", "--cache-dir", tmp_path)


@pytest.mark.slow
def test_sql_is_clean():
    run(TOOLS / "sqlfluff", "lint", "--nocolor", "sql")


# What is loaded when


def loaded_by(code: str, *arguments: object) -> set[str]:
    """Return the packages that a new interpreter has loaded after running some code."""
    tail = "\nprint(*{name.split('.')[0] for name in __import__('sys').modules})"
    return set(run(sys.executable, "-c", code + tail, *arguments).splitlines()[-1].split())


@pytest.mark.parametrize("module", ["recsys", "recsys.config", "recsys.errors"])
def test_importing_a_module_loads_nothing_but_itself(module):
    assert not loaded_by(f"import {module}") & (HEAVY | {"click", "pooch"})


def test_the_command_line_loads_what_a_command_needs_when_it_runs():
    loaded = loaded_by("import recsys.cli")
    assert "click" in loaded
    assert not loaded & HEAVY


SERVE = """
import sys
from recsys.cli import commands
commands(sys.argv[1:], standalone_mode=False)
"""


@pytest.mark.parametrize(
    "command", ["recommend", "verify", "similar", "models", "sql", "export", "doctor"]
)
def test_serving_never_loads_what_is_for_training_or_drawing(built, tmp_path, command):
    with duckdb.connect(built, read_only=True) as connection:
        ((user, movie),) = connection.execute(
            "select min(user_id), min(movie_id) from split_ratings where split = 'test'"
        ).fetchall()
    arguments = {
        "recommend": ("--user", user, "--by", "users"),
        "verify": ("--user", user, "--save"),
        "similar": ("--movie", movie),
        "models": (),
        "sql": ("select 1",),
        "export": (tmp_path / "model.onnx",),
        "doctor": (),
    }
    loaded = loaded_by(SERVE, "--database", built, command, *arguments[command])
    assert "duckdb" in loaded
    assert not loaded & {"torch", "onnx", "onnxscript", "matplotlib", "optuna", "pooch"}


def test_scoring_everyone_never_loads_torch(built):
    loaded = loaded_by(SERVE, "--database", built, "score")
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "onnx", "onnxscript", "matplotlib", "optuna", "pooch"}


# The warehouse explains itself


@pytest.mark.parametrize(
    "query",
    [
        "select table_name from duckdb_tables() where comment is null",
        "select view_name from duckdb_views() where comment is null and not internal",
        "select table_name, column_name from duckdb_columns() "
        "where comment is null and not internal",
    ],
    ids=["tables", "views", "columns"],
)
def test_every_relation_and_column_has_a_comment(built, query):
    with duckdb.connect(built, read_only=True) as connection:
        assert connection.execute(query).fetchall() == []


def test_no_view_names_a_place_on_this_machine(built):
    with duckdb.connect(built, read_only=True) as connection:
        views = connection.execute("select sql from duckdb_views() where not internal").fetchall()
    assert views
    for (text,) in views:
        assert str(PROJECT) not in text
        assert "getvariable" not in text
        assert "read_csv" not in text
