"""Fold-in: what somebody whom the model has never seen would give every movie.

Flows in: a few ratings and what the model predicts for its own users. Flows out: predicted
ratings of every movie of the model.

The predictions for the trained users are draws from one Gaussian over the movies. Ratings of
somebody new are seen through noise; their other ratings are expected by the posterior mean,
which is Gaussian-process regression (Rasmussen and Williams 2006, eq. 2.25). Nothing is trained.
"""

from dataclasses import dataclass

import numpy as np

from recsys.arrays import Floats, Indices
from recsys.serving.scoring import LoadedModel

# Enough users to know the covariance of a few hundred movies; evenly spaced among all.
_MOST_USERS = 2_000


@dataclass(frozen=True)
class Prior:
    """The Gaussian of the trained users' predicted ratings.

    Args:
        mean: of each movie, shape (movies,).
        factors: factors' factors is the covariance, shape (users, movies).
        noise_variance: expected squared error of a rating.
    """

    mean: Floats
    factors: Floats
    noise_variance: float

    def expect(self, movie_index: Indices, rating: Floats) -> Floats:
        """Return the expected ratings of somebody with these ratings, shape (movies,).

        Args:
            movie_index: movies that were rated, shape (ratings,).
            rating: what they were given, shape (ratings,).
        """
        rated = self.factors[:, movie_index]
        covariance = rated.T @ rated + self.noise_variance * np.eye(len(rating))
        weights = np.linalg.solve(covariance, rating - self.mean[movie_index])
        return self.mean + (rated @ weights) @ self.factors


def fit_prior(model: LoadedModel) -> Prior:
    """Return the Gaussian of what a model predicts for its users.

    The noise is the model's squared error on valid.
    """
    user_count = len(model.stored.users.ids)
    users = np.unique(np.linspace(0, user_count - 1, min(user_count, _MOST_USERS)).astype(int))
    predicted = model.predict_table(users).astype(np.float64)
    mean = predicted.mean(axis=0)
    factors = (predicted - mean) / np.sqrt(max(len(users) - 1, 1))
    return Prior(mean, factors, model.stored.valid_rmse**2)
