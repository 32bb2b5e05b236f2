"""Fit the product's own networks on one split: ours in benchmarks/accuracy.py.

In: a data set of the product. Out: predictions in stars, of the network fitted on train and
of the one refitted on train + valid. What valid chooses (the teacher's models and their steps,
or the epoch) is chosen while fitting.
"""

import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from interactions import Vector

from recsys.config import PRESETS
from recsys.learning.dataset import Dataset, Interactions
from recsys.learning.features import encode_features
from recsys.learning.network import RatingNetwork
from recsys.learning.training import Fit, adapt, fit, refit


@dataclass(frozen=True)
class Contender:
    """A preset of the product, told of the movies' metadata or not."""

    name: str
    preset: str
    has_metadata: bool = False


@dataclass(frozen=True)
class Fits:
    """Test predictions (stars) of both fits, what valid chose, and the seconds of one fit."""

    train: Vector
    train_and_valid: Vector
    choice: str
    seconds: float


REFERENCES = (
    Contender("notebook preset", "notebook"),
    Contender("direct preset", "direct"),
    Contender("direct preset with metadata", "direct", has_metadata=True),
)
OURS = Contender("ours", "distilled")
OURS_WITH_METADATA = Contender("ours with metadata", "distilled", has_metadata=True)


def contenders(has_metadata: bool) -> list[Contender]:
    """Return every network, those with metadata only where there is some."""
    everyone = [*REFERENCES, OURS, OURS_WITH_METADATA]
    return [one for one in everyone if has_metadata or not one.has_metadata]


def without_metadata(dataset: Dataset) -> Dataset:
    """Return the same data set, in which nothing is known of a movie but its ratings."""
    nothing = encode_features(
        len(dataset.movie_ids), np.empty(0, np.int64), np.empty(0, np.str_), np.empty(0)
    )
    return replace(dataset, features=nothing)


def fit_and_refit(contender: Contender, dataset: Dataset, seed: int = 0) -> Fits:
    """Train a network as `train` does, then as `train --fit-on train+valid` does."""
    preset = PRESETS[contender.preset]
    known = dataset if contender.has_metadata else without_metadata(dataset)
    config = adapt(replace(preset.training, seed=seed), known)
    started = time.perf_counter()
    chosen = fit(known, preset.network, config)
    refitted = refit(known, chosen, preset.network, config)
    seconds = (time.perf_counter() - started) / 2
    return Fits(
        predict(chosen.network, dataset.test),
        predict(refitted.network, dataset.test),
        _choice_of(chosen),
        seconds,
    )


def _choice_of(fitted: Fit) -> str:
    if fitted.teacher is None:
        return f"epoch {fitted.best_epoch}"
    return " + ".join(
        f"{one.share:g} × {one.spec.name}, {one.steps} steps" for one in fitted.teacher.chosen
    )


@torch.no_grad()
def predict(network: RatingNetwork, rows: Interactions) -> Vector:
    """Return the ratings (stars) that a network predicts, inside the scale."""
    return network(rows.user_index, rows.movie_index).numpy().astype(np.float64)
