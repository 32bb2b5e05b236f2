"""Fit today's recommenders, one function a method: ratings in, predicted stars out.

The libraries are imported where they are used: each is optional, and some read their
settings, or make a folder, when they are imported (see `confine`).
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from interactions import FeatureMatrix, Pairs, Ratings, Vector

if TYPE_CHECKING:
    from surprise import AlgoBase

SEED = 0
Params = Mapping[str, Any]


def confine(folder: Path) -> None:
    """Keep the libraries to one thread and inside `folder`.

    Call before the first fit. LensKit then also sets torch to one thread, for the whole
    process: measure a network before, or in a process of its own.
    """
    os.environ["SURPRISE_DATA_FOLDER"] = str(folder)  # else it makes ~/.surprise_data
    os.environ["LK_NUM_THREADS"] = os.environ["LK_NUM_BACKEND_THREADS"] = "1"


def _surprise(algorithm: AlgoBase, train: Ratings, pairs: Pairs) -> Vector:
    import pandas as pd
    from surprise import Dataset, Reader

    rows = pd.DataFrame(
        {"user": train.pairs.user_index, "movie": train.pairs.movie_index, "rating": train.rating}
    )
    # The reader's scale serves only to clip; `peers.predict` clips all peers alike.
    data = Dataset.load_from_df(rows, Reader())
    algorithm.fit(data.build_full_trainset())
    return np.array(
        [
            algorithm.predict(user, movie, clip=False).est
            for user, movie in zip(pairs.user_index, pairs.movie_index, strict=True)
        ]
    )


def bias(train: Ratings, pairs: Pairs, params: Params) -> Vector:
    """Predict mean + user bias + movie bias, each damped (Koren 2010, section 2.1)."""
    from surprise import BaselineOnly

    options = {"method": "als", "n_epochs": 15, **params}
    return _surprise(BaselineOnly(bsl_options=options, verbose=False), train, pairs)


def svd(train: Ratings, pairs: Pairs, params: Params) -> Vector:
    """Predict by biases and a dot product, fitted by SGD (Surprise SVD)."""
    from surprise import SVD

    return _surprise(SVD(lr_all=0.01, random_state=SEED, **params), train, pairs)


def svdpp(train: Ratings, pairs: Pairs, params: Params) -> Vector:
    """Predict by SVD with the set of rated movies as a second user vector (SVD++)."""
    from surprise import SVDpp

    algorithm = SVDpp(lr_all=0.01, cache_ratings=True, random_state=SEED, **params)
    return _surprise(algorithm, train, pairs)


def knn(train: Ratings, pairs: Pairs, params: Params, *, of_users: bool) -> Vector:
    """Predict the bias plus the weighted residuals of the nearest users or movies."""
    from surprise import KNNBaseline

    algorithm = KNNBaseline(
        k=params["k"],
        sim_options={
            "name": "pearson_baseline",
            "user_based": of_users,
            "shrinkage": params["shrinkage"],
        },
        bsl_options={"method": "als", "n_epochs": 15, "reg_i": params["reg_i"], "reg_u": 5},
        verbose=False,
    )
    return _surprise(algorithm, train, pairs)


def biased_mf(train: Ratings, pairs: Pairs, params: Params) -> Vector:
    """Predict by biases and a dot product, fitted by alternating least squares (LensKit)."""
    import pandas as pd
    from lenskit.als import BiasedMFScorer
    from lenskit.data import ItemList, from_interactions_df
    from lenskit.training import TrainingOptions

    data = from_interactions_df(
        pd.DataFrame(
            {
                "user_id": train.pairs.user_index,
                "item_id": train.pairs.movie_index,
                "rating": train.rating,
            }
        )
    )
    scorer = BiasedMFScorer(damping={"user": 5.0, "item": 2.0}, **params)
    scorer.train(data, TrainingOptions(rng=SEED))

    predictions = np.empty(len(pairs))
    for user in np.unique(pairs.user_index):
        rows = pairs.user_index == user
        movies = ItemList(item_ids=pairs.movie_index[rows])
        scores = scorer(int(user), movies).scores()
        assert scores is not None
        # A user or movie without a training rating has no vector: the bias remains.
        biases, _ = scorer.bias.compute_for_items(movies, int(user))
        predictions[rows] = np.where(np.isnan(scores), biases, scores)
    return predictions


def myfm(
    train: Ratings,
    pairs: Pairs,
    params: Params,
    *,
    features: Mapping[str, FeatureMatrix] | None = None,
) -> Vector:
    """Predict by a Bayesian factorization machine, the mean of Gibbs samples (myFM).

    With `features`, `params["features"]` names the representation that stands beside the
    movie's own column.
    """
    from myfm import MyFMRegressor, RelationBlock
    from scipy.sparse import csr_matrix, hstack, identity

    user_count = 1 + max(train.pairs.user_index.max(), pairs.user_index.max())
    movie_count = 1 + max(train.pairs.movie_index.max(), pairs.movie_index.max())
    movies, groups = identity(movie_count, format="csr"), [0] * user_count + [1] * movie_count
    if features is not None:
        known = features[params["features"]]
        movies = hstack([movies, csr_matrix(known.matrix[:movie_count])], format="csr")
        groups += (known.group + 2).tolist()

    def blocks(rows: Pairs) -> list[RelationBlock]:
        # A block holds each user and each movie once, however many rows name it.
        return [
            RelationBlock(rows.user_index, csr_matrix(identity(user_count))),
            RelationBlock(rows.movie_index, csr_matrix(movies)),
        ]

    # beta_0 / 2 is the rate of the Gamma prior on every precision. The library's 1.0 keeps the
    # factors of 63 users wide and over-fits; less lets a factor that explains nothing vanish.
    machine = MyFMRegressor(rank=params["rank"], beta_0=params["beta_0"], random_seed=SEED)
    rows = blocks(train.pairs)
    with contextlib.redirect_stderr(io.StringIO()):  # it always draws a progress bar
        machine.fit(None, train.rating, rows, grouping=groups, n_iter=400, n_kept_samples=300)
    return np.asarray(machine.predict(None, blocks(pairs)))
