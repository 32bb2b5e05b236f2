"""The network: bounds, the folded form, what each term does."""

import numpy as np
import pytest
import torch

from recsys.config import PRESETS, NetworkConfig
from recsys.learning.network import FoldedNetwork, RatingNetwork

USERS, MOVIES, SCALE = 12, 9, (0.5, 5.0)
SHAPES = {
    "small": NetworkConfig(user_dimension=4, movie_dimension=4, hidden_sizes=(6, 5)),
    "plain": NetworkConfig(
        user_dimension=3, movie_dimension=5, hidden_sizes=(8, 4), has_interaction_terms=False
    ),
    "deep": NetworkConfig(user_dimension=2, movie_dimension=2, hidden_sizes=(5, 4, 3), dropout=0.5),
    "shallow": NetworkConfig(user_dimension=2, movie_dimension=2, hidden_sizes=(3,)),
}


def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    users, movies = np.indices((USERS, MOVIES)).reshape(2, -1)
    return torch.from_numpy(users), torch.from_numpy(movies)


def make_features(features: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(MOVIES, features)).astype(np.float32)


def make(config: NetworkConfig, features: int = 0, deviation: float | None = None) -> RatingNetwork:
    """Return a network in eval mode; a deviation draws every weight anew."""
    torch.manual_seed(5)
    network = RatingNetwork(
        USERS, MOVIES, SCALE, config, make_features(features) if features else None
    )
    if deviation is not None:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.normal_(0.0, deviation)
    return network.eval()


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def config(request) -> NetworkConfig:
    return request.param


@pytest.mark.parametrize("deviation", [1e-6, 1.0, 1e6])
def test_ratings_stay_inside_the_scale_whatever_the_weights(config, deviation):
    ratings = make(config, features=3, deviation=deviation)(*pairs())
    assert ratings.shape == (USERS * MOVIES,)
    assert ratings.dtype == torch.float32
    assert ratings.min() >= SCALE[0]
    assert ratings.max() <= SCALE[1]


@pytest.mark.parametrize("features", [0, 3])
def test_the_folded_network_computes_the_same(config, features):
    network = make(config, features, deviation=0.4)
    network.centre(torch.tensor([2.0, 4.0]))
    folded = FoldedNetwork(network).eval()
    with torch.no_grad():
        expected, rating = network(*pairs()), folded(*pairs())
    torch.testing.assert_close(rating, expected, rtol=0, atol=1e-5)
    inside = (expected > SCALE[0]) & (expected < SCALE[1])
    assert inside.any(), "bounds hide the comparison"


def test_the_folded_network_keeps_no_dropout():
    folded = FoldedNetwork(make(SHAPES["deep"]))
    folded.train()
    with torch.no_grad():
        assert torch.equal(folded(*pairs()), folded(*pairs()))


@pytest.mark.parametrize("count", [1, 2])
def test_a_small_batch_keeps_its_shape_and_equals_the_rows_of_a_large_one(config, count):
    network = make(config, features=3, deviation=0.4)
    users, movies = pairs()
    with torch.no_grad():
        some = network(users[:count], movies[:count])
        torch.testing.assert_close(some, network(users, movies)[:count])
    assert some.shape == (count,)


def test_the_estimate_is_the_written_formula():
    network = make(SHAPES["small"], features=3, deviation=0.5)
    user, movie = torch.tensor([4]), torch.tensor([7])
    e_u, e_m = network.user_embedding.weight[4], network.movie_embedding.weight[7]
    z, w_u = torch.from_numpy(make_features(3)[7]), network.user_feature_weights.weight[4]
    hidden = network.layers(torch.cat([e_u, e_m, z])[None])[0, 0]
    biases = network.user_bias.weight[4, 0] + network.movie_bias.weight[7, 0]
    expected = network.mean + biases + e_u @ e_m + w_u @ z + hidden
    torch.testing.assert_close(network.estimate(user, movie)[0], expected)


def test_the_plain_network_is_its_layers_alone():
    network = make(SHAPES["plain"], deviation=0.5)
    inputs = torch.cat([network.user_embedding.weight[4], network.movie_embedding.weight[7]])
    estimate = network.estimate(torch.tensor([4]), torch.tensor([7]))
    torch.testing.assert_close(estimate, network.layers(inputs[None])[:, 0])


def test_a_user_with_a_weight_for_a_feature_rates_movies_with_it_higher():
    network = make(SHAPES["small"], features=3, deviation=0.0)
    with torch.no_grad():
        network.mean.fill_(3.0)
        network.user_feature_weights.weight[2, 1] = 0.3
    every_movie = torch.arange(MOVIES)
    likes, indifferent = (network(torch.full((MOVIES,), user), every_movie) for user in (2, 3))
    torch.testing.assert_close(indifferent, torch.full((MOVIES,), 3.0))
    torch.testing.assert_close(likes, 3.0 + 0.3 * torch.from_numpy(make_features(3)[:, 1]))


