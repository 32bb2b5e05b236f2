"""The data set: views of the warehouse as tensors, already on the device.

Flows in: `split_ratings`, the order of users and movies, movie features. Flows out: a
`Dataset` that training reads batches from by indexing. The next file is `features.py`.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from recsys.arrays import Ids
from recsys.data.warehouse import Warehouse
from recsys.errors import DeviceError, TooFewRatingsError
from recsys.learning.features import MovieDescription, describe_movies


@dataclass(frozen=True)
class Interactions:
    """Who rated what, all of shape (ratings,) and on one device.

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
        description: what is known of each movie besides its ratings.
        lowest_rating: lower bound of the scale (stars).
        highest_rating: upper bound of the scale (stars).
        fingerprint: text that changes with the data.
    """

    train: Interactions
    valid: Interactions
    test: Interactions
    user_ids: Ids
    movie_ids: Ids
    description: MovieDescription
    lowest_rating: float
    highest_rating: float
    fingerprint: str

    def with_train(self, train: Interactions) -> "Dataset":
        """Return the same data set with other train ratings."""
        return replace(self, train=train)


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

    def interactions(mask: NDArray[np.bool_]) -> Interactions:
        return Interactions(
            *(
                torch.from_numpy(rows[name][mask]).to(device)
                for name in ("user_index", "movie_index", "rating")
            )
        )

    return Dataset(
        train=interactions(is_train),
        valid=interactions(is_valid),
        test=interactions(~is_train & ~is_valid),
        user_ids=warehouse.columns("select_active_users")["user_id"],
        movie_ids=movie_ids,
        description=describe_movies(
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
