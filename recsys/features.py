"""Turn the movies' descriptions into numbers: a kernel for the teacher, vectors for networks.

In: the rows of the view `movie_features` for the top movies, as three aligned arrays
(movie_index, feature, weight). Out: a `MovieDescription`, from which `teacher.py` takes the
kernel (movies x movies) and `student.py` takes fixed vectors z_m (movies x d_z).

The kernel is a weighted sum of three similarities, so it is a kernel itself
(Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, section 4.2.4):
cosine of the weighted genres + exp(-|difference in years| / scale) + cosine of the title words.
Each is kept as factors, K = F F', which also fits in memory where K does not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureConfig:
    """Set how much each part of a description counts, and how much of it is kept."""

    genre_weight: float = 0.4
    year_weight: float = 0.4
    word_weight: float = 1.0
    year_scale: float = 15.0  # years after which two movies' likeness has fallen to 1/e
    max_words: int = 500  # bounds the factors; the words of most movies stay


@dataclass(frozen=True)
class MovieDescription:
    """Hold a movie kernel as factors: K = factors factors' + diag(remainder).

    factors: (movies, D), columns centred over movies; D is 0 if nothing is known.
    remainder: (movies,), what words beyond `max_words` would have added to a movie's own
    variance. Without it, movies with unusual titles would look less variable than sequels.
    The mean diagonal of K is 1.
    """

    factors: Array
    remainder: Array

    @property
    def is_empty(self) -> bool:
        """Say whether no movie differs from another by its description."""
        return not self.factors.any()

    def kernel(self) -> Array:
        """Return K, (movies, movies)."""
        return self.factors @ self.factors.T + np.diag(self.remainder)

    def eigenfeatures(self, dimensions: int) -> NDArray[np.float32]:
        """Return z, (movies, dimensions): the best approximation of F F' as z z'.

        This is kernel principal component analysis (Schölkopf, Smola & Müller, 1998), by way
        of the small (D, D) matrix. Columns are ordered by variance and padded with zeros.
        """
        _, axes = np.linalg.eigh(self.factors.T @ self.factors)
        z = self.factors @ axes[:, ::-1][:, :dimensions]
        # An eigenvector's sign is arbitrary: fix it, so that every machine agrees.
        largest = np.abs(z).argmax(axis=0)
        z = z * np.where(z[largest, np.arange(z.shape[1])] < 0, -1.0, 1.0)
        return np.pad(z, ((0, 0), (0, dimensions - z.shape[1]))).astype(np.float32)


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

    genres = _unit_rows(_incidence(movie_count, *part("genre:")))
    words = _unit_rows(_incidence(movie_count, *part("word:")))
    common = np.argsort(-np.count_nonzero(words, axis=0), kind="stable")[: config.max_words]
    dropped = (words**2).sum(axis=1) - (words[:, common] ** 2).sum(axis=1)
    years = _year_factors(movie_count, *part("year:")[:2], config.year_scale)

    factors = np.hstack(
        [
            np.sqrt(config.genre_weight) * genres,
            np.sqrt(config.year_weight) * years,
            np.sqrt(config.word_weight) * words[:, common],
        ]
    )
    factors = factors - factors.mean(axis=0)  # double-centres K: movies' levels are biases
    remainder = config.word_weight * np.maximum(dropped, 0.0)
    scale = float(((factors**2).sum(axis=1) + remainder).mean())
    if scale < 1e-12:  # all described alike: what centring left is rounding, do not enlarge it
        return MovieDescription(np.zeros_like(factors), np.zeros(movie_count))
    return MovieDescription(factors / np.sqrt(scale), remainder / scale)


def _incidence(
    movie_count: int, movie_index: NDArray[np.int64], feature: NDArray[np.str_], weight: Array
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
