"""Recommendations: movies that a user has not rated, best first.

Flows in: predicted ratings and known ratings of users. Flows out: ranked movies, each with the
rating that the network predicts. One user and everyone at once go the same way.
"""

from dataclasses import dataclass

import numpy as np

from recsys.arrays import Floats, Indices, Mask, Vectors
from recsys.data.registry import StoredModel
from recsys.data.rows import Rows
from recsys.data.warehouse import Warehouse
from recsys.serving.scoring import LoadedModel
from recsys.serving.similarity import (
    nearest_users,
    rank_best,
    share_of_neighbours,
    similarity_to_liked,
)

# Columns of table `recommendations`.
COLUMNS = (
    "model_id",
    "user_id",
    "method",
    "rank",
    "movie_id",
    "title",
    "similarity",
    "predicted_rating",
    "is_confirmed",
)


@dataclass(frozen=True)
class KnownRatings:
    """What users are known to think of the model's movies, sorted by user_index.

    All arrays have shape (ratings,). `mean_rating` is the mean of the row's user (stars).
    """

    user_index: Indices
    movie_index: Indices
    rating: Floats
    mean_rating: Floats

    @property
    def is_liked(self) -> Mask:
        """Say which are rated at or above the user's own mean, shape (ratings,)."""
        return np.asarray(self.rating >= self.mean_rating)

    def of_users(self, users: Indices) -> tuple["KnownRatings", Indices]:
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

    user_index: Indices
    method: str
    rank: Indices
    movie_index: Indices
    similarity: Vectors
    predicted_rating: Vectors
    is_confirmed: Mask

    def as_rows(self, model: StoredModel, titles: list[str]) -> Rows:
        """Return the rows of table `recommendations`.

        Args:
            model: the model that they are of.
            titles: of its movies, in the order of its index.
        """
        return Rows(
            COLUMNS,
            [
                (
                    model.model_id,
                    int(model.users.ids[user]),
                    self.method,
                    int(rank),
                    int(model.movies.ids[movie]),
                    titles[movie],
                    None if np.isnan(similarity) else float(similarity),
                    float(rating),
                    bool(confirmed),
                )
                for user, rank, movie, similarity, rating, confirmed in zip(
                    self.user_index,
                    self.rank,
                    self.movie_index,
                    self.similarity,
                    self.predicted_rating,
                    self.is_confirmed,
                    strict=True,
                )
            ],
        )


def load_known_ratings(
    warehouse: Warehouse, stored: StoredModel, user_index: Indices | None = None
) -> KnownRatings:
    """Read the ratings of some users (of all, if None) for the model's movies."""
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
    known = load_known_ratings(warehouse, model.stored, needed)
    return recommend(
        model.stored, model.predict_table(user_index), known, user_index, method, count
    )


def recommend(
    stored: StoredModel,
    predicted: Vectors,
    known: KnownRatings,
    user_index: Indices,
    method: str,
    count: int,
) -> Recommendations:
    """Rank unseen movies for some users at once.

    Args:
        stored: the model, whose embeddings say what is similar.
        predicted: ratings (stars) of these users, shape (users, movies of the model).
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
    own, row = known.of_users(user_index)
    excluded = np.zeros(predicted.shape, bool)
    excluded[row, own.movie_index] = True
    means = np.full(len(user_index), np.nan)
    means[row] = own.mean_rating

    if method == "rating":
        similarity = np.full(predicted.shape, np.nan, np.float32)
        score = predicted
    elif method == "movies":
        liked = own.is_liked
        similarity = score = similarity_to_liked(
            stored.movies.embeddings, own.movie_index[liked], row[liked], len(user_index)
        )
        excluded |= np.isnan(similarity)  # they liked nothing: there is nothing to say
    else:
        neighbours, closeness = nearest_users(stored.users.embeddings, user_index)
        theirs, place = known.of_users(neighbours.ravel())
        liked = theirs.is_liked
        similarity = score = share_of_neighbours(
            closeness, theirs.movie_index[liked], place[liked], predicted.shape[1]
        )
        excluded |= similarity <= 0  # no similar user liked it: there is nothing to say

    users, movies, rank = rank_best(score, excluded, stored.movies.ids, count)
    return Recommendations(
        user_index=user_index[users],
        method=method,
        rank=rank,
        movie_index=movies,
        similarity=similarity[users, movies],
        predicted_rating=predicted[users, movies],
        is_confirmed=predicted[users, movies] >= means[users],
    )


def recommend_for_ratings(
    stored: StoredModel,
    predicted: Floats,
    movie_index: Indices,
    rating: Floats,
    method: str,
    count: int,
) -> Recommendations:
    """Rank movies for somebody outside the model; `user_index` of the result means nothing.

    Args:
        stored: the model.
        predicted: what they are expected to give every movie (stars), shape (movies,).
        movie_index: movies that they rated, shape (ratings,).
        rating: what they gave (stars), shape (ratings,).
        method: 'rating' or 'movies', as `recommend` takes it.
        count: movies at most.
    """
    order = np.argsort(movie_index)
    known = KnownRatings(
        np.zeros(len(rating), np.int64),
        movie_index[order],
        rating[order],
        np.full(len(rating), rating.mean()),
    )
    bounded = predicted.clip(stored.lowest_rating, stored.highest_rating).astype(np.float32)
    return recommend(stored, bounded[None, :], known, np.zeros(1, np.int64), method, count)


def movie_titles(warehouse: Warehouse, model: StoredModel) -> list[str]:
    """Return the title of each movie of a model, in the order of its index."""
    return warehouse.rows("select_movie_titles", model_id=model.model_id).column("title")
