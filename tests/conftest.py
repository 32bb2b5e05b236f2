"""Small fixtures that compose: files, then warehouses, then models."""

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from recsys import pipeline
from recsys.config import SOURCE_VARIABLE, TrainingOptions

PROJECT = Path(__file__).resolve().parent.parent
# A sample that builds in a second or two, with enough taste in it to learn.
SMALL_SOURCE = "sample:20000"
SMALL_SETTINGS = {"top_movies": 60, "min_ratings": 20}


# MovieLens latest-small, where the person who runs the tests has it and says so.
MOVIELENS = Path(os.environ.get(SOURCE_VARIABLE, "there is none"))


def execute(path: Path, statement: str) -> list[tuple]:
    """Return the rows of a statement, by DuckDB alone."""
    with duckdb.connect(path) as connection:
        return connection.execute(statement).fetchall()


def hear_interrupts() -> None:
    """Let a child end at SIGINT, which a shell hides from what it runs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def contents(path: Path) -> dict[str, list[tuple]]:
    """Return the rows of every table, without what tells when and how long."""
    kept = "lambda name: name not in ('created_at', 'loaded_at', 'verified_at', 'seconds')"
    with duckdb.connect(path) as connection:
        tables = connection.execute("select table_name from duckdb_tables()").fetchall()
        return {
            table: connection.execute(
                f'select columns({kept}) from "{table}" order by all'
            ).fetchall()
            for (table,) in tables
        }


@dataclass(frozen=True)
class Result:
    """What a command left."""

    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test to its own folder, away from the user's data and settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("RECSYS_SOURCE", "RECSYS_DATABASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes rows to a CSV file and returns its path."""

    def write(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
        return path

    return write


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("built") / "warehouse.duckdb"
    training = TrainingOptions(device="cpu")
    pipeline.build(path, SMALL_SOURCE, **SMALL_SETTINGS, training=training)
    return path


@pytest.fixture
def built(_built: Path, tmp_path: Path) -> Path:
    """Return a fresh copy of a small warehouse with a trained model."""
    return Path(shutil.copy(_built, tmp_path / "warehouse.duckdb"))


@pytest.fixture
def recsys() -> Callable[..., Result]:
    """Return a function that runs a command in a process of its own."""

    def run(*arguments: str, **environment: str) -> Result:
        done = subprocess.run(
            [sys.executable, str(PROJECT / "cli.py"), *arguments],
            capture_output=True,
            text=True,
            env=os.environ | environment,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run
