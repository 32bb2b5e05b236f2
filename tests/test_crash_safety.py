"""Killed at any moment, a command leaves the old state or the new one, and a file that opens."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import torch

from recsys.config import TrainingOptions
from recsys.data.warehouse import open_for_reading
from recsys.learning.dataset import load_dataset
from recsys.learning.model import create_model
from tests.conftest import contents, hear_interrupts

# A command that dies before its n-th step. A step is a statement, a close, a flush to the
# disk or a replacement of a file. It trains nothing: the model is read from a file.
MORTAL_COMMAND = """
import os, pathlib, pickle, signal, sys
from recsys.data import warehouse
from recsys.__main__ import main

steps, last = 0, int(os.environ["DIE_AT_STEP"])

def step():
    global steps
    steps += 1
    if steps == last:
        os.kill(os.getpid(), signal.SIGKILL)

def mortal(function):
    def run(*arguments, **options):
        step()
        return function(*arguments, **options)
    return run

class MortalConnection:
    def __init__(self, connection):
        self.connection = connection
        self.execute = mortal(connection.execute)
        self.close = mortal(connection.close)

    def __getattr__(self, name):
        return getattr(self.connection, name)

begin = warehouse.Warehouse.__init__
warehouse.Warehouse.__init__ = lambda self, connection, path: begin(
    self, MortalConnection(connection), path
)
os.fsync = mortal(os.fsync)
pathlib.Path.replace = mortal(pathlib.Path.replace)

if sys.argv[1] in ("train", "build-warehouse"):
    from recsys import pipeline
    model = pickle.loads(pathlib.Path(os.environ["MODEL"]).read_bytes())
    from recsys.learning import model as learning_model
    learning_model.create_model = lambda *arguments: model
try:
    main()
finally:
    pathlib.Path("steps").write_text(str(steps))
"""
NEVER = 10**9
LAUNCHER = str(Path(__file__).resolve().parent.parent / "cli.py")
BUILD = (
    *("build-warehouse", "--source", "sample:20000", "--top-movies", "60"),
    *("--min-ratings", "20", "--device", "cpu"),
)
COMMANDS = {
    "build-warehouse": BUILD,
    "train": ("train", "--promote", "always", "--device", "cpu"),
    "score": ("score", "--device", "cpu"),
    "verify": ("verify", "--save", "--split", "train", "--device", "cpu", "--user"),
}


def leftovers(folder: Path) -> list[str]:
    return sorted(
        file.name for file in folder.iterdir() if file.name.endswith((".building", ".wal"))
    )


@dataclass(frozen=True)
class Case:
    """A command with the states around it, and how many steps it takes."""

    arguments: Sequence[str]
    before: Path
    old: dict[str, list[tuple]]
    new: dict[str, list[tuple]]
    steps: int
    model: Path


@pytest.fixture(scope="module")
def _model(_built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a model that is not the one of the small warehouse."""
    with open_for_reading(_built) as warehouse:
        dataset = load_dataset(warehouse, torch.device("cpu"))
    model = create_model(dataset, TrainingOptions("notebook", seed=5, device="cpu"))
    path = tmp_path_factory.mktemp("model") / "model.pickle"
    path.write_bytes(pickle.dumps(model))
    return path


def run_mortal(case: Case, folder: Path, die_at_step: int) -> int:
    done = subprocess.run(
        [sys.executable, "-c", MORTAL_COMMAND, *case.arguments],
        cwd=folder,
        env=os.environ | {"DIE_AT_STEP": str(die_at_step), "MODEL": str(case.model)},
        capture_output=True,
        check=False,
    )
    return done.returncode


