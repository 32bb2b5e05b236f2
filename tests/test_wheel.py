"""The wheel: it carries the SQL and works where there is no checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import duckdb
import pytest

PROJECT = Path(__file__).resolve().parent.parent


def run(*arguments: object, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *(str(one) for one in arguments)],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with what is installed, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    run("-m", "build", "--wheel", "--no-isolation", "--outdir", folder, PROJECT, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel and nothing else installed in it."""
    target = tmp_path_factory.mktemp("installed")
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target)
    run(*install, wheel, folder=target, PIP_DISABLE_PIP_VERSION_CHECK="1")
    return target


def test_the_wheel_holds_the_package_and_its_sql_and_no_more(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    sql = {f"recsys/{file.relative_to(PROJECT)}" for file in PROJECT.glob("sql/**/*.sql")}
    package = {
        str(file.relative_to(PROJECT))
        for file in PROJECT.glob("recsys/**/*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert sql
    assert {name for name in names if ".dist-info/" not in name} == sql | package
    (license_file,) = (name for name in names if name.endswith("/LICENSE"))
    assert ".dist-info/licenses/" in license_file


def test_an_installed_wheel_does_the_whole_job_elsewhere(installed, tmp_path, built):
    """With another process, another copy of the code and the same data: the same model."""
    command = installed / "bin" / "recsys"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    where = run(
        "-c", "import recsys; print(recsys.__file__)", folder=elsewhere, PYTHONPATH=str(installed)
    )
    assert Path(where.strip()).is_relative_to(installed)
    run(
        *(command, "build-warehouse", "--source", "sample:20000", "--device", "cpu"),
        *("--top-movies", 60, "--min-ratings", 20),
        folder=elsewhere,
        PYTHONPATH=str(installed),
    )
    printed = run(
        *(command, "--format", "json", "sql", "select model_id from models"),
        folder=elsewhere,
        PYTHONPATH=str(installed),
    )
    with duckdb.connect(built, read_only=True) as connection:
        expected = connection.execute("select model_id, onnx_sha256 from models").fetchall()
    with duckdb.connect(elsewhere / "warehouse.duckdb", read_only=True) as connection:
        found = connection.execute("select model_id, onnx_sha256 from models").fetchall()
    assert found == expected
    assert json.loads(printed) == [{"model_id": expected[0][0]}]
