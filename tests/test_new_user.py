"""Somebody new: the most probable user of the frozen network, and what it recommends."""

import itertools

import numpy as np
import pytest

from recsys.data.registry import Entities, StoredModel
from recsys.data.weights import Layer, NetworkWeights, SideWeights
from recsys.serving.fold_in import _run, fold_in, introduce_user

USERS, MOVIES, FACTORS, UNITS = 30, 40, 3, 5
WIDTH = 1 + FACTORS + UNITS


def side(generator: np.random.Generator, count: int, level: float = 0.0) -> SideWeights:
    """Return weights of some users or movies, drawn at random."""
    return SideWeights(
        (level + generator.normal(0, 0.5, count)).astype(np.float32),
        generator.normal(0, 0.7, (count, FACTORS)).astype(np.float32),
        generator.normal(0, 0.8, (count, UNITS)).astype(np.float32),
    )


@pytest.fixture
def weights() -> NetworkWeights:
    """Return a network with two rectified layers after the first and one that passes on."""
    generator = np.random.default_rng(1)
    sizes = [UNITS, 4, 1, 1]
    layers = tuple(
        Layer(
            generator.normal(0, 0.6, (units, inputs)).astype(np.float32),
            generator.normal(0, 0.3, units).astype(np.float32),
            is_rectified=number == 0,
        )
        for number, (inputs, units) in enumerate(itertools.pairwise(sizes))
    )
    return NetworkWeights(side(generator, USERS), side(generator, MOVIES, level=3.0), layers)


@pytest.fixture
def linear(weights) -> NetworkWeights:
    """Return the same network, whose layers say nothing: biases and a dot product."""
    silent = Layer(np.zeros((1, UNITS), np.float32), np.zeros(1, np.float32), is_rectified=False)
    return NetworkWeights(weights.users, weights.movies, (silent,))


def predict(weights: NetworkWeights, vector: np.ndarray, movie: int) -> float:
    """Run the network for one pair, written as its definition says."""
    bias, factors, part = vector[0], vector[1 : 1 + FACTORS], vector[1 + FACTORS :]
    values = np.maximum(0, part + weights.movies.units[movie])
    for layer in weights.layers:
        values = layer.weights @ values + layer.bias
        values = np.maximum(0, values) if layer.is_rectified else values
    match = float(factors @ weights.movies.factors[movie])
    return float(values[0]) + bias + float(weights.movies.bias[movie]) + match


def vectors(weights: NetworkWeights) -> np.ndarray:
    """Return the vector of every trained user, shape (users, width)."""
    users = weights.users
    return np.hstack([users.bias[:, None], users.factors, users.units]).astype(np.float64)


def cost(weights, vector, movies, ratings, noise_variance) -> float:
    """Return minus twice the log posterior, but for a constant."""
    trained = vectors(weights)
    away = vector - trained.mean(axis=0)
    errors = ratings - [predict(weights, vector, movie) for movie in movies]
    prior = away @ np.linalg.pinv(np.cov(trained, rowvar=False)) @ away
    return float(errors @ errors / noise_variance + prior)


def test_ratings_are_those_of_the_network(weights):
    user = vectors(weights)[4]
    found, _ = _run(weights, user, np.arange(MOVIES))
    np.testing.assert_allclose(found, [predict(weights, user, movie) for movie in range(MOVIES)])


def test_the_gradient_is_that_of_finite_differences(weights):
    movies, user, step = np.arange(MOVIES), vectors(weights)[7], 1e-6
    _, gradient = _run(weights, user, movies)
    for place, direction in enumerate(np.eye(WIDTH)):
        above, _ = _run(weights, user + step * direction, movies)
        below, _ = _run(weights, user - step * direction, movies)
        np.testing.assert_allclose(gradient[:, place], (above - below) / (2 * step), atol=1e-7)


@pytest.mark.parametrize("count", [1, 2, 20])
def test_nobody_near_is_more_probable(weights, count):
    generator = np.random.default_rng(count)
    movies = generator.permutation(MOVIES)[:count]
    ratings = generator.uniform(1, 5, count)
    found = fold_in(weights, movies, ratings, 0.5)
    lowest = cost(weights, found, movies, ratings, 0.5)
    for size in (1e-3, 1e-2, 1e-1):
        for _ in range(50):
            elsewhere = found + size * generator.normal(size=WIDTH)
            assert cost(weights, elsewhere, movies, ratings, 0.5) >= lowest - 1e-3


