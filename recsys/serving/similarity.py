"""How alike users or movies are to a model: cosines of its embeddings, and ranks of them.

Flows in: embeddings. Flows out: neighbours, and scores of movies for `recommendation.py`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import Indices, Mask, Vectors

NEIGHBOUR_COUNT = 20
# Looked at more closely than the rest, so that rounding does not decide who is a neighbour.
_SPARE_CANDIDATES = 12
_SIMILARITIES_AT_ONCE = 10_000_000


def nearest_users(embeddings: Vectors, user_index: Indices) -> tuple[Indices, Vectors]:
    """Return the users most similar to each of some users.

    Args:
        embeddings: of all users, shape (all users, dimension).
        user_index: rows of `embeddings`, shape (users,).

    Returns:
        Rows of the neighbours and their cosine similarity, both of shape (users,
        NEIGHBOUR_COUNT or all others), most similar first.
    """
    unit = _unit(embeddings)
    others = len(unit) - 1
    candidate_count = min(NEIGHBOUR_COUNT + _SPARE_CANDIDATES, others)
    nearest = np.empty((len(user_index), candidate_count), np.int64)
    batch = max(1, _SIMILARITIES_AT_ONCE // len(unit))
    for start in range(0, len(user_index), batch):
        rows = user_index[start : start + batch]
        rough = unit[rows] @ unit.T
        rough[np.arange(len(rows)), rows] = -np.inf  # never oneself
        chosen = np.argpartition(-rough, candidate_count, axis=1)[:, :candidate_count]
        nearest[start : start + batch] = np.sort(chosen, axis=1)
    # A product of tables depends a little on how many rows they have; that of pairs does not.
    pairs = np.einsum("ud,und->un", unit[user_index], unit[nearest], dtype=np.float64)
    close = _rounded(pairs)
    order = np.argsort(-close, axis=1, kind="stable")[:, : min(NEIGHBOUR_COUNT, others)]
    return np.take_along_axis(nearest, order, axis=1), np.take_along_axis(close, order, axis=1)


def similarity_to_liked(
    embeddings: Vectors, movie_index: Indices, row: Indices, user_count: int
) -> Vectors:
    """Return the mean cosine similarity of every movie to those that each user liked.

    The mean over liked movies of a dot product is the dot product with their mean.

    Args:
        embeddings: of all movies, shape (movies, dimension).
        movie_index: liked movies, shape (liked,).
        row: user of each, from 0, shape (liked,).
        user_count: users.

    Returns:
        Shape (users, movies); not a number for a user who is not known to have liked any.
    """
    unit = _unit(embeddings).astype(np.float64)
    sums = np.zeros((user_count, unit.shape[1]))
    np.add.at(sums, row, unit[movie_index])
    counts = np.bincount(row, minlength=user_count)
    similarity = _rounded((sums / np.maximum(counts, 1)[:, None]) @ unit.T)
    similarity[counts == 0] = np.nan
    return similarity


def share_of_neighbours(
    weights: Vectors, movie_index: Indices, neighbour: Indices, movie_count: int
) -> Vectors:
    """Return the share of each user's neighbours who liked each movie, by similarity.

    Args:
        weights: similarity of each user's neighbours, shape (users, neighbours).
        movie_index: movies that neighbours liked, shape (liked,).
        neighbour: which of them, as a place in the flattened weights, shape (liked,).
        movie_count: movies of the model.

    Returns:
        Shape (users, movies).
    """
    positive = np.maximum(weights, 0).astype(np.float64)
    shares = positive / np.maximum(positive.sum(axis=1, keepdims=True), 1e-12)
    cell = neighbour // weights.shape[1] * movie_count + movie_index
    cells = len(weights) * movie_count
    summed = np.bincount(cell, shares.ravel()[neighbour], minlength=cells)
    return _rounded(summed.reshape(len(weights), movie_count))


def rank_best(
    score: Vectors, excluded: Mask, movie_ids: Indices, count: int
) -> tuple[Indices, Indices, Indices]:
    """Return (row, column, rank from 1) of the best scores of each row.

    Args:
        score: shape (rows, movies).
        excluded: cells that must not be chosen, shape (rows, movies).
        movie_ids: id of each column; ties go to the lower one.
        count: cells a row at most.
    """
    by_id = np.argsort(movie_ids)
    cost = np.where(excluded, np.inf, -score)[:, by_id]
    order = np.argsort(cost, axis=1, kind="stable")[:, :count]
    row, position = np.nonzero(np.isfinite(np.take_along_axis(cost, order, axis=1)))
    return row, by_id[order[row, position]], position + 1


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def _rounded(similarity: NDArray[Any]) -> Vectors:
    """Round off, in float64, what depends on how many rows were multiplied at once."""
    return np.round(similarity, 6).astype(np.float32)
