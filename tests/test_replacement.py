"""Replacing a warehouse: whatever happens, its path holds the old file or the whole new one."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from recsys import pipeline
from recsys.config import DataSettings
from recsys.data import replacement
from recsys.data.replacement import replacing
from recsys.data.warehouse import open_for_reading
from recsys.errors import (
    WarehouseLockedError,
    WarehouseNewerError,
    WarehouseUnreadableError,
    WarehouseUnwritableError,
)

SETTINGS = DataSettings(top_movies=20, min_ratings=5)
HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print('open', flush=True)
sys.stdin.read()
"""
DIE = """
import os, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("set wal_autocheckpoint = '1GB'")
connection.execute('update settings set min_ratings = 77')
os._exit(0)
"""
BUILD = """
import resource, sys
from pathlib import Path
from recsys import pipeline
from recsys.config import DataSettings
from recsys.errors import RecsysError
limit = int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    pipeline.build(sys.argv[1], sys.argv[3], top_movies=20, min_ratings=6, training=None)
    print('built')
except RecsysError as error:
    print(type(error).__name__, error.what)
"""


def build(path: Path, settings: DataSettings = SETTINGS) -> None:
    pipeline.build(
        path,
        "sample:3000",
        top_movies=settings.top_movies,
        min_ratings=settings.min_ratings,
        training=None,
    )


def min_ratings(path: Path) -> int:
    with open_for_reading(path) as warehouse:
        [(one,)] = warehouse.stream("select min_ratings from settings")[1]
    return one


@pytest.fixture(scope="module")
def _old(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("old") / "warehouse.duckdb"
    build(path)
    return path


@pytest.fixture
def old(_old, tmp_path) -> Path:
    """Return a warehouse without a model, alone in its folder."""
    folder = tmp_path / "there"
    folder.mkdir()
    return Path(shutil.copy(_old, folder / "warehouse.duckdb"))


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_new_warehouse_takes_the_place_of_the_old_one(old):
    build(old, DataSettings(top_movies=20, min_ratings=6))
    assert min_ratings(old) == 6
    assert names(old.parent) == ["warehouse.duckdb"]


def test_the_old_one_is_there_until_the_new_one_is_whole(old):
    before = old.read_bytes()
    with replacing(old) as warehouse:
        assert warehouse.path != old
        assert warehouse.path.parent == old.parent
        assert old.read_bytes() == before
        assert min_ratings(old) == 5
    assert old.read_bytes() != before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_an_error_inside_leaves_the_old_one_byte_for_byte(old, error):
    before = old.read_bytes()
    with pytest.raises(error), replacing(old):
        raise error
    assert old.read_bytes() == before
    assert names(old.parent) == ["warehouse.duckdb"]


def test_readers_of_the_old_one_read_on(old):
    with open_for_reading(old) as reader:
        rows = reader.stream("select user_id from raw_ratings")[1]
        next(rows)
        done = subprocess.run(
            [sys.executable, "-c", BUILD, old, "0", "sample:3000"],
            capture_output=True,
            text=True,
            check=True,
        )
        # Nobody is cut off: the build waits for no one and refuses instead.
        assert done.stdout.startswith("WarehouseLockedError")
        assert sum(1 for _ in rows) == 2999


def test_it_is_held_open_by_another_process(old):
    before = old.read_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, old], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        with pytest.raises(WarehouseLockedError, match=f"process {holder.pid}"), replacing(old):
            pytest.fail("it was not refused before the work")
        holder.communicate()
    assert old.read_bytes() == before
    build(old)


