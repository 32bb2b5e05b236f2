"""Turn the movies' descriptions into numbers: kernels for the teacher, vectors for networks.

In: the rows of the view `movie_features` for the top movies, as three aligned arrays
(movie_index, feature, weight). Out: a `MovieDescription`, from which `teacher.py` takes
kernels (movies x movies) and `model.py` takes fixed vectors z_m (movies x d_z).

A kernel is a weighted sum of three similarities, so it is a kernel itself
(Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, section 4.2.4):
cosine of the genres + exp(-|difference in years| / scale) + cosine of the weighted title words.
Each is kept as factors, K = F F', which also fits in memory where K does not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureConfig:
    """Set how much each part of a description counts, and how much of it is kept."""

    genre_weight: float = 0.35
    year_weight: float = 0.3
    word_weight: float = 1.0
    year_scale: float = 30.0  # years after which two movies' likeness has fallen to 1/e
    max_words: int = 500  # bounds the factors; the words of most movies stay


@dataclass(frozen=True)
class MovieDescription:
    """Hold a movie kernel as factors of its shared part, and each movie's own part.

    theme_factors: (movies, D1), of genres and years; columns centred over movies.
    word_factors: (movies, D2), of title words; columns centred over movies.
    remainder: (movies,), the variance of words beyond `max_words`, and of a movie whose title
    has none. Without it, movies with unusual titles would look less variable than sequels.
    The mean diagonal of the kernel is 1. config: how it was made.
    """

    theme_factors: Array
    word_factors: Array
    remainder: Array
    config: FeatureConfig = FeatureConfig()

    @property
    def is_empty(self) -> bool:
        """Say whether no movie differs from another by its description."""
        return not self.factors.any()

    @property
    def factors(self) -> Array:
        """Return F, (movies, D1 + D2)."""
        return np.hstack([self.theme_factors, self.word_factors])

    def kernels(self) -> list[Array]:
        """Return what movies may have in common, each (movies, movies), all with one diagonal.

        With title words: K = F F' + diag(remainder); sequels are alike. And without, where
        words tell nothing: what they would have added is each movie's own.
        """
        if self.is_empty:
            return []
        themes = self.theme_factors @ self.theme_factors.T
        of_words = self.word_factors @ self.word_factors.T + np.diag(self.remainder)
        return [themes + of_words, themes + np.diag(of_words.diagonal())]

    def themes(self, dimensions: int) -> Array:
        """Return the leading principal components of genres and years, (movies, dimensions)."""
        return principal_components(self.theme_factors, dimensions)

    def eigenfeatures(self, dimensions: int) -> NDArray[np.float32]:
        """Return z, (movies, dimensions): the best approximation of F F' as z z'.

        This is kernel principal component analysis (Schölkopf, Smola & Müller, 1998).
        """
        return principal_components(self.factors, dimensions).astype(np.float32)


def describe_movies(
    movie_count: int,
    movie_index: NDArray[np.int64],
    feature: NDArray[np.str_],
    weight: Array,
    config: FeatureConfig = FeatureConfig(),
) -> MovieDescription:
    """Build the description of `movie_count` movies from (movie_index, feature, weight) rows.

    The order of the rows does not matter. Movies without rows get a description of zeros,
    that is: nothing ties them to the others.
    """

    def part(prefix: str) -> tuple[NDArray[np.int64], NDArray[np.str_], Array]:
        chosen = np.char.startswith(feature, prefix)
        return movie_index[chosen], feature[chosen], weight[chosen]

    # A genre is a matter of taste however common it is; a word names a series only if rare.
    genres = _unit_rows(_incidence(movie_count, *part("genre:")[:2], 1.0))
    words = _unit_rows(_incidence(movie_count, *part("word:")))
    common = np.argsort(-np.count_nonzero(words, axis=0), kind="stable")[: config.max_words]
    years = _year_factors(movie_count, *part("year:")[:2], config.year_scale)

    # Centring the columns double-centres K: what all movies share is left to the biases.
    themes = _centred(
        np.hstack([np.sqrt(config.genre_weight) * genres, np.sqrt(config.year_weight) * years])
    )
    kept = _centred(np.sqrt(config.word_weight) * words[:, common])
    remainder = config.word_weight * np.maximum(1.0 - (words[:, common] ** 2).sum(axis=1), 0.0)
    shared = (themes**2).sum(axis=1) + (kept**2).sum(axis=1)
    if shared.mean() < 1e-12:  # all described alike: what centring left is rounding
        themes, kept = np.zeros_like(themes), np.zeros_like(kept)
    scale = float((shared + remainder).mean()) or 1.0
    root = np.sqrt(scale)
    return MovieDescription(themes / root, kept / root, remainder / scale, config)


def _incidence(
    movie_count: int,
    movie_index: NDArray[np.int64],
    feature: NDArray[np.str_],
    weight: Array | float,
) -> Array:
    """Spread rows over a (movies, distinct features) table of weights, columns by name."""
    names, column = np.unique(feature, return_inverse=True)
    table = np.zeros((movie_count, len(names)))
    table[movie_index, column] = weight
    return table


def _unit_rows(table: Array) -> Array:
    """Scale rows to length 1, so that their products are cosines; rows of zeros stay."""
    length = np.linalg.norm(table, axis=1, keepdims=True)
    return table / np.where(length > 0, length, 1.0)


def principal_components(factors: Array, dimensions: int) -> Array:
    """Return scores (rows, dimensions), ordered by variance and padded with zeros.

    They come by way of the small (columns, columns) matrix of the factors.
    """
    _, axes = np.linalg.eigh(factors.T @ factors)
    scores = factors @ axes[:, ::-1][:, :dimensions]
    # An eigenvector's sign is arbitrary: fix it, so that every machine agrees.
    largest = np.abs(scores).argmax(axis=0)
    scores *= np.where(scores[largest, np.arange(scores.shape[1])] < 0, -1.0, 1.0)
    return np.pad(scores, ((0, 0), (0, dimensions - scores.shape[1])))


def _centred(table: Array) -> Array:
    """Take each column's mean away."""
    centred: Array = table - table.mean(axis=0)
    return centred


def _year_factors(
    movie_count: int, movie_index: NDArray[np.int64], feature: NDArray[np.str_], scale: float
) -> Array:
    """Factor exp(-|y - y'| / scale), positive definite over distinct years (R & W, 4.2.1)."""
    years, row = np.unique([int(name.split(":")[1]) for name in feature], return_inverse=True)
    factors = np.zeros((movie_count, len(years)))
    if len(years):
        likeness = np.exp(-np.abs(years[:, None] - years) / scale)
        factors[movie_index] = np.linalg.cholesky(likeness)[row]
    return factors
