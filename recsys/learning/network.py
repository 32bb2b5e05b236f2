"""The network: a `NetworkConfig` in; an `nn.Module` to train and its folded form to serve out."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from recsys.arrays import Floats, Vectors
from recsys.config import MOST_HIDDEN_LAYERS, NetworkConfig
from recsys.data.weights import Layer, NetworkWeights, SideWeights

_INITIAL_DEVIATION = 0.1
_ROWS_AT_ONCE = 65_536


class BoundedNetwork(nn.Module):
    """A network of users and movies whose ratings stay inside the scale.

    Args:
        lowest: lowest rating (stars), shape ().
        highest: highest rating (stars), shape ().
    """

    lowest: Tensor
    highest: Tensor

    def __init__(self, lowest: Tensor, highest: Tensor) -> None:
        super().__init__()
        self.register_buffer("lowest", lowest)
        self.register_buffer("highest", highest)

    def forward(self, user_index: Tensor, movie_index: Tensor) -> Tensor:
        """Return ratings inside the scale, shape (batch,), for int64 indices (batch,)."""
        return self.estimate(user_index, movie_index).clamp(self.lowest, self.highest)

    def estimate(self, user_index: Tensor, movie_index: Tensor) -> Tensor:
        """Return ratings before they are bounded: outside the bounds no gradient flows."""
        raise NotImplementedError


class RatingNetwork(BoundedNetwork):
    """Predict ratings from a user embedding and a movie embedding.

    With interaction terms,

        f = mean + deviation (b_u + b_m + <e_u, e_m> + <w_u, z_m> + MLP([e_u, e_m, z_m])),

    where mean and deviation are those of the ratings learnt from: the weights are in units
    of the deviation, so that one configuration suits every rating scale. z_m are features of
    the movie, which are not learnt, and w_u the user's weights of them. Without interaction
    terms, f = MLP([e_u, e_m, z_m]) as in a plain embedding network. The first layer sees the
    bare concatenation, so that for serving it folds into one table of users and one of movies
    (see `FoldedNetwork`).

    Args:
        user_count: rows of the user embedding.
        movie_count: rows of the movie embedding.
        scale: lowest and highest rating (stars): the bounds of the output.
        config: shape of the network.
        movie_features: z, shape (movies, features); None if there are none.
    """

    movie_features: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        user_count: int,
        movie_count: int,
        scale: tuple[float, float],
        config: NetworkConfig,
        movie_features: Vectors | None = None,
    ) -> None:
        super().__init__(*(torch.tensor(bound, dtype=torch.float32) for bound in scale))
        if movie_features is None:
            movie_features = np.zeros((movie_count, 0), np.float32)
        feature_count = movie_features.shape[1]
        self.has_interaction_terms = config.has_interaction_terms
        self.register_buffer("movie_features", torch.from_numpy(movie_features))

        deviation = _INITIAL_DEVIATION if config.has_interaction_terms else 1.0
        self.user_embedding = _embedding(user_count, config.user_dimension, deviation)
        self.movie_embedding = _embedding(movie_count, config.movie_dimension, deviation)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))
        if config.has_interaction_terms:
            self.user_bias = _embedding(user_count, 1, 0.0)
            self.movie_bias = _embedding(movie_count, 1, 0.0)
            self.user_feature_weights = _embedding(user_count, feature_count, 0.0)

        layers: list[nn.Module] = []
        width = config.user_dimension + config.movie_dimension + feature_count
        for size in config.hidden_sizes:
            layers += [nn.Linear(width, size), nn.ReLU(), nn.Dropout(config.dropout)]
            width = size
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.layers = nn.Sequential(*layers, nn.Linear(width, 1))

    def estimate(self, user_index: Tensor, movie_index: Tensor) -> Tensor:
        """Return ratings before they are bounded: outside the bounds no gradient flows."""
        user = self.user_embedding(user_index)  # (batch, user dimension)
        movie = self.movie_embedding(movie_index)  # (batch, movie dimension)
        features = self.movie_features[movie_index]  # (batch, features)
        inputs = self.embedding_dropout(torch.cat([user, movie, features], dim=1))
        rating: Tensor = self.layers(inputs)[:, 0]
        if self.has_interaction_terms:
            bias = self.user_bias(user_index)[:, 0] + self.movie_bias(movie_index)[:, 0]
            embedding_product = (user * movie).sum(dim=1)
            feature_product = (self.user_feature_weights(user_index) * features).sum(dim=1)
            rating = rating + bias + embedding_product + feature_product
        return self.mean + self.deviation * rating

    def mean_squared_lengths(
        self, user_index: Tensor, movie_index: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mean squared length of a batch's embeddings, biases and feature weights."""
        indices = {"user": user_index, "movie": movie_index}

        def length(table: nn.Embedding, side: str) -> Tensor:
            squared: Tensor = table(indices[side]).square().sum(dim=1)
            return squared.mean()

        embeddings = length(self.user_embedding, "user") + length(self.movie_embedding, "movie")
        if not self.has_interaction_terms:
            return embeddings, embeddings.new_zeros(()), embeddings.new_zeros(())
        biases = length(self.user_bias, "user") + length(self.movie_bias, "movie")
        return embeddings, biases, length(self.user_feature_weights, "user")

    @torch.no_grad()
    def centre(self, ratings: Tensor) -> None:
        """Set mean and deviation to those of the ratings (stars) that are to be learnt."""
        if not self.has_interaction_terms:
            return
        self.mean.copy_(ratings.mean())
        deviation = ratings.std(correction=0)
        self.deviation.copy_(torch.where(deviation > 0, deviation, 1.0))

    @torch.no_grad()
    def start_from(self, table: Floats) -> None:
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


