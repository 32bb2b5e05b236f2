"""Fold-in: what somebody new is expected to give, and what they are recommended."""

from dataclasses import dataclass

import numpy as np
import pytest

from recsys.data.registry import Entities, StoredModel
from recsys.serving.fold_in import Prior, fit_prior
from recsys.serving.recommendation import Recommendations, recommend_for_ratings
from recsys.serving.scoring import LoadedModel

USERS, MOVIES, RANK = 30, 40, 4
NOISE = 0.5


@pytest.fixture
def predicted() -> np.ndarray:
    """Return what a model would predict for its users, of a low rank, shape (users, movies)."""
    generator = np.random.default_rng(1)
    tastes = generator.normal(0, 0.6, (USERS, RANK))
    return 3.5 + tastes @ generator.normal(0, 0.7, (RANK, MOVIES))


@pytest.fixture
def stored() -> StoredModel:
    generator = np.random.default_rng(2)
    return StoredModel(
        model_id="small",
        onnx=b"",
        data_fingerprint="",
        fit_on="train",
        valid_rmse=NOISE**0.5,
        lowest_rating=0.5,
        highest_rating=5.0,
        users=Entities(
            "user", np.arange(USERS), generator.normal(size=(USERS, 4)).astype(np.float32)
        ),
        movies=Entities(
            "movie", 100 + np.arange(MOVIES), generator.normal(size=(MOVIES, 4)).astype(np.float32)
        ),
    )


@dataclass(frozen=True)
class TableScorer:
    """A scorer that looks ratings up."""

    table: np.ndarray

    def predict(self, user_index: np.ndarray, movie_index: np.ndarray) -> np.ndarray:
        return self.table[user_index, movie_index]


@pytest.fixture
def prior(stored, predicted) -> Prior:
    return fit_prior(LoadedModel(stored, TableScorer(predicted)))


def test_the_prior_has_the_moments_of_the_predictions(prior, predicted):
    np.testing.assert_allclose(prior.mean, predicted.mean(axis=0))
    np.testing.assert_allclose(prior.factors.T @ prior.factors, np.cov(predicted, rowvar=False))
    assert prior.noise_variance == pytest.approx(NOISE)


@pytest.mark.parametrize("count", [1, 2, 20, MOVIES])
def test_the_expectation_is_that_of_the_conditional_gaussian(prior, predicted, count):
    """By the textbook formula on the whole covariance, with noise on the diagonal."""
    generator = np.random.default_rng(count)
    movies, ratings = generator.permutation(MOVIES)[:count], generator.uniform(1, 5, count)
    covariance = np.cov(predicted, rowvar=False)
    seen = covariance[np.ix_(movies, movies)] + NOISE * np.eye(count)
    gain = covariance[:, movies] @ np.linalg.inv(seen)
    expected = prior.mean + gain @ (ratings - prior.mean[movies])
    np.testing.assert_allclose(prior.expect(movies, ratings), expected)


def test_without_ratings_somebody_new_is_the_mean_user(prior):
    np.testing.assert_allclose(prior.expect(np.array([], np.int64), np.array([])), prior.mean)


def test_one_rating_moves_the_prediction_towards_it(prior):
    before = prior.mean[3]
    found = prior.expect(np.array([3]), np.array([before + 1]))
    assert before < found[3] < before + 1


def test_noisier_ratings_move_it_less(prior):
    movie, rating = np.array([3]), np.array([prior.mean[3] + 1])
    moved = [
        Prior(prior.mean, prior.factors, noise).expect(movie, rating)[3] - prior.mean[3]
        for noise in (0.1, 1.0, 10.0)
    ]
    assert moved[0] > moved[1] > moved[2] > 0


def test_exact_ratings_recover_a_trained_user(prior, predicted):
    exact = Prior(prior.mean, prior.factors, 1e-9)
    given = np.arange(12)
    np.testing.assert_allclose(exact.expect(given, predicted[11, given]), predicted[11], atol=1e-4)


def test_the_order_of_the_ratings_does_not_matter(prior):
    movies, ratings = np.array([5, 2, 30]), np.array([4.0, 1.0, 3.5])
    np.testing.assert_allclose(
        prior.expect(movies, ratings), prior.expect(movies[::-1], ratings[::-1])
    )


def test_a_model_of_one_user_still_serves_somebody_new(stored, predicted):
    one = Entities("user", np.array([1]), stored.users.embeddings[:1])
    lonely = StoredModel(**(vars(stored) | {"users": one}))
    prior = fit_prior(LoadedModel(lonely, TableScorer(predicted[:1])))
    found = prior.expect(np.array([1, 2]), np.array([5.0, 5.0]))
    np.testing.assert_allclose(found, predicted[0])


def test_many_users_are_sampled_and_always_the_same(stored, predicted, monkeypatch):
    monkeypatch.setattr("recsys.serving.fold_in._MOST_USERS", 7)
    priors = [fit_prior(LoadedModel(stored, TableScorer(predicted))) for _ in range(2)]
    assert priors[0].factors.shape == (7, MOVIES)
    np.testing.assert_array_equal(priors[0].factors, priors[1].factors)


@pytest.fixture
def recommended(stored, prior):
    """Return a function that recommends to somebody with some ratings."""

    def recommend_to(movies: list[int], ratings: list[float], method: str) -> Recommendations:
        given = np.array(movies), np.array(ratings)
        return recommend_for_ratings(stored, prior.expect(*given), *given, method, 10)

    return recommend_to


@pytest.mark.parametrize("method", ["rating", "movies"])
def test_what_is_recommended_was_not_rated(recommended, prior, method):
    found = recommended([8, 3, 21], [5.0, 2.0, 4.5], method)
    assert len(found.rank) == 10
    assert not set(found.movie_index) & {8, 3, 21}
    expected = prior.expect(np.array([8, 3, 21]), np.array([5.0, 2.0, 4.5])).clip(0.5, 5.0)
    np.testing.assert_allclose(found.predicted_rating, expected[found.movie_index], rtol=1e-6)


@pytest.mark.parametrize("rating", [0.5, 5.0])
def test_predictions_stay_inside_the_scale(recommended, stored, rating):
    found = recommended(list(range(30)), [rating] * 30, "rating")
    assert found.predicted_rating.min() >= stored.lowest_rating
    assert found.predicted_rating.max() <= stored.highest_rating


def test_by_rating_the_best_predictions_come_first(recommended):
    found = recommended([0], [3.0], "rating")
    assert found.rank.tolist() == list(range(1, 11))
    assert (np.diff(found.predicted_rating) <= 0).all()
    assert found.is_confirmed.tolist() == (found.predicted_rating >= 3.0).tolist()
