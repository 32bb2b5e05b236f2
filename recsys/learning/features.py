"""Movie features as numbers: rows of the view `movie_features` in, a `MovieFeatures` out.

The teacher takes kernels (movies x movies) from it, and networks fixed vectors z (movies x d).
The kernel is a weighted sum of three similarities, so it is a kernel itself
(Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, section 4.2.4):
cosine of the genres + exp(-|difference in years| / scale) + cosine of the weighted title words.
Each is kept as factors, K = F F', which also fit in memory where K does not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import Floats, Indices, Vectors
from recsys.config import FeatureConfig

Names = NDArray[np.str_]


@dataclass(frozen=True)
class MovieFeatures:
    """A movie kernel as factors of what movies share, and a variance of each movie's own.

    The mean diagonal of the kernel is 1.

    Args:
        genre_year_factors: shape (movies, D1), columns centred over movies.
        word_factors: of title words, shape (movies, D2), columns centred over movies.
        remainder: variance of words beyond `max_words`, and of a movie whose title has none,
            shape (movies,). Without it, movies with unusual titles would look less variable
            than sequels.
        config: how it was made.
    """

    genre_year_factors: Floats
    word_factors: Floats
    remainder: Floats
    config: FeatureConfig = FeatureConfig()

    @property
    def is_empty(self) -> bool:
        """Say whether no movie differs from another by its features."""
        return not self.factors.any()

    @property
    def factors(self) -> Floats:
        """Return F, shape (movies, D1 + D2)."""
        return np.hstack([self.genre_year_factors, self.word_factors])

    def kernels(self) -> list[Floats]:
        """Return the kernel with title words and that without, each (movies, movies).

        With them: K = F F' + diag(remainder); sequels are alike. Without, for data where words
        mean nothing: the variance that they add is each movie's own, so the diagonal is the same.
        There is none where no movie differs from another.
        """
        if self.is_empty:
            return []
        genres_years = self.genre_year_factors @ self.genre_year_factors.T
        words = self.word_factors @ self.word_factors.T + np.diag(self.remainder)
        return [genres_years + words, genres_years + np.diag(words.diagonal())]

    def eigenfeatures(self, dimensions: int) -> Vectors:
        """Return z, shape (movies, dimensions): the best approximation of F F' as z z'.

        This is kernel principal component analysis (Schölkopf, Smola & Müller, 1998).
        """
        return principal_components(self.factors, dimensions).astype(np.float32)


def encode_features(
    movie_count: int,
    movie_index: Indices,
    feature: Names,
    weight: Floats,
    config: FeatureConfig = FeatureConfig(),
) -> MovieFeatures:
    """Encode the features of `movie_count` movies, given as (movie_index, feature, weight) rows.

    The order of the rows does not matter. A movie without rows gets zeros: it is like no other.
    """

    def part(prefix: str) -> tuple[Indices, Names, Floats]:
        chosen = np.char.startswith(feature, prefix)
        return movie_index[chosen], feature[chosen], weight[chosen]

    # A genre matters however common it is; a word names a series only if rare.
    genres = _unit_rows(_incidence(movie_count, *part("genre:")[:2], 1.0))
    words = _unit_rows(_incidence(movie_count, *part("word:")))
    common = np.argsort(-np.count_nonzero(words, axis=0), kind="stable")[: config.max_words]
    years = _year_factors(movie_count, *part("year:")[:2], config.year_scale)

    # Centring the columns double-centres K: what all movies share is left to the biases.
    genres_years = _centred(
        np.hstack([np.sqrt(config.genre_weight) * genres, np.sqrt(config.year_weight) * years])
    )
    kept = _centred(np.sqrt(config.word_weight) * words[:, common])
    remainder = config.word_weight * np.maximum(1.0 - (words[:, common] ** 2).sum(axis=1), 0.0)
    shared = (genres_years**2).sum(axis=1) + (kept**2).sum(axis=1)
    if shared.mean() < 1e-12:  # all movies have the same features: what is left is rounding
        genres_years, kept = np.zeros_like(genres_years), np.zeros_like(kept)
    scale = float((shared + remainder).mean()) or 1.0
    root = np.sqrt(scale)
    return MovieFeatures(genres_years / root, kept / root, remainder / scale, config)


def principal_components(factors: Floats, dimensions: int) -> Floats:
    """Return scores (rows, dimensions), ordered by variance and padded with zeros.

    They come by way of the small (columns, columns) matrix of the factors.
    """
    _, axes = np.linalg.eigh(factors.T @ factors)
    scores = factors @ axes[:, ::-1][:, :dimensions]
    # An eigenvector's sign is arbitrary: fix it, so that every machine agrees.
    largest = np.abs(scores).argmax(axis=0)
    scores *= np.where(scores[largest, np.arange(scores.shape[1])] < 0, -1.0, 1.0)
    return np.pad(scores, ((0, 0), (0, dimensions - scores.shape[1])))


def _incidence(
    movie_count: int, movie_index: Indices, feature: Names, weight: Floats | float
) -> Floats:
    """Return the weights as a (movies, distinct features) table, columns by name."""
    names, column = np.unique(feature, return_inverse=True)
    table = np.zeros((movie_count, len(names)))
    table[movie_index, column] = weight
    return table


def _unit_rows(table: Floats) -> Floats:
    """Scale rows to length 1, so that their products are cosines; rows of zeros stay."""
    length = np.linalg.norm(table, axis=1, keepdims=True)
    return table / np.where(length > 0, length, 1.0)


def _centred(table: Floats) -> Floats:
    centred: Floats = table - table.mean(axis=0)
    return centred


def _year_factors(movie_count: int, movie_index: Indices, feature: Names, scale: float) -> Floats:
    """Factor exp(-|y - y'| / scale), positive definite over distinct years (R & W, 4.2.1)."""
    years, row = np.unique([int(name.split(":")[1]) for name in feature], return_inverse=True)
    factors = np.zeros((movie_count, len(years)))
    if len(years):
        similarity = np.exp(-np.abs(years[:, None] - years) / scale)
        factors[movie_index] = np.linalg.cholesky(similarity)[row]
    return factors