class FoldedNetwork(BoundedNetwork):
    """A trained `RatingNetwork` as it is served: the same function, less arithmetic.

    The first layer W [u; m; z] + b is a sum of a part of the user and a part of the movie:
    both are computed once for every row. What is left per pair is a lookup, a dot product
    and the layers after the first. The deviation is folded into them too.
    """

    user_hidden: Tensor
    movie_hidden: Tensor
    user_factors: Tensor
    movie_factors: Tensor
    user_bias: Tensor
    movie_bias: Tensor

    def __init__(self, network: RatingNetwork) -> None:
        super().__init__(network.lowest, network.highest)
        self.has_interaction_terms = network.has_interaction_terms
        first, *later = network.layers
        assert isinstance(first, nn.Linear)
        user = network.user_embedding.weight
        movie_inputs = torch.cat([network.movie_embedding.weight, network.movie_features], dim=1)
        weights = first.weight.split([user.shape[1], movie_inputs.shape[1]], dim=1)
        self.register_buffer("user_hidden", user @ weights[0].T)
        self.register_buffer("movie_hidden", movie_inputs @ weights[1].T + first.bias)
        if network.has_interaction_terms:
            user_factors = torch.cat([user, network.user_feature_weights.weight], dim=1)
            factors = user_factors, movie_inputs
            biases = network.user_bias.weight[:, 0], network.movie_bias.weight[:, 0]
        else:
            factors = user.new_zeros(len(user), 1), user.new_zeros(len(movie_inputs), 1)
            biases = factors[0][:, 0], factors[1][:, 0]
        self.register_buffer("user_factors", network.deviation * factors[0])
        self.register_buffer("movie_factors", factors[1])
        self.register_buffer("user_bias", network.deviation * biases[0])
        self.register_buffer("movie_bias", network.mean + network.deviation * biases[1])
        self.layers = nn.Sequential(
            *(copy.deepcopy(layer) for layer in later if not isinstance(layer, nn.Dropout))
        )
        final = self.layers[-1]
        assert isinstance(final, nn.Linear)
        with torch.no_grad():
            final.weight.mul_(network.deviation)
            final.bias.mul_(network.deviation)

    def estimate(self, user_index: Tensor, movie_index: Tensor) -> Tensor:
        """Return ratings before they are bounded, shape (batch,)."""
        hidden = self.user_hidden[user_index] + self.movie_hidden[movie_index]
        rating: Tensor = self.layers(hidden)[:, 0]
        if not self.has_interaction_terms:  # the tables hold zeros, for SQL alone
            return rating
        factors = self.user_factors[user_index] * self.movie_factors[movie_index]
        bias = self.user_bias[user_index] + self.movie_bias[movie_index]
        return rating + bias + factors.sum(dim=1)


@torch.no_grad()
def run_in_batches(
    function: Callable[[Tensor, Tensor], Tensor], user_index: Tensor, movie_index: Tensor
) -> Tensor:
    """Return what a network, or its `estimate`, gives for many pairs, without gradients."""
    batches = zip(user_index.split(_ROWS_AT_ONCE), movie_index.split(_ROWS_AT_ONCE), strict=True)
    return torch.cat([function(*batch) for batch in batches])


def weights_of(network: FoldedNetwork) -> NetworkWeights:
    """Return a folded network as arrays, with as many layers as SQL runs.

    A shorter network ends in layers that only pass its output on.
    """
    linear = [one for one in network.layers if isinstance(one, nn.Linear)]
    layers = [
        Layer(_array(one.weight), _array(one.bias), is_rectified=one is not linear[-1])
        for one in linear
    ]
    pass_on = Layer(np.ones((1, 1), np.float32), np.zeros(1, np.float32), is_rectified=False)
    layers += [pass_on] * (MOST_HIDDEN_LAYERS - len(layers))
    tables = {name: _array(table) for name, table in network.named_buffers()}
    users, movies = (
        SideWeights(tables[f"{side}_bias"], tables[f"{side}_factors"], tables[f"{side}_hidden"])
        for side in ("user", "movie")
    )
    return NetworkWeights(users, movies, tuple(layers))


def _array(tensor: Tensor) -> Vectors:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), np.float32)


def _embedding(count: int, dimension: int, deviation: float) -> nn.Embedding:
    """Make a table of shape (count, dimension) drawn from N(0, deviation²)."""
    table = nn.Embedding(count, dimension)
    with torch.no_grad():
        table.weight.normal_(0.0, deviation)
    return table
