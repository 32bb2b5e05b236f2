"""Movie features: a kernel that says who is alike, and vectors that stand for it."""

import numpy as np
import pytest

from recsys.config import FeatureConfig
from recsys.learning.features import MovieFeatures, encode_features, principal_components

Row = tuple[int, str, float]

# Movies 0 and 1 are alike in all respects, 2 shares nothing with them, 3 is unknown.
ROWS: list[Row] = [
    (0, "genre:Action", 1.0),
    (0, "genre:Crime", 2.0),
    (0, "year:1995", 1.0),
    (0, "word:heat", 1.0),
    (1, "genre:Action", 1.0),
    (1, "genre:Crime", 2.0),
    (1, "year:1996", 1.0),
    (1, "word:heat", 1.0),
    (2, "genre:Musical", 1.0),
    (2, "year:1952", 1.0),
    (2, "word:rain", 3.0),
]


def encode(rows: list[Row], movie_count: int = 4, **settings: float) -> MovieFeatures:
    return encode_features(
        movie_count,
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.str_),
        np.array([row[2] for row in rows], np.float64),
        FeatureConfig(**settings),
    )


def test_the_kernels_are_such_and_normalised():
    kernels = encode(ROWS).kernels()
    assert len(kernels) == 2
    for kernel in kernels:
        assert kernel.shape == (4, 4)
        np.testing.assert_allclose(kernel, kernel.T)
        assert np.linalg.eigvalsh(kernel).min() > -1e-9
        assert kernel.diagonal().mean() == pytest.approx(1.0)


def test_without_words_a_movie_varies_as_much_and_shares_less():
    rows = [(0, "word:heat", 1.0), (1, "word:heat", 1.0), (2, "word:rain", 1.0)]
    told, untold = encode([*rows, *((movie, "genre:Drama", 1.0) for movie in (0, 2))]).kernels()
    np.testing.assert_allclose(told.diagonal(), untold.diagonal())
    assert told[0, 1] > untold[0, 1]
    genres = encode([(movie, "genre:Drama", 1.0) for movie in (0, 2)]).kernels()[0]
    off_diagonal = ~np.eye(4, dtype=bool)
    # Genres alone, in other units: the same pattern.
    ratio = untold[off_diagonal] / genres[off_diagonal]
    np.testing.assert_allclose(ratio, ratio[0])


def test_a_level_that_all_movies_share_is_left_to_the_biases():
    factors = encode(ROWS).factors
    np.testing.assert_allclose(factors.sum(axis=0), 0.0, atol=1e-12)


@pytest.mark.parametrize(
    "weights",
    [
        {"genre_weight": 1.0, "year_weight": 0.0, "word_weight": 0.0},
        {"genre_weight": 0.0, "year_weight": 1.0, "word_weight": 0.0},
        {"genre_weight": 0.0, "year_weight": 0.0, "word_weight": 1.0},
        {},
    ],
    ids=["genres", "years", "words", "all"],
)
def test_each_part_finds_the_movies_that_are_alike(weights):
    kernel = encode(ROWS, **weights).kernels()[0]
    assert kernel[0, 1] > kernel[0, 2]
    assert kernel[0, 1] > kernel[0, 3]


def test_likeness_falls_with_the_distance_in_years():
    years = np.array([1990, 1992, 2000, 2020])
    rows = [(movie, f"year:{year}", 1.0) for movie, year in enumerate(years)]
    kernel = encode(rows, genre_weight=0.0, word_weight=0.0).kernels()[0]
    # Centring moves every value of the kernel, and no distance between two movies.
    distance = kernel[0, 0] + kernel.diagonal() - 2 * kernel[0]
    expected = 1 - np.exp(-(years - 1990) / FeatureConfig().year_scale)
    np.testing.assert_allclose(distance / distance[3], expected / expected[3], atol=1e-9)


def test_the_order_of_the_rows_does_not_matter():
    one, other = encode(ROWS), encode(ROWS[::-1])
    np.testing.assert_array_equal(one.factors, other.factors)
    np.testing.assert_array_equal(one.eigenfeatures(3), other.eigenfeatures(3))


@pytest.mark.parametrize("rows", [[], [(0, "genre:Drama", 1.0), (1, "genre:Drama", 1.0)]])
def test_movies_that_do_not_differ_have_no_features(rows):
    features = encode(rows, movie_count=2)
    assert features.is_empty
    assert features.kernels() == []
    np.testing.assert_array_equal(features.eigenfeatures(5), np.zeros((2, 5), np.float32))


def test_words_beyond_the_limit_still_count_for_a_movies_own_variance():
    rows = [(movie, f"word:w{movie}", 1.0) for movie in range(6)]
    rows += [(movie, "word:shared", 1.0) for movie in range(1, 6)]
    config = {"genre_weight": 0.0, "year_weight": 0.0}
    cut = encode(rows, movie_count=6, max_words=1, **config)
    assert cut.factors.shape == (6, 1)
    assert (cut.remainder > 0).all()
    assert cut.kernels()[0].diagonal().mean() == pytest.approx(1.0)


def test_a_movie_without_a_title_is_not_thought_to_be_like_the_average():
    features = encode(ROWS)  # of movie 3 nothing is known
    assert features.remainder[3] == features.remainder.max() > 0


def test_a_genre_counts_alike_however_rare_it_is():
    rare = [(movie, feature, 9.0 if "Crime" in feature else one) for movie, feature, one in ROWS]
    np.testing.assert_array_equal(encode(rare).genre_year_factors, encode(ROWS).genre_year_factors)


def test_title_words_are_no_part_of_the_components_of_genres_and_years():
    other_words = [(movie, feature, one) for movie, feature, one in ROWS if "word" not in feature]
    one, other = (
        principal_components(encode(rows).genre_year_factors, 2) for rows in (ROWS, other_words)
    )
    assert one.shape == (4, 2)
    np.testing.assert_allclose(one / one[0], other / other[0])  # the unit may differ


def test_eigenfeatures_are_the_best_approximation_of_their_size():
    features = encode(ROWS)
    gram = features.factors @ features.factors.T
    values, vectors = np.linalg.eigh(gram)
    for dimensions in (1, 2):
        best = (vectors[:, -dimensions:] * values[-dimensions:]) @ vectors[:, -dimensions:].T
        z = features.eigenfeatures(dimensions)
        assert (z.shape, z.dtype) == ((4, dimensions), np.float32)
        np.testing.assert_allclose(z @ z.T, best, atol=1e-5)


def test_eigenfeatures_are_padded_and_their_signs_are_fixed():
    z = encode(ROWS).eigenfeatures(40)
    assert z.shape == (4, 40)
    assert not z[:, 20:].any()
    largest = z[np.abs(z).argmax(axis=0), np.arange(40)]
    assert (largest >= 0).all()
