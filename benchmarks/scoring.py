"""Measure how fast the product scores, in every runtime that it has.

    python benchmarks/scoring.py --source data/ml-latest-small

A network is trained as `train` does it; the same network then predicts random pairs by
onnxruntime, by torch and in SQL, and the commands `score` and `recommend` are timed end to
end. Tables go to stdout as Markdown.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
import torch
from interactions import Index
from tables import circumstances, markdown

from recsys.config import DataSettings, TrainingOptions
from recsys.data.replacement import replacing
from recsys.data.warehouse import open_for_reading
from recsys.learning.dataset import load_dataset
from recsys.learning.export import export_model
from recsys.learning.network import RatingNetwork
from recsys.learning.training import adapt, choose_preset, fit
from recsys.pipeline import build_data, publish
from recsys.serving.batch_scoring import score_by_current_model
from recsys.serving.scoring import ROWS_PER_CALL, Scorer

PACKAGES = ("torch", "onnxruntime-gpu", "duckdb", "numpy")
LAUNCHER = Path(__file__).resolve().parent.parent / "cli.py"
PAIRS = 2_000_000
REPEATS = 5
SINGLE_CALLS = 5_000
REFERENCE = "torch eager, 1 thread"

Run = Callable[[], object]


@dataclass(frozen=True)
class Subject:
    """A warehouse with a trained network, and the same network in torch."""

    database: Path
    network: RatingNetwork
    onnx: bytes
    user_ids: Index
    movie_ids: Index


def main() -> None:
    """Train one network and time it everywhere."""
    options = _parse()
    settings = DataSettings(top_movies=options.top_movies, min_ratings=options.min_ratings)
    with TemporaryDirectory() as folder:
        subject = _train(Path(folder) / "warehouse.duckdb", options.source, settings)
        print(circumstances(PACKAGES))
        print(
            f"{len(subject.user_ids)} users × {len(subject.movie_ids)} movies; the best of "
            f"{REPEATS} rounds, {PAIRS:,} random pairs a round."
        )
        print(f"\n## Pairs per second\n\n{_throughput(subject)}")
        print(f"\n## One pair a call\n\n{_latency(subject)}")
        print(f"\n## A command from start to end\n\n{_commands(subject)}")


def _parse() -> argparse.Namespace:
    defaults = DataSettings()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True, help="as `build-warehouse` takes it")
    parser.add_argument("--top-movies", type=int, default=defaults.top_movies)
    parser.add_argument("--min-ratings", type=int, default=defaults.min_ratings)
    return parser.parse_args()


def _train(database: Path, source: str, settings: DataSettings) -> Subject:
    with replacing(database) as warehouse:
        build_data(warehouse, source, settings)
        dataset = load_dataset(warehouse, torch.device("cpu"))
        preset = choose_preset(dataset)
        config = adapt(preset.training, dataset)
        trained = fit(dataset, preset.network, config)
        model = export_model(trained, dataset, preset.network, config, preset.name, "train")
        publish(warehouse, model, TrainingOptions(device="cpu"))
    return Subject(database, trained.network, model.onnx, dataset.user_ids, dataset.movie_ids)


def _throughput(subject: Subject) -> str:
    generator = np.random.default_rng(0)
    users = generator.integers(len(subject.user_ids), size=PAIRS)
    movies = generator.integers(len(subject.movie_ids), size=PAIRS)
    everyone = len(subject.user_ids) * len(subject.movie_ids)
    sessions = [_session(subject.onnx, threads) for threads in (1, 2)]
    scorer = Scorer(subject.onnx, "cpu")
    runs: dict[str, tuple[Run, int]] = {
        REFERENCE: (lambda: _run_torch(subject.network, users, movies, threads=1), PAIRS),
        "torch eager, 2 threads": (
            lambda: _run_torch(subject.network, users, movies, threads=2),
            PAIRS,
        ),
        "onnxruntime, 1 thread": (lambda: _run_session(sessions[0], users, movies), PAIRS),
        "onnxruntime, 2 threads": (lambda: _run_session(sessions[1], users, movies), PAIRS),
        "onnxruntime, the product's Scorer": (lambda: scorer.predict(users, movies), PAIRS),
        "SQL, live_predictions": (lambda: _run_sql(subject.database), everyone),
        "command score, end to end": (
            lambda: score_by_current_model(subject.database, "cpu"),
            everyone,
        ),
    }
    # Round by round, so that what else the machine does falls on all of them alike.
    rounds = [{name: _seconds(run) for name, (run, _) in runs.items()} for _ in range(REPEATS + 1)]
    rates = {
        name: pairs / min(one[name] for one in rounds[1:]) for name, (_, pairs) in runs.items()
    }
    lines = [
        [name, f"{rate / 1e6:.3f}", f"{rate / rates[REFERENCE]:.2f}"]
        for name, rate in rates.items()
    ]
    return markdown(["runtime", "million pairs/s", f"÷ {REFERENCE}"], lines)


def _run_sql(database: Path) -> None:
    with open_for_reading(database) as warehouse:
        _, rows = warehouse.stream("select count(*), sum(predicted_rating) from live_predictions")
        list(rows)


@torch.no_grad()
def _run_torch(network: RatingNetwork, users: Index, movies: Index, threads: int) -> None:
    torch.set_num_threads(threads)
    pairs = (torch.from_numpy(index).split(ROWS_PER_CALL) for index in (users, movies))
    for batch in zip(*pairs, strict=True):
        network(*batch)


def _session(onnx: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def _run_session(session: onnxruntime.InferenceSession, users: Index, movies: Index) -> None:
    for start in range(0, len(users), ROWS_PER_CALL):
        rows = slice(start, start + ROWS_PER_CALL)
        session.run(["rating"], {"user_index": users[rows], "movie_index": movies[rows]})


def _latency(subject: Subject) -> str:
    scorer = Scorer(subject.onnx, "cpu")
    one = np.zeros(1, np.int64)
    tensor = torch.zeros(1, dtype=torch.int64)
    with torch.no_grad():
        runs: dict[str, Run] = {
            "onnxruntime, the product's Scorer": lambda: scorer.predict(one, one),
            "torch eager": lambda: subject.network(tensor, tensor),
        }
        lines = []
        for name, run in runs.items():
            microseconds = [1e6 * seconds for seconds in _times(run, SINGLE_CALLS)]
            median, late = np.quantile(microseconds, [0.5, 0.95])
            lines.append([name, f"{median:.0f}", f"{late:.0f}"])
    return markdown(["runtime", "median µs", "95th percentile µs"], lines)


def _commands(subject: Subject) -> str:
    """Time new interpreters, and ask each of them whether it loaded torch."""
    user = str(subject.user_ids[0])
    commands = {
        "recommend --user ID": ["recommend", "--user", user],
        "recommend --user ID --why": ["recommend", "--user", user, "--why"],
        "verify --user ID": ["verify", "--user", user],
        'sql "select 1"': ["sql", "select 1"],
    }
    lines = []
    for name, arguments in commands.items():
        call = [str(LAUNCHER), "--database", str(subject.database), *arguments]
        code = f"import sys, runpy; sys.argv = {call!r}\n" + (
            "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
            "finally: print('torch' in sys.modules, file=sys.stderr)"
        )
        loads_torch = _execute("-c", code).split()[-1]
        seconds = _best(lambda call=call: _execute(*call))
        lines.append([name, f"{seconds:.2f}", {"True": "yes", "False": "no"}[loads_torch]])
    bare = _best(lambda: _execute("-c", "import torch"))
    lines.append(["for comparison: python -c 'import torch'", f"{bare:.2f}", "yes"])
    return markdown(["command", "seconds", "loads torch"], lines)


def _execute(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return done.stderr


def _best(run: Run) -> float:
    return min(_times(run, REPEATS))


def _times(run: Run, repeats: int) -> list[float]:
    """Return the seconds of each repeat, after one that warms up."""
    run()
    return [_seconds(run) for _ in range(repeats)]


def _seconds(run: Run) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
