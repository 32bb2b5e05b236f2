"""The command line: what every command prints, and how it fails."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import duckdb
import pytest
from click.testing import CliRunner

from recsys.cli import COMMANDS, commands
from recsys.cli.options import set_verbosity
from recsys.launcher import launcher
from recsys.serving.scoring import cuda_problem

LAUNCHER = Path(__file__).resolve().parent.parent / "cli.py"
SERVING = ("recommend", "verify", "similar", "sql", "export", "doctor")
no_cuda = pytest.mark.skipif(cuda_problem() is None, reason="there is CUDA here")


@pytest.fixture(autouse=True)
def _verbosity() -> Iterator[None]:
    """Leave the loggers as they were: -q and -v hold for a whole process."""
    yield
    set_verbosity(0)


@pytest.fixture
def run() -> Callable[..., click.testing.Result]:
    """Return a function that runs a command in this process."""

    def invoke(*arguments: object, **environment: str) -> click.testing.Result:
        done = CliRunner().invoke(commands, [str(one) for one in arguments], env=environment)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return invoke


@pytest.fixture
def user(built: Path) -> int:
    """Return a user of the model with test ratings."""
    return ask(built, "select min(user_id) from split_ratings where split = 'test'")[0][0]


@pytest.fixture
def movie(built: Path) -> int:
    return ask(built, "select movie_id from top_movies where movie_index = 3")[0][0]


@pytest.fixture
def arguments(user: int, movie: int) -> dict[str, tuple[object, ...]]:
    """Return what to call each serving command with."""
    return {
        "recommend": ("recommend", "--user", user),
        "verify": ("verify", "--user", user, "-p", 2),
        "similar": ("similar", "--movie", movie),
        "sql": ("sql", "select * from rating_funnel"),
        "export": ("export", "model.onnx"),
        "doctor": ("doctor",),
    }


def ask(path: Path, query: str) -> list[tuple]:
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(query).fetchall()


def columns_of(path: Path, table: str) -> list[str]:
    query = f"select column_name from duckdb_columns() where table_name = '{table}'"
    return [name for (name,) in ask(path, f"{query} order by column_index")]


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# What commands print


@pytest.mark.parametrize(
    ("command", "table"),
    [("recommend", "recommendations"), ("verify", "verifications"), ("sql", "rating_funnel")],
)
def test_json_and_csv_have_the_columns_of_the_table(built, run, arguments, command, table):
    expected = columns_of(built, table)
    records = json.loads(run(*arguments[command], "--format", "json").stdout)
    assert [list(record) for record in records] == [expected] * len(records) != []
    rows = read_csv(run(*arguments[command], "--format", "csv").stdout)
    assert [list(row) for row in rows] == [expected] * len(records)


def test_similar_movies_come_with_rank_title_and_similarity(built, run, arguments, movie):
    records = json.loads(run(*arguments["similar"], "-n", 4, "--format", "json").stdout)
    rows = read_csv(run(*arguments["similar"], "-n", 4, "--format", "csv").stdout)
    expected = columns_of(built, "similar_movies")
    assert [list(record) for record in records] == [list(row) for row in rows] == [expected] * 4
    assert [record["rank"] for record in records] == [1, 2, 3, 4]
    assert {record["movie_id"] for record in records} == {movie}
    titles = dict(ask(built, "select movie_id, title from movies"))
    assert all(titles[record["similar_movie_id"]] == record["title"] for record in records)


def test_the_doctor_says_what_is_well_and_what_to_do(built, run):
    records = json.loads(run("doctor", "--format", "json").stdout)
    assert {tuple(record) for record in records} == {("subject", "found", "is_ok", "remedy")}
    found = {record["subject"]: record for record in records}
    assert found["source"]["found"] == "20000 synthetic ratings from sample:20000"
    assert found["model"]["found"].endswith(" fits the data")
    assert all(record["is_ok"] == (record["remedy"] == "") for record in records)
    assert found["duckdb"]["found"] == duckdb.__version__


def test_the_doctor_needs_no_warehouse(run):
    done = run("doctor", "--format", "json")
    found = {record["subject"]: record for record in json.loads(done.stdout)}
    assert done.exit_code == 1
    assert not found["warehouse"]["is_ok"]
    assert "build-warehouse" in found["warehouse"]["remedy"]


@pytest.mark.parametrize("method", ["rating", "movies", "users"])
def test_recommend_prints_what_the_table_holds(built, run, user, method):
    done = run("recommend", "--user", user, "--by", method, "-n", 10, "--format", "json")
    printed = [(row["rank"], row["movie_id"], row["title"]) for row in json.loads(done.stdout)]
    assert printed == ask(
        built,
        "select rank, movie_id, title from recommendations "
        f"where user_id = {user} and method = '{method}' order by rank",
    )


def test_tables_are_for_people(run, arguments):
    recommended = run(*arguments["recommend"]).stdout.splitlines()
    assert len([line for line in recommended if line.lstrip()[:2].strip().isdigit()]) == 10
    assert "rank" in recommended[2]
    assert "model_id" not in recommended[2], "the first line says it"
    verified = run(*arguments["verify"]).stdout
    assert verified.startswith(f"User {arguments['verify'][2]}, test ratings, model ")
    assert verified.splitlines()[-1].startswith("RMSE ")
    assert run(*arguments["similar"]).stdout.startswith("Nearest to ")


HOSTILE = "Evil \x1b]0;owned\x07 \x9b31m \u202e title\x7f"


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_a_terminal_obeys_nothing_that_is_in_the_data(built, form):
    """In a pseudo-terminal, as a person sees it."""
    query = f"select '{HOSTILE}' as \"a{HOSTILE}\", 1.5 as number"
    shown = in_a_terminal("sql", query, "--format", form)
    assert "Evil" in shown
    assert "title" in shown
    for control in "\x1b\x07\x9b\u202e\x7f":
        assert control not in shown.replace("\x1b[", ""), (form, control)


def in_a_terminal(*arguments: str, columns: int = 60) -> str:
    """Return what a command writes to a terminal of so many columns."""
    pty = pytest.importorskip("pty")
    fcntl, struct, termios = (pytest.importorskip(name) for name in ("fcntl", "struct", "termios"))
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, LAUNCHER, *arguments],
        stdout=child,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": str(columns)},
    )
    os.close(child)
    written = b""
    while True:
        try:
            part = os.read(parent, 65_536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        written += part
    process.wait()
    os.close(parent)
    return written.decode()


def test_a_table_fits_the_terminal(built, user):
    for columns in (50, 80):
        lines = in_a_terminal("recommend", "--user", str(user), columns=columns).splitlines()
        assert max(len(line) for line in lines[2:]) <= columns
        assert len(lines) > 12
        assert not any("…" in line for line in lines), "nothing is left out"


def test_a_long_table_says_that_there_is_more(built, run, monkeypatch):
    monkeypatch.setattr("recsys.cli.output.MOST_TABLE_ROWS", 5)
    done = run("sql", "select range as number from range(100)")
    assert len(done.stdout.splitlines()) == 2 + 5
    assert "first 5 rows" in done.stderr
    assert len(read_csv(run("sql", "from range(100)", "--format", "csv").stdout)) == 100


def test_formats_agree_with_each_other(built, run):
    query = "select user_id, title, predicted_rating, split from predictions order by all limit 40"
    records = json.loads(run("sql", query, "--format", "json").stdout)
    rows = read_csv(run("sql", query, "--format", "csv").stdout)
    assert [tuple(record.values()) for record in records] == ask(built, query)
    assert [row["title"] for row in rows] == [record["title"] for record in records]
    assert [float(row["predicted_rating"]) for row in rows] == [
        record["predicted_rating"] for record in records
    ]
    assert [row["split"] or None for row in rows] == [record["split"] for record in records]


def test_every_kind_of_value_can_be_printed(built, run):
    query = """
        select null as nothing, true as yes, 'a, "b"\nc' as text, 1.5::decimal(4, 2) as money,
        timestamp '2020-01-02 03:04:05' as moment, date '2020-01-02' as day, 'nan'::float as nan,
        'inf'::double as infinite, [1, 2] as list, {'a': 1} as struct, '\\x01\\xff'::blob as bytes,
        170141183460469231731687303715884105727 as huge
    """
    (record,) = json.loads(run("sql", query, "--format", "json").stdout)
    assert record == {
        "nothing": None,
        "yes": True,
        "text": 'a, "b"\nc',
        "money": 1.5,
        "moment": "2020-01-02T03:04:05",
        "day": "2020-01-02",
        "nan": None,
        "infinite": None,
        "list": [1, 2],
        "struct": {"a": 1},
        "bytes": "01ff",
        "huge": 2**127 - 1,
    }
    (row,) = read_csv(run("sql", query, "--format", "csv").stdout)
    assert (row["text"], row["yes"], row["list"]) == ('a, "b"\nc', "true", "[1, 2]")
    assert "2 bytes" in run("sql", query).stdout


@pytest.mark.parametrize(
    ("form", "expected"), [("json", "[]\n"), ("csv", "step,ratings,users,movies\n")]
)
def test_no_rows_are_still_a_result(built, run, form, expected):
    done = run("sql", "from rating_funnel where false", "--format", form)
    assert (done.exit_code, done.stdout) == (0, expected)


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_build_prints_the_funnel(run, write_csv, form):
    rows = [(user, movie, 1 + (user * movie) % 5) for user in range(1, 9) for movie in range(9)]
    source = write_csv("ratings.csv", ("userId", "movieId", "rating"), rows)
    build = ("build-warehouse", "--source", source, "--min-ratings", 5, "--data-only")
    done = run(*build, "--format", form)
    if form == "table":
        assert "by active users" in done.stdout
        assert done.stdout.endswith("warehouse.duckdb is ready.\n")
    else:
        steps = json.loads(done.stdout) if form == "json" else read_csv(done.stdout)
        assert [int(step["ratings"]) for step in steps] == [72, 72, 72]


def test_train_and_score_say_what_they_did(built, run):
    trained = run("train", "--preset", "notebook", "--seed", 3, "--promote", "never").stdout
    ((model_id,),) = ask(built, "select model_id from models where not is_current")
    assert trained.startswith(f"Model {model_id} (notebook): valid RMSE ")
    assert trained.endswith("It was stored, not promoted: --promote never.\n")
    ((current, count),) = ask(built, "select model_id, count(*) from predictions group by all")
    scored = run("score").stdout
    assert scored == f"{count} predictions by model {current} (CPUExecutionProvider).\n"


def test_verify_takes_a_random_user(built, run):
    done = run("verify", "--user", "random", "-p", 2, "--split", "train", "--format", "json")
    records = json.loads(done.stdout)
    assert (len(records), {record["split"] for record in records}) == (2, {"train"})
    active = {user for (user,) in ask(built, "select user_id from active_users")}
    assert {record["user_id"] for record in records} <= active


def test_verify_keeps_rows_only_when_told_to(built, run, user):
    count = f"select count(*) from verifications where user_id = {user} and split = 'train'"
    verify = ("verify", "--user", user, "-p", 3, "--split", "train")
    run(*verify)
    assert ask(built, count) == [(0,)]
    run(*verify, "--save")
    run(*verify, "--save")
    assert ask(built, count) == [(6,)]


def test_export_writes_the_current_model_over_what_was_there(built, run, tmp_path):
    target = tmp_path / "model.onnx"
    target.write_bytes(b"x" * 10_000_000)
    done = run("export", target)
    ((model_id, onnx),) = ask(built, "select model_id, onnx from models where is_current")
    assert target.read_bytes() == onnx
    assert done.stdout == f"{target}: model {model_id}, {len(onnx)} bytes.\n"


# Where options may stand


def test_shared_options_stand_before_or_after_the_command(built, run, tmp_path):
    elsewhere = built.rename(tmp_path / "elsewhere.duckdb")
    query = ("sql", "select count(*) as n from models")
    before = run("--database", elsewhere, "--format", "csv", *query)
    after = run(*query, "--format", "csv", "--database", elsewhere)
    both = run("--format", "json", "--database", "no.duckdb", *query, "--database", elsewhere)
    assert before.stdout == after.stdout == "n\n1\n"
    assert json.loads(both.stdout) == [{"n": 1}]


def test_the_environment_names_the_warehouse_and_an_option_overrules_it(built, run, tmp_path):
    elsewhere = built.rename(tmp_path / "elsewhere.duckdb")
    query = ("sql", "select 1 as one", "--format", "csv")
    assert run(*query).exit_code == 1
    assert run(*query, RECSYS_DATABASE=str(elsewhere)).stdout == "one\n1\n"
    overruled = run(*query, "--database", elsewhere, RECSYS_DATABASE="no.duckdb")
    assert overruled.stdout == "one\n1\n"
    overruled = run("--database", elsewhere, *query, RECSYS_DATABASE="no.duckdb")
    assert overruled.stdout == "one\n1\n"


# Help


def every_command(group: click.Group = commands) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield command
        if isinstance(command, click.Group):
            yield from every_command(command)


@pytest.mark.parametrize("command", list(every_command()), ids=lambda one: one.name)
def test_every_command_and_option_is_explained(command):
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
        else:
            assert parameter.make_metavar(click.Context(command)), parameter.name


def test_help_lists_the_commands_in_the_order_of_use(run):
    shown = run("--help").stdout
    places = [shown.index(f"\n  {command.name} ") for command in COMMANDS]
    assert places == sorted(places)
    assert "\\b" not in shown
    assert run("-h").stdout == shown


def test_defaults_are_shown_with_their_real_values(run):
    shown = " ".join(run("build-warehouse", "--help").stdout.split())
    for default in ("200", "100", "42", "auto", "warehouse.duckdb"):
        assert f"default: {default}" in shown


# Errors that are foreseen


def fails(done: click.testing.Result, phrase: str, remedy: str) -> None:
    """Check that a command failed as one that foresaw it: two lines and nothing else."""
    assert done.exit_code == 1
    assert done.stdout == ""
    what, todo = done.stderr.splitlines()
    assert what.startswith("Error: ")
    assert phrase in what
    assert remedy in todo


@pytest.mark.parametrize("command", [*SERVING[:-1], "score", "train"])
def test_without_a_warehouse_it_says_how_to_make_one(built, run, arguments, command):
    built.unlink()
    done = run(*arguments.get(command, (command,)))
    fails(done, "There is no warehouse at 'warehouse.duckdb'.", "build-warehouse")


@pytest.mark.parametrize("command", ["recommend", "verify", "similar", "export", "score"])
def test_without_a_model_it_says_how_to_train_one(built, run, arguments, command):
    with duckdb.connect(built) as connection:
        connection.execute("delete from models")
    fails(run(*arguments.get(command, (command,))), "holds no trained model", f"{launcher()} train")


@pytest.mark.parametrize(
    "content", [b"not a database", b"", b"\0" * 20_000], ids=["text", "empty", "zeros"]
)
@pytest.mark.parametrize("command", ["recommend", "score", "build-warehouse"])
def test_a_file_that_is_no_warehouse_is_left_alone(built, run, arguments, command, content):
    built.write_bytes(content)
    given = arguments.get(command, (command,))
    if command == "build-warehouse":
        given = (command, "--source", "sample:20000", "--data-only")
    done = run(*given)
    fails(done, "warehouse.duckdb' as a warehouse: ", "Point --database to another file")
    assert built.read_bytes() == content


def test_another_duckdb_file_is_left_alone(run, tmp_path):
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("create table mine as select 1 as one")
    for command in (("sql", "from mine"), ("build-warehouse", "--source", "sample:20000")):
        fails(run(*command), "without the tables of a warehouse", "--database")
    assert ask(tmp_path / "warehouse.duckdb", "from mine") == [(1,)]


def test_unknown_users_and_movies_are_told_who_is_known(built, run):
    first = ask(built, "select min(user_id) from user_embeddings")[0][0]
    for command in ("recommend", "verify"):
        done = run(command, "--user", 10**9)
        fails(done, f"does not know user {10**9}; it knows ", "select user_id from user_embeddings")
        assert f"for example {first}, " in done.stderr
    done = run("similar", "--movie", -3)
    fails(done, "does not know movie -3", "select movie_id from movie_embeddings")


def test_how_to_list_them_works(built, run):
    remedy = run("recommend", "--user", 10**9).stderr.splitlines()[1]
    query = remedy.split('"')[1]
    listed = run("sql", query, "--format", "csv").stdout.splitlines()[1:]
    expected = ask(built, "select user_id from user_embeddings order by user_id")
    assert [(int(user),) for user in listed] == expected


@pytest.mark.parametrize(
    ("query", "phrase"),
    [
        ("selekt 1", "syntax error"),
        ("select * from nowhere", "nowhere does not exist"),
        ("select nothing from models", "nothing"),
        ("select error('while it runs')", "while it runs"),
        ("delete from models", "read-only"),
        ("create table mine as select 1", "read-only"),
        ("copy models to 'copy.csv'", "disabled"),
        ("from read_csv('secret.csv')", "disabled"),
        ("from 'secret.csv'", "disabled"),
        ("from read_text('/etc/passwd')", "disabled"),
        ("from 'https://example.com/a.csv'", ""),
        ("attach 'other.duckdb'", "disabled"),
        ("install httpfs", ""),
        ("load httpfs", ""),
        ("set enable_external_access = true", "locked"),
    ],
)
def test_sql_can_neither_write_nor_reach_out(built, run, tmp_path, query, phrase):
    (tmp_path / "secret.csv").write_text("a\nsecret\n")
    before = built.read_bytes()
    done = run("sql", query)
    fails(done, "The query does not run: ", "open read-only")
    assert phrase in done.stderr
    assert "secret\n" not in done.output
    assert built.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == [
        "secret.csv",
        "warehouse.duckdb",
    ]


@pytest.mark.parametrize(
    ("header", "rows", "options", "phrase", "remedy"),
    [
        (("user", "stars"), [(1, 2)], (), "has no movie column; it has user, stars", "Rename"),
        (("user", "movie", "rating"), [(1, 2, "good")], (), "no numeric rating", "Correct"),
        (("user", "movie", "rating"), [("x", 2, 3)], (), "no whole-number user", "Correct"),
        (("user", "movie", "rating"), [], (), "no rows", "Name"),
        (
            ("user", "movie", "rating"),
            [(1, 1, 3), (1, 2, 4)],
            ("--min-ratings", 3),
            "nobody has 3 ratings on the 200 movies with most ratings (the most is 2)",
            "Lower --min-ratings",
        ),
        (
            ("user", "movie", "rating"),
            [(1, 1, 3), (1, 2, 4)],
            ("--min-ratings", 1),
            "0 train, 1 valid, 1 test",
            "Lower --min-ratings",
        ),
    ],
    ids=["column", "rating", "user", "empty", "nobody", "few"],
)
def test_ratings_that_cannot_be_used(built, run, write_csv, header, rows, options, phrase, remedy):
    source = write_csv("bad.csv", header, rows)
    before = built.read_bytes()
    fails(run("build-warehouse", "--source", source, *options), phrase, remedy)
    assert built.read_bytes() == before


@pytest.mark.parametrize("source", ["nowhere.csv", "sample:many", "sample:0", "."])
def test_sources_that_are_not_there(run, tmp_path, source):
    fails(run("build-warehouse", "--source", source), "No ratings at ", "'sample'")
    assert not (tmp_path / "warehouse.duckdb").exists()


@no_cuda
@pytest.mark.parametrize("command", ["recommend", "verify", "score", "train", "build-warehouse"])
def test_cuda_where_there_is_none(built, run, arguments, command):
    before = built.read_bytes()
    given = arguments.get(command, (command,))
    if command == "build-warehouse":
        given = (command, "--source", "sample:20000", "--top-movies", 60, "--min-ratings", 20)
    fails(run(*given, "--device", "cuda"), "CUDA cannot be used: ", "--device cpu")
    assert built.read_bytes() == before


@pytest.mark.parametrize("target", ["no/such/folder/model.onnx", "warehouse.duckdb/model.onnx"])
def test_a_file_that_cannot_be_written(built, run, target):
    fails(run("export", target), f"Cannot write '{target}'", "folder that exists")


@pytest.mark.parametrize(
    "command", [("export", "warehouse.duckdb"), ("report", "--output", "warehouse.duckdb")]
)
@pytest.mark.parametrize("link", [False, True], ids=["itself", "link"])
def test_the_warehouse_is_not_written_over(built, run, tmp_path, command, link):
    target = command[-1]
    if link:
        target = "link.duckdb"
        (tmp_path / target).symlink_to(built)
    before = built.read_bytes()
    fails(run(*command[:-1], target), "it is the warehouse itself", "folder that exists")
    assert built.read_bytes() == before


def test_a_device_stays_a_device(built, run):
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("no /dev/full here")
    fails(run("export", full), "No space left", "folder that exists")
    assert full.is_char_device()
    assert run("export", "/dev/null").exit_code == 0
    assert Path("/dev/null").is_char_device()


def test_one_statement_is_run_at_a_time(built, run):
    fails(run("sql", "select 1; select 2"), "it holds 2 statements", "readme")
    assert run("sql", "select 1 as one;", "--format", "csv").stdout == "one\n1\n"


def test_columns_of_the_same_name_are_told_apart(built, run):
    done = run("sql", "select 1 as a, 2 as a, 3 as a_1", "--format", "json")
    assert json.loads(done.stdout) == [{"a": 1, "a_1": 2, "a_1_1": 3}]


def test_no_recommendations_are_still_a_header(built, run, user):
    with duckdb.connect(built) as connection:
        connection.execute("delete from recommendations")
    header = run("recommend", "--user", user, "--format", "csv").stdout
    assert header == ",".join(columns_of(built, "recommendations")) + "\n"


def test_a_query_ends_after_its_time(built, run):
    endless = "select count(*) from range(1000000000) as a, range(1000) as b where random() > 2"
    fails(run("sql", endless, "--timeout", 0.3), "it took longer than 0.3 s", "readme")
    assert run("sql", "select 1", "--timeout", 60).exit_code == 0


def test_a_query_keeps_to_its_memory(built, run, tmp_path):
    rows = "select range as a, md5(range::varchar) as b from range(3000000) order by b limit 1"
    assert run("sql", rows, "--memory", "60MB", "--format", "csv").exit_code == 0
    huge = "select list(range) as a from range(100000000)"
    fails(run("sql", huge, "--memory", "60MB"), "Memory", "readme")
    assert run("sql", "select 1", "--memory", "much").exit_code == 2
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["warehouse.duckdb"]


@pytest.mark.parametrize("command", ["similar", "recommend"])
def test_a_warehouse_that_reads_a_file_is_refused(built, run, arguments, tmp_path, command):
    """As one that somebody sent might: its view of the movies reads whatever it names."""
    (tmp_path / "secret.txt").write_text("hunter2")
    with duckdb.connect(built) as connection:
        connection.execute(
            "create or replace view movies as select movie_id, content as title, 2000 as year, "
            f"['a'] as genres from read_text('{tmp_path}/secret.txt') cross join raw_movies"
        )
    done = run(*arguments[command])
    assert "hunter2" not in done.output
    fails(done, "one of its views reads another file", "Point --database to another file")


def test_how_to_look_around_works(built, run):
    shown = run("sql", "--help").stdout
    queries = re.findall(r'^ +"([^"]+)"', shown, re.MULTILINE)
    assert len(queries) == 4
    for query in queries:
        done = run("sql", query, "--format", "csv")
        assert done.exit_code == 0, done.stderr
        assert len(done.stdout.splitlines()) > 2
    remedy = run("sql", "select nothing").stderr.splitlines()[1]
    for query in re.findall(r'"([^"]+)"', remedy):
        assert run("sql", query).exit_code == 0


def test_onnxruntime_sends_no_telemetry(built):
    code = (
        "import os, recsys; recommender = recsys.open(); recommender.verify(); "
        "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    for given, kept in ((None, "1"), ("0", "0")):
        environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
        environment |= {"ORT_DISABLE_TELEMETRY": given} if given else {}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.strip() == kept


def test_a_folder_that_is_not_there(run):
    done = run("build-warehouse", "--source", "sample:20000", "--database", "no/such.duckdb")
    fails(done, "its folder does not exist", "--database")


def test_asking_for_more_than_there_is_says_so(built, run, user, movie, caplog):
    recommended = json.loads(run("recommend", "--user", user, "-n", 999, "--format", "json").stdout)
    assert f"Only {len(recommended)} movies can be recommended to user {user}." in caplog.text
    verified = json.loads(run("verify", "--user", user, "-p", 999, "--format", "json").stdout)
    assert f"User {user} has only {len(verified)} test ratings." in caplog.text
    nearest = json.loads(run("similar", "--movie", movie, "-n", 999, "--format", "json").stdout)
    assert f"The model knows only {len(nearest)} other movies." in caplog.text


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("recommend",),
        ("recommend", "--user", "somebody"),
        ("recommend", "--user", "1", "--by", "magic"),
        ("recommend", "--user", "1", "-n", "0"),
        ("verify", "--user", "somebody"),
        ("verify", "--user", "1", "--split", "all"),
        ("similar",),
        ("sql",),
        ("export",),
        ("export", "."),
        ("train", "--preset", "huge"),
        ("train", "--seed", "-1"),
        ("build-warehouse", "--top-movies", "1"),
        ("build-warehouse", "--min-ratings", "0"),
        ("doctor", "--format", "xml"),
        ("score", "--device", "tpu"),
        ("--database", ".", "doctor"),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_two(run, arguments):
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: ")


# In processes of their own


@pytest.mark.parametrize("command", SERVING)
def test_results_are_all_that_is_said(built, recsys, run, arguments, command):
    given = [str(one) for one in arguments[command]]
    done = recsys(*given)
    assert (done.exit_code, done.stderr) == (0, "")
    if command != "verify":  # verified_at is hidden, too
        assert done.stdout == run(*given).stdout


def test_quiet_leaves_the_two_lines_of_an_error(recsys):
    done = recsys("-q", "build-warehouse", "--source", "nowhere.csv")
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (1, "", 2)
    assert "Traceback" not in done.stderr


def test_verbose_tells_steps_with_seconds_and_rows(recsys):
    build = ("build-warehouse", "--source", "sample:20000", "--min-ratings", "20", "--data-only")
    told = recsys("-v", *build).stderr
    assert re.search(r"^ +\d+\.\d s  Loaded 20000 ratings$", told, re.MULTILINE)
    assert re.search(r"^ +\d+\.\d s  Dealt \d+ train, \d+ valid, \d+ test$", told, re.MULTILINE)
    assert " s  " not in recsys(*build).stderr


def test_a_stale_model_warns_and_still_serves(built, recsys, user):
    before = recsys("recommend", "--user", str(user))
    with duckdb.connect(built) as connection:
        connection.execute("update settings set top_movies = 20, min_ratings = 5")
    after = recsys("recommend", "--user", str(user))
    assert (after.exit_code, after.stdout) == (0, before.stdout)
    (warning,) = after.stderr.splitlines()
    assert " is stale: the data changed since it was trained." in warning
    assert "cli.py train" in warning
    scored = recsys("-q", "score")
    assert scored.exit_code == 0
    assert scored.stderr.splitlines() == [warning]


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(LAUNCHER), *(str(one) for one in arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_can_read_at_once_while_a_third_holds_the_file_open(built, user, movie):
    with duckdb.connect(built, read_only=True) as holder:
        together = [start("recommend", "--user", user), start("similar", "--movie", movie)]
        for process in together:
            stdout, stderr = process.communicate()
            assert (process.returncode, stderr) == (0, "")
            assert stdout.count("\n") > 10
        assert holder.execute("select count(*) from models").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("sql", "select 1"),
        ("score",),
        ("train",),
        ("build-warehouse", "--source", "sample:20000", "--data-only"),
    ],
    ids=lambda given: given[0],
)
def test_a_file_that_another_process_writes_is_locked(built, recsys, arguments):
    with duckdb.connect(built):
        done = recsys("-q", *arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    what, todo = done.stderr.splitlines()
    assert "is held open by another process (" in what
    assert f", process {os.getpid()})" in what
    assert "nothing was changed" in todo


@pytest.mark.parametrize("form", ["csv", "json", "table"])
@pytest.mark.parametrize("rows", ["range(100000)", "range(1)"], ids=["many", "one"])
def test_a_reader_that_leaves_early_gets_no_complaint(built, form, rows):
    """As `head` does: it takes a line of many, or leaves before anything is printed."""
    process = start("sql", f"select range as number from {rows}", "--format", form)
    if rows == "range(100000)":
        assert "number" in process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    # What it has written already may be a whole table, whose end it tells.
    assert said == "" or (form == "table" and said.startswith("These are the first "))
    process.stderr.close()
    process.wait()


def test_times_with_a_zone_are_printed(built, recsys):
    done = recsys("sql", "select now() as moment", "--database", str(built), "--format", "json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)[0]["moment"].startswith("20")
