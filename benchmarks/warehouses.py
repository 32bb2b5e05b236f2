"""Build warehouses to measure on, in a temporary folder, with the product's own pipeline.

In: a source as `build-warehouse` takes it. Out: what a benchmark reads of the views
`split_ratings` and `movie_features`. Next: `interactions.py`, which makes plain arrays of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from recsys.config import DataSettings
from recsys.data.replacement import replacing
from recsys.data.warehouse import Columns, open_for_reading
from recsys.learning.dataset import Dataset, load_dataset
from recsys.pipeline import build_data


@dataclass(frozen=True)
class Material:
    """One split.

    Args:
        dataset: as the product's training reads it.
        features: movie_index, feature and weight of each row of `movie_features` that
            describes one of the movies.
    """

    dataset: Dataset
    features: Columns


@contextmanager
def built_warehouse(source: str, split_seed: int) -> Iterator[Path]:
    """Build a data-only warehouse, and remove it at the end."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.duckdb"
        with replacing(path) as warehouse:
            build_data(warehouse, source, DataSettings(split_seed=split_seed))
        yield path


def read_material(source: str, split_seed: int) -> Material:
    """Return the split of one seed, on the CPU."""
    with built_warehouse(source, split_seed) as path, open_for_reading(path) as warehouse:
        return Material(
            load_dataset(warehouse, torch.device("cpu")),
            warehouse.columns("select_movie_features"),
        )