@pytest.fixture(scope="module", params=COMMANDS)
def case(
    request: pytest.FixtureRequest,
    _built: Path,
    _model: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Case:
    folder = tmp_path_factory.mktemp(request.param)
    before = folder / "before.duckdb"
    shutil.copy(_built, before)
    with duckdb.connect(before) as connection:
        connection.execute("delete from verifications")  # no command leaves that as it is
        (user,) = connection.execute("select min(user_id) from active_users").fetchone()
    arguments = COMMANDS[request.param] + ((str(user),) if request.param == "verify" else ())
    old = contents(before)
    after = Path(shutil.copy(before, folder / "warehouse.duckdb"))
    whole = Case(arguments, before, old, {}, 0, _model)
    assert run_mortal(whole, folder, NEVER) == 0
    new = contents(after)
    assert new != old
    steps = int((folder / "steps").read_text())
    return Case(arguments, before, old, new, steps, _model)


@pytest.fixture
def path(case: Case, tmp_path: Path) -> Path:
    """Return a fresh copy of the file before the command."""
    return Path(shutil.copy(case.before, tmp_path / "warehouse.duckdb"))


def assert_old_or_new(case: Case, path: Path) -> str:
    """Check what a killed command left, with the eyes of a reader and then of a writer."""
    with open_for_reading(path) as warehouse:
        warehouse.check("model")
    found = contents(path)
    assert found in (case.old, case.new)
    return "old" if found == case.old else "new"


@pytest.mark.parametrize("moment", [0.5, -1, 0])
def test_killed_before_a_step_it_leaves_the_old_or_the_new_state(case, path, moment):
    """Moments are shares of the steps, or count back from the last."""
    step = case.steps + moment if moment <= 0 else round(case.steps * moment)
    assert run_mortal(case, path.parent, step) == -signal.SIGKILL
    left = assert_old_or_new(case, path)
    assert left == {0.5: "old", 0: "new"}.get(moment, left)


@pytest.mark.parametrize("case", ["build-warehouse"], indirect=True)
def test_a_killed_build_leaves_nothing_in_the_way_of_the_next(case, path):
    assert run_mortal(case, path.parent, case.steps // 2) == -signal.SIGKILL
    assert assert_old_or_new(case, path) == "old"
    assert any(name.endswith(".building") for name in leftovers(path.parent))
    assert run_mortal(case, path.parent, NEVER) == 0
    assert assert_old_or_new(case, path) == "new"
    assert leftovers(path.parent) == []


@pytest.mark.parametrize("case", ["train"], indirect=True)
def test_a_killed_training_can_be_repeated(case, path):
    assert run_mortal(case, path.parent, case.steps - 3) == -signal.SIGKILL
    assert run_mortal(case, path.parent, NEVER) == 0
    assert assert_old_or_new(case, path) == "new"


@pytest.mark.parametrize("case", ["score"], indirect=True)
@pytest.mark.parametrize("log_size", [0, 1, 100_000])
def test_killed_while_its_log_grows_it_leaves_the_old_or_the_new_state(case, path, log_size):
    """The log beside the file grows while a transaction is written down."""
    log = path.with_name(f"{path.name}.wal")
    process = start(LAUNCHER, *case.arguments)
    while process.poll() is None and not (log.exists() and log.stat().st_size >= log_size):
        time.sleep(0.001)
    process.kill()
    process.communicate()
    assert_old_or_new(case, path)


@pytest.mark.parametrize("case", ["score", "verify"], indirect=True)
def test_without_space_it_says_so_and_leaves_the_old_state(case, path):
    """No file may grow beyond a kilobyte here: as on a disk that is full."""
    limited = ("bash", "-c", 'ulimit -f 1; exec "$@"', "limited")
    done = subprocess.run(
        [*limited, sys.executable, LAUNCHER, "-q", *case.arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    what, todo = done.stderr.splitlines()
    assert what.startswith("Error: Cannot write 'warehouse.duckdb': ")
    assert "Free some space" in todo
    assert assert_old_or_new(case, path) == "old"
    assert run_mortal(case, path.parent, NEVER) == 0
    assert assert_old_or_new(case, path) == "new"


# Stopped from outside, at a line that it prints


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )


def stop_at(line: str, process: subprocess.Popen[str], end: signal.Signals) -> str:
    """Send a signal when a line is printed; return what is said after it."""
    while not process.stderr.readline().startswith(line):
        assert process.poll() is None
    process.send_signal(end)
    stdout, said = process.communicate()
    assert stdout == ""
    return said


@pytest.mark.parametrize(
    ("line", "end"),
    [
        ("Exporting", signal.SIGKILL),
        ("Training", signal.SIGINT),
        ("Exporting", signal.SIGINT),
    ],
    ids=["killed", "interrupted", "interrupted in torch"],
)
def test_a_build_that_is_stopped_leaves_the_old_file(built, line, end):
    before = built.read_bytes()
    said = stop_at(line, start(LAUNCHER, *BUILD, "--split-seed", "1"), end)
    assert built.read_bytes() == before
    if end == signal.SIGINT:
        assert "Traceback" not in said
        assert said.splitlines()[-1] == "Aborted!"
        assert leftovers(built.parent) == []


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("Ready", ("sql", "select count(*) from range(1000000000000)")),
        ("Loading", ("build-warehouse", "--source", "sample:3000000", "--database", "big.duckdb")),
    ],
    ids=["sql", "build-warehouse"],
)
def test_interrupted_inside_a_query_it_ends_without_a_traceback(built, line, arguments):
    # Ready half a second into the command: before, it is Python that is interrupted.
    launch = (
        "import sys, threading; from recsys.__main__ import main; "
        "threading.Timer(0.5, lambda: print('Ready', file=sys.stderr, flush=True)).start(); main()"
    )
    process = start("-c", launch, *arguments)
    said = stop_at(line, process, signal.SIGINT)
    assert process.returncode == 1
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "Aborted!"
    assert leftovers(built.parent) == []
    assert not built.with_name("big.duckdb").exists()
