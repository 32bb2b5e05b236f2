"""Choose and fit the peers of benchmarks/accuracy.py.

In: a `Split` of plain arrays and the movies' features. Out: predictions in stars. A peer is
a name, a function `fit_predict(train, pairs, params)` and the grid that its params come from;
it never sees a rating that it has to predict. Next: `libraries.py` has the functions,
`comparison.py` judges them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import libraries
import numpy as np
from interactions import FeatureMatrix, Pairs, Ratings, Split, Vector

from recsys.serving.metrics import rmse

FitPredict = Callable[[Ratings, Pairs, Mapping[str, Any]], Vector]


@dataclass(frozen=True)
class Peer:
    """A library's method: `grid` maps a parameter's name to the values that valid chooses from."""

    name: str
    fit_predict: FitPredict
    grid: Mapping[str, Sequence[Any]]
    has_metadata: bool = False


@dataclass(frozen=True)
class Choice:
    """What the validation rows chose, and the seconds that choosing took."""

    params: Mapping[str, Any]
    valid_rmse: float
    seconds: float


def predict(
    peer: Peer, train: Ratings, pairs: Pairs, params: Mapping[str, Any], split: Split
) -> Vector:
    """Fit a peer and predict; every peer is clipped to the ratings' scale alike."""
    return np.clip(peer.fit_predict(train, pairs, params), *split.scale)


def select_on_valid(peer: Peer, split: Split) -> Choice:
    """Return the grid point with the least RMSE on valid, fitted on train (first of equals)."""
    started = time.perf_counter()
    points = [dict(zip(peer.grid, values, strict=True)) for values in product(*peer.grid.values())]
    scores = [
        rmse(predict(peer, split.train, split.valid.pairs, point, split), split.valid.rating)
        for point in points
    ]
    best = int(np.argmin(scores))
    return Choice(points[best], scores[best], time.perf_counter() - started)


def global_mean(train: Ratings, pairs: Pairs, params: Mapping[str, Any]) -> Vector:
    """Predict the mean of the training ratings."""
    return np.full(len(pairs), train.rating.mean())


def peers(features: Mapping[str, FeatureMatrix]) -> list[Peer]:
    """Return every peer with its grid.

    How the ranges were found, and which choices lie at an end, is told with the results.

    Args:
        features: representations of the same metadata, from which valid chooses; without
            one there is no peer with metadata.
    """
    neighbours = {"k": [20, 40, 60], "shrinkage": [50, 100, 200], "reg_i": [2, 5, 10]}
    rating_peers = [
        Peer("global mean", global_mean, {}),
        Peer("damped bias", libraries.bias, {"reg_i": [1, 2, 3, 5], "reg_u": [2, 5, 10]}),
        Peer(
            "Surprise SVD",
            libraries.svd,
            {"n_factors": [20, 50, 100], "n_epochs": [60, 100], "reg_all": [0.1, 0.125, 0.15]},
        ),
        Peer(
            "Surprise SVD++",
            libraries.svdpp,
            {"n_factors": [20, 50], "n_epochs": [40, 80], "reg_all": [0.1, 0.125]},
        ),
        Peer("Surprise KNN items", partial(libraries.knn, of_users=False), neighbours),
        Peer("Surprise KNN users", partial(libraries.knn, of_users=True), neighbours),
        Peer(
            "LensKit BiasedMF",
            libraries.biased_mf,
            {"embedding_size": [10, 20, 50], "regularization": [0.1, 0.12, 0.14, 0.17]},
        ),
        Peer("myFM", libraries.myfm, {"rank": [8, 16, 24, 48], "beta_0": [0.003, 0.01, 1.0]}),
    ]
    if not features:
        return rating_peers
    metadata_peer = Peer(
        "myFM with metadata",
        partial(libraries.myfm, features=features),
        {"features": list(features), "rank": [24, 48], "beta_0": [0.003, 0.01]},
        has_metadata=True,
    )
    return [*rating_peers, metadata_peer]
