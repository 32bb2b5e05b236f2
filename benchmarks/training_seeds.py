"""Measure how much the network of `train` depends on its own random seed.

    python benchmarks/training_seeds.py --source data/ml-latest-small

The split stays that of seed 42; the default network is trained with ten seeds. The table
goes to stdout as Markdown, progress to stderr.
"""

import argparse
import sys
from dataclasses import dataclass, replace

import numpy as np
from interactions import Vector
from networks import predict
from tables import circumstances, markdown
from warehouses import read_material

from recsys.learning.dataset import Dataset
from recsys.learning.training import adapt, choose_preset, fit
from recsys.serving.metrics import rmse

SPLIT_SEED = 42
SEED_COUNT = 10
PACKAGES = ("torch", "numpy", "duckdb")


@dataclass(frozen=True)
class Training:
    """What one training seed gave: errors in stars, and the test predictions."""

    seed: int
    best_epoch: int
    valid_rmse: float
    test_rmse: float
    seconds: float
    predictions: Vector


def main() -> None:
    """Train with every seed and print the table."""
    options = _parse()
    dataset = read_material(options.source, SPLIT_SEED).dataset
    trainings = []
    for seed in range(options.seed_count):
        trainings.append(_train(dataset, seed))
        print(f"seed {seed}: valid {trainings[-1].valid_rmse:.4f}", file=sys.stderr)
    print(circumstances(PACKAGES))
    print(f"The {choose_preset(dataset).name} network, split seed {SPLIT_SEED}.\n")
    print(seed_table(trainings))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True, help="as `build-warehouse` takes it")
    parser.add_argument("--seed-count", type=int, default=SEED_COUNT, help="(default: %(default)s)")
    return parser.parse_args()


def _train(dataset: Dataset, seed: int) -> Training:
    preset = choose_preset(dataset)
    config = adapt(replace(preset.training, seed=seed), dataset)
    chosen = fit(dataset, preset.network, config)
    predictions = predict(chosen.network, dataset.test)
    return Training(
        seed,
        chosen.best_epoch,
        chosen.valid_rmse,
        rmse(predictions, dataset.test.rating.numpy()),
        chosen.seconds,
        predictions,
    )


def seed_table(trainings: list[Training]) -> str:
    """Return each seed's errors, then mean, standard deviation and range."""
    lines = [
        [
            str(one.seed),
            str(one.best_epoch),
            f"{one.valid_rmse:.4f}",
            f"{one.test_rmse:.4f}",
            f"{one.seconds:.1f}",
        ]
        for one in trainings
    ]
    columns = [
        np.array([getattr(one, name) for one in trainings])
        for name in ("best_epoch", "valid_rmse", "test_rmse", "seconds")
    ]
    digits = (1, 5, 5, 1)
    for name, summary in (
        ("mean", np.mean),
        ("standard deviation", lambda values: np.std(values, ddof=1)),
        ("range", np.ptp),
    ):
        cells = [f"{summary(column):.{n}f}" for column, n in zip(columns, digits, strict=True)]
        lines.append([name, *cells])
    apart = np.std([one.predictions for one in trainings], axis=0, ddof=1)
    table = markdown(["seed", "epoch kept", "valid RMSE", "test RMSE", "seconds"], lines)
    return (
        f"{table}\n\nBetween seeds one prediction moves by {np.sqrt(np.mean(apart**2)):.4f} "
        "stars (standard deviation, root mean square over the test rows)."
    )


if __name__ == "__main__":
    main()
