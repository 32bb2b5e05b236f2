"""Recommendations: movies that a user has not rated, best first.

Flows in: a loaded model and ratings of its users. Flows out: ranked movies, each with the
rating that the network predicts. Never imports torch. `batch_scoring.py` calls the same
functions for everyone at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.data.registry import Entities, StoredModel
from recsys.data.warehouse import Warehouse
from recsys.data.weights import Ids, Vectors
from recsys.serving.scoring import LoadedModel, Predictor

NEIGHBOUR_COUNT = 20
# Looked at more closely than the rest, so that rounding does not decide who is a neighbour.
_SPARE_CANDIDATES = 12
_SIMILARITIES_AT_ONCE = 10_000_000

Table = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class KnownRatings:
    """What users are known to think of the model's movies, sorted by user_index.

    All arrays have shape (ratings,). `mean_rating` is the mean of the row's user (stars).
    """

    user_index: Ids
    movie_index: Ids
    rating: NDArray[np.float64]
    mean_rating: NDArray[np.float64]

    def table_rows(self, users: Ids) -> tuple["KnownRatings", Ids]:
        """Return the ratings of some users, and each one's position among `users`."""
        first = np.searchsorted(self.user_index, users, side="left")
        counts = np.searchsorted(self.user_index, users, side="right") - first
        row = np.repeat(np.arange(len(users)), counts)
        offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        chosen = np.repeat(first, counts) + offset
        ratings = KnownRatings(
            self.user_index[chosen],
            self.movie_index[chosen],
            self.rating[chosen],
            self.mean_rating[chosen],
        )
        return ratings, row


@dataclass(frozen=True)
class Recommendations:
    """Ranked movies of some users: rows of `recommendations`, all of shape (rows,).

    `similarity` is not a number where the method has none.
    """

    user_index: Ids
    method: str
    rank: Ids
    movie_index: Ids
    similarity: Table
    predicted_rating: Table
    is_confirmed: Mask

    def records(self, model: StoredModel, titles: list[str]) -> list[dict[str, object]]:
        """Return the rows by column name, as in table `recommendations`."""
        return [
            {
                "model_id": model.model_id,
                "user_id": int(model.users.ids[user]),
                "method": self.method,
                "rank": int(rank),
                "movie_id": int(model.movies.ids[movie]),
                "title": titles[movie],
                "similarity": None if np.isnan(similarity) else float(similarity),
                "predicted_rating": float(rating),
                "is_confirmed": bool(confirmed),
            }
            for user, rank, movie, similarity, rating, confirmed in zip(
                self.user_index,
                self.rank,
                self.movie_index,
                self.similarity,
                self.predicted_rating,
                self.is_confirmed,
                strict=True,
            )
        ]


def load_known_ratings(
    warehouse: Warehouse, model: LoadedModel, user_index: Ids | None = None
) -> KnownRatings:
    """Read the ratings of some users (of all, if None) for the model's movies."""
    stored = model.stored
    wanted = None if user_index is None else stored.users.ids[user_index].tolist()
    columns = warehouse.columns("select_known_ratings", model_id=stored.model_id, user_ids=wanted)
    return KnownRatings(
        columns["user_index"],
        columns["movie_index"],
        columns["rating"],
        columns["mean_rating"],
    )


def recommend_for_user(
    warehouse: Warehouse, model: LoadedModel, user_id: int, method: str, count: int
) -> Recommendations:
    """Recommend to one user, reading only the ratings that this needs.

    Raises:
        UnknownIdError: the model has never seen this user.
    """
    user_index = model.stored.users.indices_of(np.array([user_id]))
    needed = user_index
    if method == "users":
        neighbours, _ = nearest_users(model.stored.users.embeddings, user_index)
        needed = np.union1d(user_index, neighbours)
    known = load_known_ratings(warehouse, model, needed)
    return recommend(model, known, user_index, method, count)


