"""The warehouse: opened by many, written by one, shut off from everything else."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from recsys.data.sql_files import SCHEMA_VERSION
from recsys.data.warehouse import (
    create_warehouse,
    open_for_reading,
    open_for_writing,
)
from recsys.errors import (
    QueryError,
    WarehouseLockedError,
    WarehouseMissingError,
    WarehouseNewerError,
    WarehouseOlderError,
    WarehouseUnreadableError,
    WarehouseUnwritableError,
)

OPENINGS = [open_for_reading, open_for_writing]
HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'reading')
print('open', flush=True)
sys.stdin.read()
"""
DIE = """
import os, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("set wal_autocheckpoint = '1GB'")
connection.execute('update settings set min_ratings = 77')
connection.execute('begin')
connection.execute('update settings set top_movies = 77')
os._exit(0)
"""


@pytest.fixture
def held_open():
    """Return a function that lets another process hold a file open until the test ends."""
    processes = []

    def hold(path, mode):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, path, mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "open\n"
        return process

    yield hold
    for process in processes:
        process.communicate()
        assert process.returncode == 0


def value(warehouse, text):
    [(one,)] = warehouse.stream(text)[1]
    return one


# Who may open it


def test_it_cannot_be_read_while_another_process_writes(built, held_open):
    holder = held_open(built, "writing")
    with pytest.raises(WarehouseLockedError) as refused:
        open_for_reading(built)
    assert str(built) in refused.value.what
    assert f"process {holder.pid}" in refused.value.what
    assert "nothing was changed" in refused.value.remedy


@pytest.mark.parametrize("mode", ["reading", "writing"])
def test_it_cannot_be_written_while_another_process_has_it(built, held_open, mode):
    holder = held_open(built, mode)
    with pytest.raises(WarehouseLockedError, match=f"process {holder.pid}"):
        open_for_writing(built)


def test_many_processes_may_read_at_once(built, held_open):
    held_open(built, "reading")
    held_open(built, "reading")
    with open_for_reading(built) as first, open_for_reading(built) as second:
        counts = {value(one, "select count(*) from predictions") for one in (first, second)}
    assert len(counts) == 1
    assert counts != {0}


def test_two_readers_in_one_process_do_not_disturb_each_other(built):
    with open_for_reading(built) as first, open_for_reading(built) as second:
        _, rows = first.stream("select user_id from predictions")
        next(rows)
        assert second.rows("select_top_movies") == first.rows("select_top_movies")


# What is no warehouse


@pytest.mark.parametrize("opening", OPENINGS)
def test_it_is_not_there(tmp_path, opening):
    with pytest.raises(WarehouseMissingError, match=r"no warehouse at '.*nowhere\.duckdb'"):
        opening(tmp_path / "nowhere.duckdb")
    assert not (tmp_path / "nowhere.duckdb").exists()


def write_sqlite(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("create table settings (a)")
    connection.commit()
    connection.close()


def write_other_duckdb(path: Path) -> None:
    with duckdb.connect(path) as connection:
        connection.execute("create table settings as select 1 as mine")


def write_tables_of_the_same_names(path: Path) -> None:
    with duckdb.connect(path) as connection:
        connection.execute("create table settings as select 1 as mine")
        connection.execute("create table models as select 1 as mine")


def write_format(path: Path, columns: str) -> None:
    write_tables_of_the_same_names(path)
    with duckdb.connect(path) as connection:
        connection.execute(f"create table warehouse_format as select {columns}")


NO_WAREHOUSES = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("user_id,movie_id,rating\n" * 1000),
    "zeros": lambda path: path.write_bytes(bytes(100_000)),
    "folder": lambda path: path.mkdir(),
    "SQLite": write_sqlite,
    "another DuckDB file": write_other_duckdb,
    "tables of the same names": write_tables_of_the_same_names,
    "another format table": lambda path: write_format(path, "1 as mine"),
    "another marker": lambda path: write_format(path, "'x' as marker, 1 as schema_version"),
}