def test_somebody_opens_it_during_the_build(old):
    before = old.read_bytes()
    holders = []

    def build_while_it_is_opened():
        with replacing(old):
            holders.append(
                subprocess.Popen(
                    [sys.executable, "-c", HOLD, old],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            holders[0].stdout.readline()

    with pytest.raises(WarehouseLockedError):
        build_while_it_is_opened()
    holders[0].communicate()
    assert old.read_bytes() == before
    assert names(old.parent) == ["warehouse.duckdb"]


@pytest.mark.parametrize("is_read_only", [True, False])
def test_nobody_can_open_the_old_one_while_it_is_replaced(old, monkeypatch, is_read_only):
    """What somebody wrote to it then would be lost."""
    command = "import sys, duckdb; duckdb.connect(sys.argv[1], read_only=bool(int(sys.argv[2])))"
    really_replace, said = Path.replace, []

    def replace(self: Path, target: Path) -> Path:
        opened = subprocess.run(
            [sys.executable, "-c", command, target, str(int(is_read_only))],
            stderr=subprocess.PIPE,
            check=False,
        )
        said.append(opened.stderr.decode())
        return really_replace(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    build(old, DataSettings(top_movies=20, min_ratings=6))
    assert len(said) == 1
    assert "Could not set lock" in said[0]
    assert min_ratings(old) == 6


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_there_is_no_such_folder(tmp_path, folder):
    (tmp_path / "file").write_text("x")
    path = tmp_path / folder / "warehouse.duckdb"
    with (
        pytest.raises(WarehouseUnwritableError, match="its folder does not exist"),
        replacing(path),
    ):
        pytest.fail("it was not refused before the work")


def test_a_folder_that_cannot_be_written():
    # Even root may make no files in /proc.
    if not Path("/proc/self").exists():
        pytest.skip("there is no /proc")
    with pytest.raises(WarehouseUnwritableError, match="/proc"), replacing(Path("/proc/w.duckdb")):
        pytest.fail("it was not refused before the work")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to any folder")
def test_a_folder_that_may_not_be_written(old):
    old.parent.chmod(0o555)
    try:
        with pytest.raises(WarehouseUnwritableError), replacing(old):
            pytest.fail("it was not refused before the work")
    finally:
        old.parent.chmod(0o755)
    assert names(old.parent) == ["warehouse.duckdb"]


@pytest.fixture(scope="module")
def whole_size(tmp_path_factory) -> int:
    path = tmp_path_factory.mktemp("whole") / "warehouse.duckdb"
    command = [sys.executable, "-c", BUILD, path, "0", "sample:20000"]
    subprocess.run(command, capture_output=True, check=True)
    return path.stat().st_size


@pytest.mark.parametrize("share", [0.005, 0.2, 0.5, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])
def test_no_space_leaves_the_old_one_byte_for_byte(old, whole_size, share):
    # A limit on the size of a file stops the write as a full disk does: in the header,
    # in the log or, last and worst, where the log is moved into the file.
    before = old.read_bytes()
    limit = str(int(whole_size * share))
    done = subprocess.run(
        [sys.executable, "-c", BUILD, old, limit, "sample:20000"],
        capture_output=True,
        text=True,
        check=True,
    )
    if share > 0.8 and done.stdout == "built\n":  # no two builds are of one size to the byte
        assert min_ratings(old) == 6
    else:
        assert done.stdout.startswith("WarehouseUnwritableError Cannot write")
        assert old.read_bytes() == before
    assert names(old.parent) == ["warehouse.duckdb"]


def test_a_warehouse_of_an_older_schema_is_replaced(old):
    with duckdb.connect(old) as connection:
        connection.execute("drop table warehouse_format")
    build(old, DataSettings(top_movies=20, min_ratings=6))
    assert min_ratings(old) == 6


def test_a_warehouse_of_a_newer_schema_is_not(old):
    with duckdb.connect(old) as connection:
        connection.execute("update warehouse_format set schema_version = 1000")
    before = old.read_bytes()
    with pytest.raises(WarehouseNewerError), replacing(old):
        pytest.fail("it was not refused before the work")
    assert old.read_bytes() == before


OTHERS = {
    "another DuckDB file": None,
    "text": b"my diary\n" * 1000,
    "empty": b"",
    "zeros": bytes(50_000),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_warehouse_is_never_overwritten(tmp_path, kind):
    path = tmp_path / "there" / "mine.duckdb"
    path.parent.mkdir()
    if OTHERS[kind] is None:
        with duckdb.connect(path) as connection:
            connection.execute("create table models as select 1 as mine")
            connection.execute("create table settings as select 1 as mine")
    else:
        path.write_bytes(OTHERS[kind])
    before = path.read_bytes()
    with pytest.raises(WarehouseUnreadableError, match=r"mine\.duckdb"), replacing(path):
        pytest.fail("it was not refused before the work")
    assert path.read_bytes() == before
    assert names(path.parent) == ["mine.duckdb"]


def test_a_damaged_warehouse_can_be_built_again(old):
    old.write_bytes(old.read_bytes()[: old.stat().st_size // 2])
    build(old)
    assert min_ratings(old) == 5


# What killed processes leave


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_abandoned_builds_are_removed(old):
    dead, alive = dead_process(), os.getppid()
    folder = old.parent
    abandoned = [f".warehouse.duckdb.{dead}.building{end}" for end in ("", ".wal")]
    kept = [
        f".warehouse.duckdb.{alive}.building",
        f".other.duckdb.{dead}.building",
        f"warehouse.duckdb.{dead}.building",
        ".warehouse.duckdb.x.building",
        f".warehouse.duckdb.{dead}.building.csv",
    ]
    for name in abandoned + kept:
        (folder / name).write_text("x")
    (folder / f".warehouse.duckdb.{dead}.building.tmp").mkdir()
    with replacing(old):
        pass
    assert names(folder) == sorted([*kept, "warehouse.duckdb"])


@pytest.mark.slow
def test_a_build_killed_at_any_moment_leaves_the_old_one(old):
    before = old.read_bytes()
    started = time.monotonic()
    command = [sys.executable, "-c", BUILD, old, "0", "sample:20000"]
    subprocess.run([*command[:3], old.with_name("x.duckdb"), *command[4:]], check=True)
    duration = time.monotonic() - started
    old.with_name("x.duckdb").unlink()
    for share in (0.5, 0.7, 0.85, 0.95, 1.0):
        old.write_bytes(before)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            time.sleep(share * duration)
            process.send_signal(signal.SIGKILL)
        # The old state, or the new one whole; never anything between.
        if old.read_bytes() != before:
            assert min_ratings(old) == 6
            with open_for_reading(old) as warehouse:
                warehouse.check("data")
    build(old)
    assert names(old.parent) == ["warehouse.duckdb"]


def test_the_log_of_a_killed_writer_is_not_applied_to_the_new_file(old):
    subprocess.run([sys.executable, "-c", DIE, old], check=True)
    assert names(old.parent) == ["warehouse.duckdb", "warehouse.duckdb.wal"]
    assert min_ratings(old) == 77
    build(old)
    assert names(old.parent) == ["warehouse.duckdb"]
    assert min_ratings(old) == 5


def test_the_log_of_a_killed_writer_is_not_lost_when_the_build_fails(old):
    subprocess.run([sys.executable, "-c", DIE, old], check=True)
    with pytest.raises(ValueError, match="stop"), replacing(old):
        raise ValueError("stop")
    assert min_ratings(old) == 77


def test_the_log_of_a_file_that_was_moved_away_is_not_applied_and_not_lost(old, tmp_path):
    subprocess.run([sys.executable, "-c", DIE, old], check=True)
    moved = tmp_path / "moved.duckdb"
    old.rename(moved)
    build(old)
    assert min_ratings(old) == 5
    old.with_name("warehouse.duckdb.wal.orphan").rename(tmp_path / "moved.duckdb.wal")
    assert min_ratings(moved) == 77


def test_where_folders_cannot_be_flushed_and_open_files_not_replaced(old, monkeypatch):
    """As far as it can be told here, Windows is like that."""
    monkeypatch.setattr(replacement, "_IS_WINDOWS", True)
    monkeypatch.setattr(os, "kill", None)
    abandoned = old.with_name(f".warehouse.duckdb.{dead_process()}.building")
    abandoned.write_text("x")
    really_replace, really_open = Path.replace, os.open

    def replace(self: Path, place: Path) -> Path:
        duckdb.connect(old).close()  # nobody holds it open
        return really_replace(self, place)

    def open_file(path, flags, *arguments, **options):
        assert not Path(path).is_dir()
        assert flags & os.O_RDWR
        return really_open(path, flags, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replace)
        with replacing(old) as warehouse:
            pipeline.build_data(warehouse, "sample:3000", DataSettings(20, 6))
            patched.setattr(os, "open", open_file)
    assert min_ratings(old) == 6
    assert names(old.parent) == ["warehouse.duckdb"]


# Links


def test_a_link_stays_a_link(old, tmp_path):
    link = tmp_path / "link.duckdb"
    link.symlink_to(old)
    build(link, DataSettings(top_movies=20, min_ratings=6))
    assert link.is_symlink()
    assert link.resolve() == old
    assert min_ratings(old) == 6
    assert names(old.parent) == ["warehouse.duckdb"]


def test_a_link_to_nothing_yet_is_filled(old, tmp_path):
    link = tmp_path / "link.duckdb"
    link.symlink_to(old.with_name("new.duckdb"))
    build(link)
    assert link.is_symlink()
    assert min_ratings(old.with_name("new.duckdb")) == 5


def test_a_relative_path_is_that_of_the_start(old, monkeypatch):
    monkeypatch.chdir(old.parent)
    with replacing(Path("new.duckdb")) as warehouse:
        assert warehouse.path.parent == old.parent
        monkeypatch.chdir("/")
    assert old.with_name("new.duckdb").is_file()