def test_features_are_not_learnt_but_kept():
    network = make(SHAPES["small"], features=3)
    assert "movie_features" not in dict(network.named_parameters())
    np.testing.assert_array_equal(network.state_dict()["movie_features"], make_features(3))


def test_outside_the_bounds_the_estimate_still_teaches():
    network = make(SHAPES["small"], deviation=0.0)
    with torch.no_grad():
        network.mean.fill_(99.0)
    assert network(*pairs()).max() == SCALE[1]
    network.estimate(*pairs()).mean().backward()
    assert network.movie_bias.weight.grad.sum() == pytest.approx(1.0)


def test_start_from_reproduces_a_table_of_its_rank():
    generator = np.random.default_rng(2)
    table = 3 + generator.normal(0, 0.3, (USERS, 2)) @ generator.normal(0, 0.3, (2, MOVIES))
    network = make(SHAPES["small"], deviation=0.0)
    network.start_from(table)
    with torch.no_grad():
        ratings = network.estimate(*pairs()).reshape(USERS, MOVIES)
    np.testing.assert_allclose(ratings, table, atol=1e-5)


def test_start_from_takes_a_table_of_lower_rank_than_the_embeddings():
    config = NetworkConfig(user_dimension=20, movie_dimension=20, hidden_sizes=(4,))
    network = make(config, deviation=0.0)
    table = np.random.default_rng(2).uniform(1, 5, (USERS, MOVIES))
    network.start_from(table)
    with torch.no_grad():
        ratings = network.estimate(*pairs()).reshape(USERS, MOVIES)
    np.testing.assert_allclose(ratings, table, atol=1e-5)


def test_the_penalty_is_the_mean_squared_length_of_the_batch():
    network = make(SHAPES["small"], features=3, deviation=0.5)
    users, movies = torch.tensor([1, 1, 4]), torch.tensor([0, 5, 5])
    lengths, biases, feature_weights = network.mean_squared_lengths(users, movies)
    state = {name: weight.double().numpy() for name, weight in network.state_dict().items()}

    def squared(name: str, rows: torch.Tensor) -> np.ndarray:
        return (state[f"{name}.weight"][rows] ** 2).sum(axis=1)

    expected = squared("user_embedding", users) + squared("movie_embedding", movies)
    assert lengths.item() == pytest.approx(expected.mean())
    assert feature_weights.item() == pytest.approx(squared("user_feature_weights", users).mean())
    assert biases.item() == pytest.approx(
        (squared("user_bias", users) + squared("movie_bias", movies)).mean()
    )


def test_the_penalty_of_a_plain_network_has_no_biases():
    lengths, biases, feature_weights = make(SHAPES["plain"], deviation=0.5).mean_squared_lengths(
        *pairs()
    )
    assert lengths > 0
    assert biases == 0
    assert feature_weights == 0


def test_predictions_are_in_units_of_the_ratings_that_it_is_centred_on():
    network = make(SHAPES["small"], deviation=0.4)
    before = network.estimate(*pairs())
    ratings = torch.tensor([2.0, 10.0])
    network.centre(ratings)
    torch.testing.assert_close(network.estimate(*pairs()), 6.0 + 4.0 * before)
    network.centre(torch.tensor([3.0, 3.0]))
    torch.testing.assert_close(network.estimate(*pairs()), 3.0 + before)


def test_the_notebook_preset_is_the_network_of_the_notebook():
    preset = PRESETS["notebook"]
    network = RatingNetwork(USERS, MOVIES, SCALE, preset.network)
    assert network.user_embedding.weight.shape == (USERS, 8)
    assert network.movie_embedding.weight.shape == (MOVIES, 14)
    linear = [one for one in network.layers if isinstance(one, torch.nn.Linear)]
    assert [tuple(one.weight.shape) for one in linear] == [(200, 22), (100, 200), (1, 100)]
    training = preset.training
    assert (training.optimizer, training.learning_rate, training.weight_decay) == (
        "adam",
        1e-3,
        1e-5,
    )
    assert (training.batch_size, training.epochs, training.patience) == (64, 100, None)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_two_hidden_layers_or_more_and_folds(name):
    network = make(PRESETS[name].network, PRESETS[name].network.feature_dimension)
    assert len(PRESETS[name].network.hidden_sizes) >= 2
    with torch.no_grad():
        torch.testing.assert_close(
            FoldedNetwork(network).eval()(*pairs()), network(*pairs()), rtol=0, atol=1e-5
        )
