"""Deal ten users out of a data set, as if the model had never heard of them.

In: a data set of the product. Out: the same without the ten, the same in which they are
trained on with half of their ratings, and both halves. Next: `new_users.py` measures on it.
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import torch
from interactions import Index, Pairs, Ratings, Vector, split_of

from recsys.learning.dataset import Dataset, Interactions

GROUP_SIZE = 10


@dataclass(frozen=True)
class Newcomers:
    """Ten users, a half of whose ratings is given and the other half held.

    Args:
        user_index: their rows in the whole data set, shape (ten,).
        given: half of each one's ratings, rows of the whole data set.
        held: the other half.
    """

    user_index: Index
    given: Ratings
    held: Ratings


def group_count(dataset: Dataset) -> int:
    """Return how many disjoint groups there are."""
    return len(dataset.user_ids) // GROUP_SIZE


def choose_newcomers(dataset: Dataset, group: int) -> Newcomers:
    """Return one of the disjoint groups: users, and halves of ratings, in the order of md5.

    All ratings of the ten count, whichever split they are in: none of them is trained on.
    """
    place = _order([f"newcomer:{user}" for user in dataset.user_ids.tolist()])
    users = np.sort(place[GROUP_SIZE * group : GROUP_SIZE * (group + 1)])
    split = split_of(dataset)
    everything = split.train + split.valid + split.test
    is_given = np.zeros(len(everything), bool)
    for user in users:
        own = np.flatnonzero(everything.pairs.user_index == user)
        movies = dataset.movie_ids[everything.pairs.movie_index[own]].tolist()
        order = _order([f"{dataset.user_ids[user]}:{movie}" for movie in movies])
        is_given[own[order[: len(own) // 2]]] = True
    is_held = np.isin(everything.pairs.user_index, users) & ~is_given
    return Newcomers(users, _chosen(everything, is_given), _chosen(everything, is_held))


def without(dataset: Dataset, newcomers: Newcomers) -> Dataset:
    """Return the data set of everybody else; the users after a newcomer move up."""
    stays = ~np.isin(np.arange(len(dataset.user_ids)), newcomers.user_index)
    row = torch.from_numpy(np.cumsum(stays) - 1)

    def others(part: Interactions) -> Interactions:
        kept = torch.from_numpy(stays)[part.user_index]
        return Interactions(row[part.user_index[kept]], part.movie_index[kept], part.rating[kept])

    return replace(
        dataset,
        train=others(dataset.train),
        valid=others(dataset.valid),
        test=others(dataset.test),
        user_ids=dataset.user_ids[stays],
    )


def with_given(dataset: Dataset, newcomers: Newcomers) -> Dataset:
    """Return the data set in which the given half of the newcomers' ratings is trained on."""
    stays = torch.from_numpy(~np.isin(np.arange(len(dataset.user_ids)), newcomers.user_index))

    def others(part: Interactions) -> Interactions:
        kept = stays[part.user_index]
        return Interactions(part.user_index[kept], part.movie_index[kept], part.rating[kept])

    given = Interactions(
        torch.from_numpy(newcomers.given.pairs.user_index),
        torch.from_numpy(newcomers.given.pairs.movie_index),
        torch.from_numpy(newcomers.given.rating).float(),
    )
    train = others(dataset.train).extended_by(given)
    return replace(dataset, train=train, valid=others(dataset.valid))


def damped_bias(others: Ratings, given: Ratings, pairs: Pairs, damping: float) -> Vector:
    """Predict mean + movie bias + user bias (stars), each bias damped (Koren 2008, 2.1).

    Movies are judged by the others' ratings, each newcomer by their own given ones.
    """
    mean = others.rating.mean()
    movie = _biases(others.pairs.movie_index, others.rating - mean, pairs, given, damping)
    surprise = given.rating - mean - movie[given.pairs.movie_index]
    user_count = 1 + int(pairs.user_index.max())
    total = np.bincount(given.pairs.user_index, surprise, user_count)
    user = total / (np.bincount(given.pairs.user_index, minlength=user_count) + damping)
    return np.asarray(mean + movie[pairs.movie_index] + user[pairs.user_index])


def _biases(
    movie_index: Index, surprise: Vector, pairs: Pairs, given: Ratings, damping: float
) -> Vector:
    count = 1 + int(max(movie_index.max(), pairs.movie_index.max(), given.pairs.movie_index.max()))
    total = np.bincount(movie_index, surprise, count)
    return np.asarray(total / (np.bincount(movie_index, minlength=count) + damping))


def _order(names: list[str]) -> Index:
    """Return the positions of names in the order of their md5."""
    return np.argsort([hashlib.md5(name.encode()).hexdigest() for name in names])


def _chosen(ratings: Ratings, mask: Index) -> Ratings:
    pairs = ratings.pairs
    return Ratings(Pairs(pairs.user_index[mask], pairs.movie_index[mask]), ratings.rating[mask])