@pytest.mark.parametrize("opening", OPENINGS)
@pytest.mark.parametrize("kind", NO_WAREHOUSES)
def test_it_is_something_else(tmp_path, kind, opening):
    path = tmp_path / "other.duckdb"
    NO_WAREHOUSES[kind](path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(WarehouseUnreadableError) as refused:
        opening(path)
    assert str(path) in refused.value.what
    assert before == (path.read_bytes() if path.is_file() else None)


# The schema of another version


def make_as_version_0_1(path: Path) -> None:
    """Take away what that version did not write."""
    with duckdb.connect(path) as connection:
        connection.execute("drop table warehouse_format")


def make_of_schema(path: Path, schema_version: int) -> None:
    with duckdb.connect(path) as connection:
        connection.execute("update warehouse_format set schema_version = $1", [schema_version])


@pytest.mark.parametrize("opening", OPENINGS)
def test_an_older_schema_is_refused_with_the_command_that_rebuilds_it(built, opening):
    make_as_version_0_1(built)
    with pytest.raises(WarehouseOlderError) as refused:
        opening(built)
    assert f"schema is 1, this one needs {SCHEMA_VERSION}" in refused.value.what
    assert f"--database {built} build-warehouse --source sample:20000" in refused.value.remedy
    open_by_duckdb = duckdb.connect(built)  # it was closed
    open_by_duckdb.close()


@pytest.mark.parametrize("opening", OPENINGS)
def test_a_newer_schema_is_refused(built, opening):
    make_of_schema(built, SCHEMA_VERSION + 1)
    with pytest.raises(WarehouseNewerError, match=f"schema is {SCHEMA_VERSION + 1}") as refused:
        opening(built)
    assert "Upgrade recsys" in refused.value.remedy


@pytest.mark.parametrize(
    "command", ["report", "train", "models", "sql", "score", "tune", "recommend", "doctor"]
)
def test_every_command_says_in_two_lines_that_a_file_is_older(built, recsys, command):
    make_as_version_0_1(built)
    before = built.read_bytes()
    arguments = {"sql": ["select 1"], "recommend": ["--user", "1"]}.get(command, [])
    done = recsys("--database", str(built), command, *arguments)
    assert "Traceback" not in done.stderr
    assert "was built by an older recsys" in done.stdout + done.stderr
    if command != "doctor":
        assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (1, "", 2)
    assert built.read_bytes() == before


# Damage


@pytest.mark.parametrize("place", [5, 4096 + 10, 3 * 4096 + 10])
def test_a_damaged_header_is_noticed(built, place):
    content = bytearray(built.read_bytes())
    content[place : place + 100] = b"\xff" * 100
    built.write_bytes(content)
    with pytest.raises(WarehouseUnreadableError), open_for_reading(built) as warehouse:
        warehouse.rows("select_rating_funnel")


def test_a_damaged_block_is_noticed(built):
    content = bytearray(built.read_bytes())
    for place in range(12_288 + 100, len(content), 4096):
        content[place : place + 8] = b"\xff" * 8
    built.write_bytes(content)
    with pytest.raises(WarehouseUnreadableError), open_for_reading(built) as warehouse:
        warehouse.rows("select_rating_funnel")


def test_a_truncated_file_is_noticed(built):
    built.write_bytes(built.read_bytes()[: built.stat().st_size // 3])

    def read_everything():
        with open_for_reading(built) as warehouse:
            for query in ("select_rating_funnel", "select_split_ratings", "select_movie_features"):
                warehouse.rows(query)

    with pytest.raises(WarehouseUnreadableError):
        read_everything()


def test_a_folder_that_cannot_be_written():
    # Even root may make no files in /proc.
    if not Path("/proc/self").exists():
        pytest.skip("there is no /proc")
    with pytest.raises(WarehouseUnwritableError, match="/proc/new"):
        create_warehouse(Path("/proc/new.duckdb"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to any file")
def test_a_file_that_may_not_be_written(built):
    built.chmod(0o444)
    with open_for_reading(built) as warehouse:
        assert warehouse.rows("select_top_movies")
    with pytest.raises(WarehouseUnwritableError):
        open_for_writing(built)


# Transactions and killed writers


def delete_and_stop(warehouse, error):
    with warehouse.transaction():
        warehouse.run("delete_scores")
        assert value(warehouse, "select count(*) from predictions") == 0
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_transaction_is_all_or_nothing(built, error):
    with open_for_writing(built) as warehouse:
        before = value(warehouse, "select count(*) from predictions")
        with pytest.raises(error):
            delete_and_stop(warehouse, error)
        assert value(warehouse, "select count(*) from predictions") == before
        with warehouse.transaction():
            warehouse.run("delete_scores")
    with open_for_reading(built) as warehouse:
        assert value(warehouse, "select count(*) from predictions") == 0


def test_closing_without_committing_changes_nothing(built):
    warehouse = open_for_writing(built)
    transaction = warehouse.transaction()
    transaction.__enter__()
    warehouse.run("delete_scores")
    warehouse.close()
    with open_for_reading(built) as warehouse:
        assert value(warehouse, "select count(*) from predictions") > 0


@pytest.mark.parametrize("opening", OPENINGS)
def test_what_a_killed_writer_committed_is_there(built, opening):
    subprocess.run([sys.executable, "-c", DIE, built], check=True)
    assert built.with_name(f"{built.name}.wal").exists()
    with opening(built) as warehouse:
        assert value(warehouse, "select min_ratings from settings") == 77
        assert value(warehouse, "select top_movies from settings") == 60


NO_SPACE = """
import resource, sys
from pathlib import Path
from recsys.serving import batch_scoring
from recsys.errors import WarehouseUnwritableError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    batch_scoring.score_by_current_model(Path(sys.argv[1]), 'cpu')
except WarehouseUnwritableError as error:
    print(error.what)
"""


@pytest.mark.parametrize("limit", [4096, 20_000, 60_000])
def test_scoring_without_space_loses_nothing(built, limit):
    text = "select count(*), sum(predicted_rating) from predictions"
    with open_for_reading(built) as warehouse:
        before = list(warehouse.stream(text)[1])
    done = subprocess.run(
        [sys.executable, "-c", NO_SPACE, built, str(limit)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Cannot write" in done.stdout
    with open_for_reading(built) as warehouse:
        assert list(warehouse.stream(text)[1]) == before
        warehouse.check("model")


# What a query of a person may do


@pytest.fixture
def sandbox(built, tmp_path):
    (tmp_path / "secret.csv").write_text("password\nhunter2\n")
    shutil.copy(built, tmp_path / "other.duckdb")
    with open_for_reading(built) as warehouse:
        yield warehouse


ESCAPES = [
    # other files
    "select * from 'secret.csv'",
    "select * from read_csv('secret.csv')",
    "select * from read_text('secret.csv')",
    "select * from read_blob('secret.csv')",
    "select * from read_parquet('secret.csv')",
    "select * from read_json('secret.csv')",
    "select * from glob('*')",
    "select * from sniff_csv('secret.csv')",
    "attach 'other.duckdb' as other",
    "attach 'new.duckdb' as other",
    "import database 'exported'",
    # the network
    "select * from read_csv('http://127.0.0.1:9/x.csv')",
    "attach 'http://127.0.0.1:9/x.duckdb' as other",
    "install httpfs",
    "load httpfs",
    "load './secret.csv'",
    # writing
    "copy (select 1) to 'out.csv'",
    "copy ratings to '/dev/stdout'",
    "export database 'exported'",
    "insert into settings from settings",
    "update settings set top_movies = 1",
    "delete from raw_ratings",
    "drop view ratings",
    "create table mine (a integer)",
    "create view mine as select 1",
    "create or replace macro mine() as 1",
    "alter table settings add column a integer",
    "comment on table settings is ''",
    "create persistent secret mine (type http)",
    # its own settings
    "set enable_external_access = true",
    "set lock_configuration = false",
    "set temp_directory = '/tmp'",
    "set threads = 64",
    "reset threads",
    "pragma enable_profiling",
    "call enable_logging(storage = 'file', storage_path = 'log')",
    # variables of this program
    "select * from sandbox",
    "select * from warehouse",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_a_query_cannot_leave_the_warehouse(sandbox, tmp_path, built, text):
    content, files = built.read_bytes(), sorted(tmp_path.iterdir())
    with pytest.raises(QueryError) as refused:
        list(sandbox.stream(text)[1])
    assert "hunter2" not in refused.value.what
    assert built.read_bytes() == content
    assert sorted(tmp_path.iterdir()) == files


@pytest.mark.parametrize("text", ["", "  ", ";", "-- nothing"])
def test_an_empty_query_says_so(sandbox, text):
    with pytest.raises(QueryError, match="it is empty"):
        sandbox.stream(text)


@pytest.mark.parametrize(
    "text", ["selec 1", "select nothing from ratings", "select * from nowhere", "select 'a'::int"]
)
def test_a_wrong_query_says_why_in_one_line(sandbox, text):
    with pytest.raises(QueryError) as refused:
        list(sandbox.stream(text)[1])
    assert "\n" not in refused.value.what


def test_a_query_that_fails_half_way_is_an_error_of_the_query(sandbox):
    text = "select case when range = 500000 then error('late') else 1 end from range(1000000)"
    with pytest.raises(QueryError, match="late"):
        for _ in sandbox.stream(text)[1]:
            pass


def test_rows_come_lazily_with_their_names(sandbox):
    names, rows = sandbox.stream("select range as number, 'x' as letter from range(100000000)")
    assert names == ("number", "letter")
    assert [next(rows), next(rows)] == [(0, "x"), (1, "x")]


def test_every_relation_can_be_queried(sandbox):
    names = [
        name
        for (name,) in sandbox.stream(
            """select table_name from duckdb_tables() where schema_name = 'main'
            union all
            select view_name from duckdb_views() where schema_name = 'main' and not internal"""
        )[1]
    ]
    for name in names:
        columns, _ = sandbox.stream(f"from {name} limit 1")
        assert columns, name


# Small things


def test_the_file_is_in_the_format_that_duckdb_1_2_reads(built):
    with open_for_reading(built) as warehouse:
        [(tags,)] = warehouse.stream("select tags from duckdb_databases() where path is not null")[
            1
        ]
    assert tags["storage_version"].startswith("v1.2.0")


@pytest.mark.parametrize("opening", OPENINGS)
def test_long_queries_draw_no_progress_on_stdout(built, opening):
    with opening(built) as warehouse:
        _, rows = warehouse.stream("select current_setting('enable_progress_bar')")
        assert list(rows) == [(False,)]


def test_it_is_read_twice_in_one_process(built):
    with open_for_reading(built) as one, open_for_reading(built) as other:
        assert one.rows("select_top_movies") == other.rows("select_top_movies")


def test_a_connection_of_another_kind_in_this_process_is_a_foreseen_error(built):
    with duckdb.connect(built), pytest.raises(WarehouseLockedError, match="in this process"):
        open_for_reading(built)
