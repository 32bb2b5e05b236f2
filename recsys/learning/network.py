"""The network: f(user_index, movie_index) -> rating.

Flows in: a `NetworkConfig` and, where a movie is described, its fixed vector z. Flows out:
an `nn.Module` to train, and the same function folded for serving. The next file is
`training.py`.
"""

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from recsys.config import MOST_HIDDEN_LAYERS, NetworkConfig
from recsys.data.weights import Layer, NetworkWeights, SideWeights

_INITIAL_DEVIATION = 0.1


class RatingNetwork(nn.Module):
    """Predict ratings from a user embedding and a movie embedding.

    With interaction terms,

        f = mean + deviation (b_u + b_m + <e_u, e_m> + <t_u, z_m> + MLP([e_u, e_m, z_m])),

    where mean and deviation are those of the ratings learnt from: the weights are in units
    of the deviation, so that one configuration suits every rating scale. Without them,
    f = MLP([e_u, e_m]) as in a plain embedding network. z_m is what is known of the movie
    besides its ratings and t_u the user's taste for it; both are absent where nothing is
    known. The first layer sees the bare concatenation, so that for serving it folds into one
    table of users and one of movies (see `FoldedNetwork`).

    Args:
        user_count: rows of the user embedding.
        movie_count: rows of the movie embedding.
        scale: lowest and highest rating (stars): the bounds of the output.
        config: shape of the network.
        description: z, shape (movies, features), float32; None if there is none.
    """

    layers: nn.Sequential
    lowest: Tensor
    highest: Tensor
    description: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        user_count: int,
        movie_count: int,
        scale: tuple[float, float],
        config: NetworkConfig,
        description: NDArray[np.float32] | None = None,
    ) -> None:
        super().__init__()
        if description is None:
            description = np.zeros((movie_count, 0), np.float32)
        features = description.shape[1]
        self.has_interaction_terms = config.has_interaction_terms
        self.register_buffer("lowest", torch.tensor(scale[0], dtype=torch.float32))
        self.register_buffer("highest", torch.tensor(scale[1], dtype=torch.float32))
        self.register_buffer("description", torch.from_numpy(description))

        deviation = _INITIAL_DEVIATION if config.has_interaction_terms else 1.0
        self.user_embedding = _embedding(user_count, config.user_dimension, deviation)
        self.movie_embedding = _embedding(movie_count, config.movie_dimension, deviation)
        if config.has_interaction_terms:
            self.register_buffer("mean", torch.zeros(()))
            self.register_buffer("deviation", torch.ones(()))
            self.user_bias = _embedding(user_count, 1, 0.0)
            self.movie_bias = _embedding(movie_count, 1, 0.0)
            self.user_taste = _embedding(user_count, features, 0.0)

        layers: list[nn.Module] = []
        width = config.user_dimension + config.movie_dimension + features
        for size in config.hidden_sizes:
            layers += [nn.Linear(width, size), nn.ReLU(), nn.Dropout(config.dropout)]
            width = size
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.layers = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, user_index: Tensor, movie_index: Tensor) -> Tensor:
        """Return ratings inside the scale, shape (batch,), for int64 indices (batch,)."""
        return self.estimate(user_index, movie_index).clamp(self.lowest, self.highest)

    def estimate(self, user_index: Tensor, movie_index: Tensor) -> Tensor:
        """Return ratings before they are bounded: outside the bounds no gradient flows."""
        user = self.user_embedding(user_index)  # (batch, user dimension)
        movie = self.movie_embedding(movie_index)  # (batch, movie dimension)
        described = self.description[movie_index]  # (batch, features)
        inputs = self.embedding_dropout(torch.cat([user, movie, described], dim=1))
        rating: Tensor = self.layers(inputs)[:, 0]
        if self.has_interaction_terms:
            bias = self.user_bias(user_index)[:, 0] + self.movie_bias(movie_index)[:, 0]
            taste = (self.user_taste(user_index) * described).sum(dim=1)
            match = (user * movie).sum(dim=1)
            rating = self.mean + self.deviation * (rating + bias + match + taste)
        return rating

    def penalty(self, user_index: Tensor, movie_index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mean squared length of a batch's embeddings, biases and tastes."""
        indices = {"user": user_index, "movie": movie_index}

        def length(table: nn.Embedding, side: str) -> Tensor:
            squared: Tensor = table(indices[side]).square().sum(dim=1)
            return squared.mean()

        embeddings = length(self.user_embedding, "user") + length(self.movie_embedding, "movie")
        if not self.has_interaction_terms:
            return embeddings, embeddings.new_zeros(()), embeddings.new_zeros(())
        biases = length(self.user_bias, "user") + length(self.movie_bias, "movie")
        return embeddings, biases, length(self.user_taste, "user")

    @torch.no_grad()
    def centre(self, ratings: Tensor) -> None:
        """Set mean and deviation to those of the ratings (stars) that are to be learnt."""
        if not self.has_interaction_terms:
            return
        self.mean.copy_(ratings.mean())
        deviation = ratings.std(correction=0)
        self.deviation.copy_(torch.where(deviation > 0, deviation, 1.0))

    @torch.no_grad()
    def start_from(self, table: NDArray[np.float64]) -> None:
        """Set biases and embeddings to the means and leading singular vectors of a table.

        The truncated singular value decomposition is the best approximation of its rank
        (Eckart and Young 1936); each side takes a square root of the singular values.

        Args:
            table: expected ratings, shape (users, movies), stars.
        """
        self.centre(torch.from_numpy(table))
        standard = (table - table.mean()) / float(self.deviation)
        user_bias = standard.mean(axis=1, keepdims=True)
        movie_bias = standard.mean(axis=0, keepdims=True)
        left, values, right = np.linalg.svd(standard - user_bias - movie_bias, full_matrices=False)
        rank = min(self.user_embedding.embedding_dim, len(values))
        roots = np.sqrt(values[:rank])
        self.user_bias.weight.copy_(torch.from_numpy(user_bias))
        self.movie_bias.weight.copy_(torch.from_numpy(movie_bias.T))
        self.user_embedding.weight[:, :rank] = torch.from_numpy(left[:, :rank] * roots).float()
        self.movie_embedding.weight[:, :rank] = torch.from_numpy(right[:rank].T * roots).float()


class FoldedNetwork(nn.Module):
    """A trained `RatingNetwork` as it is served: the same function, less arithmetic.

    The first layer W [u; m; z] + b is a sum of a part of the user and a part of the movie:
    both are computed once for every row. What is left per pair is a lookup, a dot product
    and the layers after the first. The deviation is folded into them too.
    """

    lowest: Tensor
    highest: Tensor
    user_hidden: Tensor
    movie_hidden: Tensor
    user_factors: Tensor
    movie_factors: Tensor
    user_bias: Tensor
    movie_bias: Tensor

    def __init__(self, network: RatingNetwork) -> None:
        super().__init__()
        first, *later = network.layers
        assert isinstance(first, nn.Linear)
        user = network.user_embedding.weight
        movie_inputs = torch.cat([network.movie_embedding.weight, network.description], dim=1)
        weights = first.weight.split([user.shape[1], movie_inputs.shape[1]], dim=1)
        self.has_interaction_terms = network.has_interaction_terms
        self.register_buffer("lowest", network.lowest)
        self.register_buffer("highest", network.highest)
        self.register_buffer("user_hidden", user @ weights[0].T)
        self.register_buffer("movie_hidden", movie_inputs @ weights[1].T + first.bias)
        if network.has_interaction_terms:
            unit, tastes = network.deviation, network.user_taste.weight
            movie_bias = network.mean + unit * network.movie_bias.weight[:, 0]
            self.register_buffer("user_factors", unit * torch.cat([user, tastes], dim=1))
            self.register_buffer("movie_factors", movie_inputs)
            self.register_buffer("user_bias", unit * network.user_bias.weight[:, 0])
            self.register_buffer("movie_bias", movie_bias)
        kept = [copy.deepcopy(one) for one in later if not isinstance(one, nn.Dropout)]
        self.layers = nn.Sequential(*kept)
        if network.has_interaction_terms:
            final = kept[-1]
            assert isinstance(final, nn.Linear)
            with torch.no_grad():
                final.weight.mul_(network.deviation)
                final.bias.mul_(network.deviation)

    def forward(self, user_index: Tensor, movie_index: Tensor) -> Tensor:
        """Return ratings inside the scale, shape (batch,), for int64 indices (batch,)."""
        hidden = self.user_hidden[user_index] + self.movie_hidden[movie_index]
        rating: Tensor = self.layers(hidden)[:, 0]
        if self.has_interaction_terms:
            factors = self.user_factors[user_index] * self.movie_factors[movie_index]
            bias = self.user_bias[user_index] + self.movie_bias[movie_index]
            rating = rating + bias + factors.sum(dim=1)
        return rating.clamp(self.lowest, self.highest)


def weights_of(network: FoldedNetwork) -> NetworkWeights:
    """Return a folded network as arrays, with layers up to the number that SQL runs.

    A network without interaction terms gets factors and biases of zero, and a shorter one
    ends in layers that only pass its output on.
    """
    sides = [_side_of(network, name) for name in ("user", "movie")]
    linear = [one for one in network.layers if isinstance(one, nn.Linear)]
    layers = [
        Layer(_array(one.weight), _array(one.bias), is_rectified=one is not linear[-1])
        for one in linear
    ]
    pass_on = Layer(np.ones((1, 1), np.float32), np.zeros(1, np.float32), is_rectified=False)
    layers += [pass_on] * (MOST_HIDDEN_LAYERS - len(layers))
    return NetworkWeights(sides[0], sides[1], tuple(layers))


def _side_of(network: FoldedNetwork, name: str) -> SideWeights:
    units = _array(getattr(network, f"{name}_hidden"))
    if not network.has_interaction_terms:
        nothing = np.zeros((len(units), 1), np.float32)
        return SideWeights(nothing[:, 0], nothing, units)
    return SideWeights(
        _array(getattr(network, f"{name}_bias")),
        _array(getattr(network, f"{name}_factors")),
        units,
    )


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), np.float32)


def _embedding(count: int, dimension: int, deviation: float) -> nn.Embedding:
    """Make a table of shape (count, dimension) drawn from N(0, deviation²)."""
    table = nn.Embedding(count, dimension)
    with torch.no_grad():
        table.weight.normal_(0.0, deviation)
    return table