def recommend(
    model: Predictor, known: KnownRatings, user_index: Ids, method: str, count: int
) -> Recommendations:
    """Rank unseen movies for some users at once.

    Args:
        model: the model that predicts and whose embeddings say what is similar.
        known: ratings of these users and, for 'users', of their neighbours.
        user_index: rows of the user embedding, shape (users,).
        method: 'rating' ranks by predicted rating; 'movies' by the mean cosine
            similarity to the movies that the user liked (Sarwar et al. 2001); 'users'
            by the share of the most similar users who liked it, weighted by similarity
            (Herlocker et al. 1999). Liked is rated at or above the user's own mean.
        count: movies a user at most.

    Returns:
        Rows sorted by user, then rank. Never a movie that the user has rated; ties go to
        the lower movie_id. A recommendation is confirmed if its predicted rating is at
        or above the user's mean.
    """
    stored = model.stored
    predicted = model.predict_table(user_index)
    own, row = known.table_rows(user_index)
    seen = np.zeros(predicted.shape, bool)
    seen[row, own.movie_index] = True
    means = np.full(len(user_index), np.nan)
    means[row] = own.mean_rating

    if method == "rating":
        similarity = np.full(predicted.shape, np.nan, np.float32)
        score = predicted
    elif method == "movies":
        similarity = score = _similarity_to_liked(
            stored.movies.embeddings, own, row, len(user_index)
        )
        seen |= np.isnan(similarity)  # they liked nothing: there is nothing to say
    else:
        similarity = score = _share_of_neighbours(
            stored.users.embeddings, known, user_index, len(stored.movies.ids)
        )
        seen |= similarity <= 0  # no similar user liked it: there is nothing to say

    users, movies, rank = _best(score, seen, stored.movies.ids, count)
    return Recommendations(
        user_index=user_index[users],
        method=method,
        rank=rank,
        movie_index=movies,
        similarity=similarity[users, movies],
        predicted_rating=predicted[users, movies],
        is_confirmed=predicted[users, movies] >= means[users],
    )


def load_reasons(
    warehouse: Warehouse, user_id: int, movie_ids: Sequence[int]
) -> list[dict[str, Any]]:
    """Return the liked movies nearest to each of some movies: rows of `movie_reasons`."""
    return list(warehouse.rows("select_reasons", user_id=user_id, movie_ids=list(movie_ids)))


def nearest_users(embeddings: Vectors, user_index: Ids) -> tuple[Ids, Table]:
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
    return (
        np.take_along_axis(nearest, order, axis=1),
        np.take_along_axis(close, order, axis=1),
    )


def nearest_movies(movies: Entities, movie_id: int, count: int) -> tuple[Ids, Table]:
    """Return the movies most similar to one by the cosine of their embeddings.

    Returns:
        Rows of the movies and their similarity, both of shape (count or all others,),
        most similar first, ties by movie_id. The movie itself is not among them.

    Raises:
        UnknownIdError: the model has never seen this movie.
    """
    row = movies.indices_of(np.array([movie_id]))
    unit = _unit(movies.embeddings)
    similarity = _rounded(unit[row] @ unit.T)
    itself = np.zeros(similarity.shape, bool)
    itself[0, row] = True
    _, nearest, _ = _best(similarity, itself, movies.ids, count)
    return nearest, similarity[0, nearest]


def movie_titles(warehouse: Warehouse, model: StoredModel) -> list[str]:
    """Return the title of each movie of a model, in the order of its index."""
    return warehouse.rows("select_movie_titles", model_id=model.model_id).column("title")


def _similarity_to_liked(
    embeddings: Vectors, own: KnownRatings, row: Ids, user_count: int
) -> Table:
    """Return the mean cosine similarity of every movie to those that each user liked.

    The mean over liked movies of a dot product is the dot product with their mean. It is
    not a number for a user who is not known to have liked any.
    """
    unit = _unit(embeddings).astype(np.float64)
    liked = own.rating >= own.mean_rating
    sums = np.zeros((user_count, unit.shape[1]))
    np.add.at(sums, row[liked], unit[own.movie_index[liked]])
    counts = np.bincount(row[liked], minlength=user_count)
    similarity = _rounded((sums / np.maximum(counts, 1)[:, None]) @ unit.T)
    similarity[counts == 0] = np.nan
    return similarity


def _share_of_neighbours(
    embeddings: Vectors, known: KnownRatings, user_index: Ids, movie_count: int
) -> Table:
    """Return the share of each user's neighbours who liked each movie, by similarity."""
    neighbours, similarity = nearest_users(embeddings, user_index)
    weights = np.maximum(similarity, 0).astype(np.float64)
    weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    theirs, pair = known.table_rows(neighbours.ravel())
    liked = theirs.rating >= theirs.mean_rating
    cell = pair[liked] // neighbours.shape[1] * movie_count + theirs.movie_index[liked]
    cells = len(user_index) * movie_count
    shares = np.bincount(cell, weights.ravel()[pair[liked]], minlength=cells)
    return _rounded(shares.reshape(len(user_index), movie_count))


def _best(score: Table, excluded: Mask, movie_ids: Ids, count: int) -> tuple[Ids, Ids, Ids]:
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


def _rounded(similarity: NDArray[Any]) -> Table:
    """Round off, in float64, what depends on how many rows were multiplied at once."""
    return np.round(similarity, 6).astype(np.float32)
