"""The data set: views of the warehouse in, tensors on the device that trains out."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from recsys.arrays import Floats, Ids, Mask
from recsys.data.warehouse import Warehouse
from recsys.errors import DeviceError, TooFewRatingsError
from recsys.learning.features import MovieFeatures, encode_features


@dataclass(frozen=True)
class Interactions:
    """Ratings of pairs of user and movie, all of shape (ratings,) and on one device.

    Args:
        user_index: row of the user, int64.
        movie_index: row of the movie, int64.
        rating: rating in stars, float32.
    """

    user_index: torch.Tensor
    movie_index: torch.Tensor
    rating: torch.Tensor

    def __len__(self) -> int:
        return len(self.rating)

    def extended_by(self, other: "Interactions") -> "Interactions":
        """Return these interactions followed by others."""
        return Interactions(
            torch.cat([self.user_index, other.user_index]),
            torch.cat([self.movie_index, other.movie_index]),
            torch.cat([self.rating, other.rating]),
        )


@dataclass(frozen=True)
class Dataset:
    """Everything that a network learns from and is judged on.

    Args:
        train: ratings that fit the weights.
        valid: ratings that choose among epochs and configurations.
        test: ratings that are only reported on.
        user_ids: id in the data of each user index, shape (users,).
        movie_ids: id in the data of each movie index, shape (movies,).
        features: genres, years and title words of the movies.
        lowest_rating: lower bound of the scale (stars).
        highest_rating: upper bound of the scale (stars).
        fingerprint: text that changes with the data.
    """

    train: Interactions
    valid: Interactions
    test: Interactions
    user_ids: Ids
    movie_ids: Ids
    features: MovieFeatures
    lowest_rating: float
    highest_rating: float
    fingerprint: str

    def with_train(self, train: Interactions) -> "Dataset":
        """Return the same data set with other train ratings."""
        return replace(self, train=train)

    def table_of(self, ratings: Interactions) -> Floats:
        """Return ratings as a table, shape (users, movies), NaN where there is none."""
        table = np.full((len(self.user_ids), len(self.movie_ids)), np.nan)
        cells = ratings.user_index.cpu().numpy(), ratings.movie_index.cpu().numpy()
        table[cells] = ratings.rating.cpu().numpy()
        return table


def load_dataset(warehouse: Warehouse, device: torch.device) -> Dataset:
    """Read the data set from the views of a warehouse.

    Raises:
        TooFewRatingsError: a split is empty.
    """
    counts = warehouse.row("select_split_counts")
    if not all(counts.values()):
        raise TooFewRatingsError(counts)
    rows = warehouse.columns("select_split_ratings")
    facts = warehouse.row("select_data_facts")
    movie_ids = warehouse.columns("select_top_movies")["movie_id"]
    features = warehouse.columns("select_movie_features")
    is_train, is_valid = rows["is_train"], rows["is_valid"]

    def interactions(mask: Mask) -> Interactions:
        names = ("user_index", "movie_index", "rating")
        return Interactions(*(torch.from_numpy(rows[name][mask]).to(device) for name in names))

    return Dataset(
        train=interactions(is_train),
        valid=interactions(is_valid),
        test=interactions(~is_train & ~is_valid),
        user_ids=warehouse.columns("select_active_users")["user_id"],
        movie_ids=movie_ids,
        features=encode_features(
            len(movie_ids),
            features["movie_index"],
            features["feature"].astype(np.str_),
            features["weight"],
        ),
        lowest_rating=facts["lowest_rating"],
        highest_rating=facts["highest_rating"],
        fingerprint=facts["fingerprint"],
    )


def choose_device(name: str) -> torch.device:
    """Return the device to train on: 'auto' takes CUDA where torch can use it.

    Raises:
        DeviceError: 'cuda' was asked for and torch cannot use it.
    """
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise DeviceError("this torch finds no CUDA device")
    return torch.device("cuda" if has_cuda and name != "cpu" else "cpu")