def test_without_ratings_somebody_new_is_the_mean_user(weights):
    found = fold_in(weights, np.array([], np.int64), np.array([]), 0.5)
    np.testing.assert_allclose(found, vectors(weights).mean(axis=0))


def test_one_rating_moves_the_prediction_towards_it(weights):
    movie = np.array([3])
    before = predict(weights, vectors(weights).mean(axis=0), 3)
    found = fold_in(weights, movie, np.array([before + 1]), 0.5)
    assert before < predict(weights, found, 3) < before + 1


def test_noisier_ratings_move_it_less(weights):
    movie, mean = np.array([3]), vectors(weights).mean(axis=0)
    before = predict(weights, mean, 3)
    moved = [
        predict(weights, fold_in(weights, movie, np.array([before + 1]), noise), 3) - before
        for noise in (0.1, 1.0, 10.0)
    ]
    assert moved[0] > moved[1] > moved[2] > 0


def test_exact_ratings_recover_a_user_of_a_linear_network(linear):
    generator = np.random.default_rng(9)
    truth = np.concatenate([[0.4], generator.normal(size=FACTORS), np.zeros(UNITS)])
    everything = np.array([predict(linear, truth, movie) for movie in range(MOVIES)])
    given = np.arange(12)
    found = fold_in(linear, given, everything[given], noise_variance=1e-9)
    np.testing.assert_allclose(found[: 1 + FACTORS], truth[: 1 + FACTORS], atol=1e-4)
    held = [predict(linear, found, movie) for movie in range(12, MOVIES)]
    np.testing.assert_allclose(held, everything[12:], atol=1e-4)


def test_a_trained_user_is_found_again_by_all_their_predictions(weights):
    truth = vectors(weights)[11]
    everything, _ = _run(weights, truth, np.arange(MOVIES))
    found = fold_in(weights, np.arange(MOVIES), everything, noise_variance=1e-6)
    again, _ = _run(weights, found, np.arange(MOVIES))
    np.testing.assert_allclose(again, everything, atol=0.01)


def test_the_order_of_the_ratings_does_not_matter(weights):
    movies, ratings = np.array([5, 2, 30]), np.array([4.0, 1.0, 3.5])
    reversed_order = fold_in(weights, movies[::-1], ratings[::-1], 0.5)
    np.testing.assert_allclose(fold_in(weights, movies, ratings, 0.5), reversed_order, atol=1e-6)


def test_a_network_of_one_user_still_serves_somebody_new(weights):
    one = SideWeights(*(array[:1] for array in vars(weights.users).values()))
    lonely = NetworkWeights(one, weights.movies, weights.layers)
    found = fold_in(lonely, np.array([1, 2]), np.array([5.0, 5.0]), 0.5)
    np.testing.assert_allclose(found, vectors(weights)[0])


@pytest.fixture
def stored() -> StoredModel:
    generator = np.random.default_rng(2)
    return StoredModel(
        model_id="small",
        onnx=b"",
        data_fingerprint="",
        fit_on="train",
        valid_rmse=0.7,
        lowest_rating=0.5,
        highest_rating=5.0,
        users=Entities(
            "user", np.arange(USERS), generator.normal(size=(USERS, 4)).astype(np.float32)
        ),
        movies=Entities(
            "movie", 100 + np.arange(MOVIES), generator.normal(size=(MOVIES, 4)).astype(np.float32)
        ),
    )


@pytest.mark.parametrize("method", ["rating", "movies"])
def test_what_is_recommended_was_not_rated(stored, weights, method):
    rated = np.array([8, 3, 21])
    somebody = introduce_user(stored, weights, rated, np.array([5.0, 2.0, 4.5]))
    found = somebody.recommend(method, 10)
    assert len(found.rank) == 10
    assert not set(found.movie_index) & set(rated)
    table = somebody.predict_table(np.array([0]))
    np.testing.assert_array_equal(found.predicted_rating, table[0, found.movie_index])


def test_predictions_stay_inside_the_scale(stored, weights):
    for rating in (0.5, 5.0):
        somebody = introduce_user(stored, weights, np.arange(30), np.full(30, rating))
        assert somebody.predicted.shape == (1, MOVIES)
        assert somebody.predicted.min() >= stored.lowest_rating
        assert somebody.predicted.max() <= stored.highest_rating


def test_by_rating_the_best_predictions_come_first(stored, weights):
    somebody = introduce_user(stored, weights, np.array([0]), np.array([3.0]))
    found = somebody.recommend("rating", 5)
    assert list(found.rank) == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(
        found.predicted_rating, np.sort(somebody.predicted[0, 1:])[::-1][:5]
    )
