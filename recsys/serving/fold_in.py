"""A new user: predictions for somebody that the model has never seen, without training.

Flows in: a few ratings and the weights of the frozen network. Flows out: the weights that
this user would have, and what the network then predicts. Plain numpy, never torch.

Everything that the network holds of a user is one vector: bias, factors and their part of the
first layer. Its prior is the Gaussian of the trained users' vectors; the ratings update it.
The maximum of the posterior is found by Gauss-Newton steps, since the network is not linear
(folding-in: Rendle and Schmidt-Thieme 2008; the prior: Salakhutdinov and Mnih 2008).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.data.registry import StoredModel
from recsys.data.weights import Ids, NetworkWeights
from recsys.serving.recommendation import KnownRatings, Recommendations, recommend

_MOST_STEPS = 20
_SMALLEST_GAIN = 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NewUser:
    """Somebody outside the model, as `recommend` takes one.

    Args:
        stored: the model.
        predicted: rating (stars) of every movie of the model, shape (1, movies).
        known: the ratings that were given.
    """

    stored: StoredModel
    predicted: NDArray[np.float32]
    known: KnownRatings

    def predict_table(self, user_index: Ids) -> NDArray[np.float32]:
        """Return the predicted ratings (stars), shape (1, movies)."""
        return self.predicted

    def recommend(self, method: str, count: int) -> Recommendations:
        """Recommend movies that were not among the ratings; see `recommendation.recommend`.

        Args:
            method: 'rating' or 'movies'.
            count: movies at most.
        """
        return recommend(self, self.known, np.array([0]), method, count)


def introduce_user(
    stored: StoredModel, weights: NetworkWeights, movie_index: Ids, rating: Floats
) -> NewUser:
    """Fold a new user into the frozen network.

    Args:
        stored: the model.
        weights: its network.
        movie_index: movies that they rated, rows of the model, shape (ratings,).
        rating: what they gave (stars), shape (ratings,).
    """
    user = fold_in(weights, movie_index, rating, stored.valid_rmse**2)
    every_movie = np.arange(len(stored.movies.ids))
    predicted, _ = _run(weights, user, every_movie)
    bounded = np.clip(predicted, stored.lowest_rating, stored.highest_rating)
    order = np.argsort(movie_index)
    known = KnownRatings(
        np.zeros(len(rating), np.int64),
        movie_index[order],
        rating[order],
        np.full(len(rating), rating.mean()),
    )
    return NewUser(stored, bounded[None, :].astype(np.float32), known)


def fold_in(
    weights: NetworkWeights, movie_index: Ids, rating: Floats, noise_variance: float
) -> Floats:
    """Return the most probable vector of a user with these ratings.

    Minimises |rating - f(mean + z basis)|² / noise_variance + |z|² over z, where mean and
    basis are those of the trained users: z has a standard normal prior.

    Args:
        weights: the frozen network.
        movie_index: rows of the movies that were rated, shape (ratings,).
        rating: stars, shape (ratings,).
        noise_variance: expected squared error of a rating (stars squared).

    Returns:
        Bias, factors and first-layer part of the user, shape (1 + factors + units,).
    """
    mean, basis = _prior(weights)
    place = np.zeros(len(basis))

    def cost(where: Floats) -> float:
        estimated, _ = _run(weights, mean + where @ basis, movie_index)
        return float(((rating - estimated) ** 2).sum() / noise_variance + where @ where)

    lowest = cost(place)
    for _ in range(_MOST_STEPS):
        estimated, slope = _run(weights, mean + place @ basis, movie_index)
        jacobian = slope @ basis.T  # (ratings, components)
        precision = jacobian.T @ jacobian / noise_variance + np.eye(len(basis))
        pull = jacobian.T @ (rating - estimated) / noise_variance - place
        step = np.linalg.solve(precision, pull)
        # Halving keeps a step that overshoots the bend of the network from doing harm.
        halved = (step * 0.5**times for times in range(10))
        better = next((one for one in halved if cost(place + one) < lowest), None)
        if better is None:
            break
        place = place + better
        gain, lowest = lowest - cost(place), cost(place)
        if gain < _SMALLEST_GAIN:
            break
    return np.asarray(mean + place @ basis)


def _prior(weights: NetworkWeights) -> tuple[Floats, Floats]:
    """Return the mean of the users' vectors, and a square root of their covariance.

    Any root will do: of the ways to one, QR is the fastest, and needs no full rank.

    Returns:
        Mean, shape (width,), and basis, shape (components, width): basis' basis is the
        covariance.
    """
    side = weights.users
    vectors = np.hstack([side.bias[:, None], side.factors, side.units]).astype(np.float64)
    mean = vectors.mean(axis=0)
    scaled = (vectors - mean) / np.sqrt(max(len(vectors) - 1, 1))
    return mean, np.asarray(np.linalg.qr(scaled, mode="r"))


def _run(weights: NetworkWeights, user: Floats, movie_index: Ids) -> tuple[Floats, Floats]:
    """Return unbounded ratings of some movies, and how they change with the user's vector.

    Returns:
        Ratings, shape (movies,), and their gradient, shape (movies, width of `user`).
    """
    movies = weights.movies
    factor_count = movies.factors.shape[1]
    bias, factors, part = np.split(user, [1, 1 + factor_count])
    summed = part + movies.units[movie_index]
    units: Floats = np.maximum(summed, 0).astype(np.float64)
    slopes: list[Floats] = [(summed > 0).astype(np.float64)]
    for layer in weights.layers:
        summed = units @ layer.weights.T + layer.bias
        lowest = 0.0 if layer.is_rectified else -np.inf
        units = np.maximum(summed, lowest).astype(np.float64)
        slopes.append((summed > lowest).astype(np.float64))
    own = movies.factors[movie_index].astype(np.float64)
    ratings = units[:, 0] + bias + movies.bias[movie_index] + own @ factors

    gradient: Floats = np.ones((len(movie_index), 1))
    for layer, slope in zip(reversed(weights.layers), reversed(slopes), strict=False):
        gradient = (gradient * slope) @ layer.weights
    gradient = gradient * slopes[0]
    return ratings, np.hstack([np.ones((len(movie_index), 1)), own, gradient])
