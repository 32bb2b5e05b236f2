"""Name the plain arrays that every peer works on.

In: a data set of the product and the rows of `movie_features`. Out: ratings and movie
features as numpy arrays. Next: `peers.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # a peer needs no torch
    from recsys.data.warehouse import Columns
    from recsys.learning.dataset import Dataset, Interactions

KERNEL_DIMENSIONS = 40

Vector = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """User and movie rows of the model, one pair a position."""

    user_index: Index
    movie_index: Index

    def __len__(self) -> int:
        return len(self.user_index)


@dataclass(frozen=True)
class Ratings:
    """Pairs and their ratings in stars."""

    pairs: Pairs
    rating: Vector

    def __len__(self) -> int:
        return len(self.rating)

    def __add__(self, other: Ratings) -> Ratings:
        return Ratings(
            Pairs(
                np.concatenate([self.pairs.user_index, other.pairs.user_index]),
                np.concatenate([self.pairs.movie_index, other.pairs.movie_index]),
            ),
            np.concatenate([self.rating, other.rating]),
        )


@dataclass(frozen=True)
class Split:
    """The three parts of one split, and the scale (lowest, highest) of the ratings."""

    train: Ratings
    valid: Ratings
    test: Ratings
    scale: tuple[float, float]


@dataclass(frozen=True)
class FeatureMatrix:
    """What is known of the movies: `matrix` is movie_index × feature, `group` one a feature.

    Features of one group (genres, years, …) share a prior.
    """

    matrix: Vector
    group: Index


def split_of(dataset: Dataset) -> Split:
    """Return the ratings of a data set as plain arrays; those of train in random order.

    The view is sorted by user. A library that learns row by row, and does not shuffle, would
    learn worse from that.
    """

    def ratings(part: Interactions, order: Index | slice = slice(None)) -> Ratings:
        return Ratings(
            Pairs(part.user_index.numpy()[order], part.movie_index.numpy()[order]),
            part.rating.numpy()[order].astype(np.float64),
        )

    order = np.random.default_rng(0).permutation(len(dataset.train))

    return Split(
        ratings(dataset.train, order),
        ratings(dataset.valid),
        ratings(dataset.test),
        (dataset.lowest_rating, dataset.highest_rating),
    )


def features_of(dataset: Dataset, rows: Columns) -> dict[str, FeatureMatrix]:
    """Return the movies' metadata in two representations; none if nothing is known.

    `indicators`: one column per genre, year, decade and title word, one where it applies.
    `kernel`: the leading eigenfeatures of the kernel that the network's metadata comes from.
    """
    if dataset.features.is_empty:
        return {}
    kernel = dataset.features.eigenfeatures(KERNEL_DIMENSIONS).astype(np.float64)
    return {
        "indicators": indicators(
            len(dataset.movie_ids), rows["movie_index"], rows["feature"].astype(np.str_)
        ),
        "kernel": FeatureMatrix(kernel, np.zeros(KERNEL_DIMENSIONS, np.int64)),
    }


def indicators(movie_count: int, movie_index: Index, feature: NDArray[np.str_]) -> FeatureMatrix:
    """Return a column of ones and zeros for each feature, and for each decade.

    Args:
        movie_count: rows of the matrix.
        movie_index: row of each (movie, feature).
        feature: its name, 'kind:value'; the kinds are the groups.
    """
    is_year = np.char.startswith(feature, "year:")
    decade = np.array([f"decade:{name[5:-1]}" for name in feature[is_year]], np.str_)
    names, column = np.unique(np.concatenate([feature, decade]), return_inverse=True)
    matrix = np.zeros((movie_count, len(names)))
    matrix[np.concatenate([movie_index, movie_index[is_year]]), column] = 1.0
    kinds = np.array([name.split(":")[0] for name in names])
    return FeatureMatrix(matrix, np.unique(kinds, return_inverse=True)[1].astype(np.int64))
