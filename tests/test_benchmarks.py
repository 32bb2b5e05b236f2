"""The parts of benchmarks/ that need no peer: arithmetic, tables, splits, help."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import ndcg_score

from recsys.data.warehouse import open_for_reading
from recsys.learning.dataset import load_dataset
from recsys.serving.metrics import mae

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
PROGRAMS = ["accuracy", "new_users", "scoring", "training_seeds"]


@pytest.fixture
def load(monkeypatch):
    """Return a function that imports a module of benchmarks/, as its programs do."""
    monkeypatch.syspath_prepend(BENCHMARKS)

    return importlib.import_module


@pytest.fixture
def dataset(built):
    with open_for_reading(built) as warehouse:
        return load_dataset(warehouse, torch.device("cpu"))


@pytest.fixture
def features(built):
    with open_for_reading(built) as warehouse:
        return warehouse.columns("select_movie_features")


# Programs


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_works(program):
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{program}.py"), "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "--source" in done.stdout


def test_the_readme_names_every_program_and_every_result():
    readme = (BENCHMARKS / "README.md").read_text()
    for program in PROGRAMS:
        assert f"benchmarks/{program}.py" in readme
    for result in (BENCHMARKS / "results").glob("*.md"):
        assert f"results/{result.name}" in readme


# Paired bootstrap


@pytest.fixture
def errors():
    """Return users, split seeds and two sets of errors, the second a little larger."""
    generator = np.random.default_rng(0)
    users = np.repeat(np.arange(40), 25)
    seeds = np.tile([1, 2, 3, 4, 5], 200)
    small = generator.normal(0, 1, len(users))
    return users, seeds, small, small * 1.1


def test_the_difference_is_that_of_the_means_over_splits(load, errors):
    users, seeds, small, large = errors
    found = load("comparison").paired_bootstrap(users, small, large, seeds)
    per_seed = [
        np.sqrt(np.mean(small[seeds == seed] ** 2)) - np.sqrt(np.mean(large[seeds == seed] ** 2))
        for seed in range(1, 6)
    ]
    assert found.value == pytest.approx(np.mean(per_seed))
    assert found.ci_low < found.value < found.ci_high < 0
    assert found.share_below_zero == 1.0


def test_equal_predictions_do_not_differ(load, errors):
    users, _, small, _ = errors
    found = load("comparison").paired_bootstrap(users, small, small, metric="mae")
    assert (found.value, found.ci_low, found.ci_high) == (0, 0, 0)


def test_swapping_the_two_changes_the_sign(load, errors):
    users, seeds, small, large = errors
    bootstrap = load("comparison").paired_bootstrap
    one, other = bootstrap(users, small, large, seeds), bootstrap(users, large, small, seeds)
    assert one.value == -other.value
    assert one.ci_low == pytest.approx(-other.ci_high)


def test_users_are_what_is_drawn_not_rows(load):
    # Ten users who differ a lot, each with a hundred rows that agree.
    bootstrap = load("comparison").paired_bootstrap
    shift = np.random.default_rng(1).normal(0, 1, 10)
    users, errors = np.repeat(np.arange(10), 100), np.repeat(2 + shift, 100)
    by_user = bootstrap(users, errors, np.ones(1000))
    by_row = bootstrap(np.arange(1000), errors, np.ones(1000))
    assert by_user.ci_high - by_user.ci_low > 5 * (by_row.ci_high - by_row.ci_low)


def test_arrays_must_fit_together(load):
    bootstrap = load("comparison").paired_bootstrap
    with pytest.raises(ValueError, match="one user, split and pair of errors a row"):
        bootstrap([1, 2], np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="paired_bootstrap needs"):
        bootstrap([], np.ones(0), np.ones(0))


# Ranking


def test_ndcg_is_that_of_scikit_learn(load):
    generator = np.random.default_rng(5)
    users = np.repeat(np.arange(8), 15)
    actual = generator.integers(1, 11, len(users)) / 2
    predicted = np.round(generator.uniform(1, 5, len(users)), 1)  # with ties
    expected = [
        ndcg_score(actual[None, users == user], predicted[None, users == user], k=10)
        for user in range(8)
    ]
    assert load("comparison").ndcg(users, predicted, actual) == pytest.approx(np.mean(expected))


def test_the_right_order_is_worth_one(load):
    actual = np.array([1.0, 5.0, 3.0])
    assert load("comparison").ndcg([7, 7, 7], actual, actual) == pytest.approx(1)


# Splits and features


def test_peers_get_the_rows_of_the_data_set(load, dataset):
    split = load("interactions").split_of(dataset)

    def triples(users, movies, ratings):
        return sorted(zip(users.tolist(), movies.tolist(), ratings.tolist(), strict=True))

    for name in ("train", "valid", "test"):
        ours, theirs = getattr(dataset, name), getattr(split, name)
        assert triples(ours.user_index, ours.movie_index, ours.rating) == triples(
            theirs.pairs.user_index, theirs.pairs.movie_index, theirs.rating
        )
    assert len(split.train + split.valid) == len(split.train) + len(split.valid)


def test_train_rows_are_not_sorted_for_the_peers(load, dataset):
    users = load("interactions").split_of(dataset).train.pairs.user_index
    assert (np.diff(users) < 0).any()


def test_indicators_are_one_where_a_feature_applies(load):
    feature = np.array(["genre:Drama", "year:1994", "word:toy", "genre:Drama"])
    found = load("interactions").indicators(3, np.array([0, 0, 1, 2]), feature)
    # Columns by name: decade:199, genre:Drama, word:toy, year:1994.
    assert found.matrix.tolist() == [[1, 1, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]]
    assert found.group.tolist() == [0, 1, 2, 3]


def test_the_kernel_of_the_peers_is_the_networks_own(load, dataset, features):
    interactions = load("interactions")
    found = interactions.features_of(dataset, features)
    z = dataset.features.eigenfeatures(interactions.KERNEL_DIMENSIONS)
    np.testing.assert_array_equal(found["kernel"].matrix, z.astype(np.float64))
    bare = load("networks").without_metadata(dataset)
    assert interactions.features_of(bare, features) == {}


def test_without_metadata_nothing_but_the_features_is_gone(load, dataset):
    bare = load("networks").without_metadata(dataset)
    assert bare.features.is_empty
    assert bare.train is dataset.train


# Tables


def test_the_best_peer_is_none_of_ours(load):
    outcomes = load("outcomes")
    rows = {
        seed: outcomes.TestRows(np.array([1, 1, 2]), np.array([3.0, 4.0, 5.0])) for seed in (1, 2)
    }

    def outcome(method, seed, error, *, is_ours=False, has_metadata=False):
        predictions = dict.fromkeys(outcomes.FITS, rows[seed].rating + error)
        return outcomes.Outcome(
            method, is_ours, has_metadata, seed, predictions, "–", None if is_ours else 1.0, 2.0
        )

    results = outcomes.Results(
        [
            one
            for seed in (1, 2)
            for one in (
                outcome("peer", seed, 0.2),
                outcome("told peer", seed, -0.1, has_metadata=True),
                outcome("ours", seed, 0.05, is_ours=True),
            )
        ],
        rows,
    )
    assert results.best_peer("train", with_metadata=True) == "told peer"
    assert results.best_peer("train", with_metadata=False) == "peer"
    ratios = outcomes.ratio_table(results)
    assert "| ours | train | all | told peer | 0.5000 | 0.5000 | 1.0000 |" in ratios
    assert "| ours | train | without metadata | peer | 0.2500 | 0.2500 | 1.0000 |" in ratios
    assert "| ours | train | told peer | -0.0500 | -0.0500 … -0.0500 | 1.000 |" in (
        outcomes.difference_table(results, ["ours"])
    )
    assert "| 2.00 | in the fit |" in outcomes.mean_table(results)
    assert outcomes.seed_table(results, mae).count("| 0.2000 | 0.2000 |") == 2


def test_a_table_is_markdown(load):
    tables = load("tables")
    assert tables.markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert "no-such-package not installed" in tables.circumstances(["no-such-package"])


# Newcomers


def test_groups_are_disjoint_and_their_ratings_halved(load, dataset):
    newcomers = load("newcomers")
    seen: set[int] = set()
    for group in range(newcomers.group_count(dataset)):
        ten = newcomers.choose_newcomers(dataset, group)
        assert len(ten.user_index) == 10
        assert not seen & set(ten.user_index.tolist())
        seen |= set(ten.user_index.tolist())
        for user in ten.user_index:
            given = ten.given.pairs.movie_index[ten.given.pairs.user_index == user]
            held = ten.held.pairs.movie_index[ten.held.pairs.user_index == user]
            assert len(held) - len(given) in (0, 1)
            assert not set(given) & set(held)


def test_nothing_of_the_newcomers_is_left(load, dataset):
    newcomers = load("newcomers")
    ten = newcomers.choose_newcomers(dataset, 0)
    others = newcomers.without(dataset, ten)
    assert not set(dataset.user_ids[ten.user_index]) & set(others.user_ids)
    for part in ("train", "valid", "test"):
        before, after = getattr(dataset, part), getattr(others, part)
        stays = ~np.isin(before.user_index.numpy(), ten.user_index)
        np.testing.assert_array_equal(
            others.user_ids[after.user_index.numpy()],
            dataset.user_ids[before.user_index.numpy()[stays]],
        )
        np.testing.assert_array_equal(after.rating, before.rating.numpy()[stays])


def test_what_is_held_is_never_trained_on(load, dataset):
    newcomers = load("newcomers")
    ten = newcomers.choose_newcomers(dataset, 1)
    known = newcomers.with_given(dataset, ten)
    pairs = {
        (user, movie)
        for part in (known.train, known.valid)
        for user, movie in zip(part.user_index.tolist(), part.movie_index.tolist(), strict=True)
    }
    held = zip(ten.held.pairs.user_index.tolist(), ten.held.pairs.movie_index.tolist(), strict=True)
    given = zip(
        ten.given.pairs.user_index.tolist(), ten.given.pairs.movie_index.tolist(), strict=True
    )
    assert not pairs & set(held)
    assert set(given) <= pairs


def test_the_damped_bias_shrinks_towards_the_mean(load):
    interactions, newcomers = load("interactions"), load("newcomers")
    pairs = interactions.Pairs

    others = interactions.Ratings(
        pairs(np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])), np.array([4.0, 4.0, 2.0, 2.0])
    )
    given = interactions.Ratings(pairs(np.array([2]), np.array([0])), np.array([5.0]))
    asked = pairs(np.array([2, 2]), np.array([0, 1]))
    # Mean 3; movies ± 2/(2+2); the newcomer is 5 - 3.5 above, halved by 2 of damping to 0.5.
    found = newcomers.damped_bias(others, given, asked, damping=2.0)
    np.testing.assert_allclose(found, [3 + 0.5 + 0.5, 3 - 0.5 + 0.5])


# Peers


@pytest.mark.parametrize(
    ("library", "method", "params"),
    [
        ("surprise", "bias", {"reg_i": 2, "reg_u": 5}),
        ("surprise", "svd", {"n_factors": 5, "n_epochs": 3, "reg_all": 0.1}),
        ("lenskit", "biased_mf", {"embedding_size": 5, "regularization": 0.1}),
        ("myfm", "myfm", {"rank": 2, "beta_0": 0.01}),
    ],
)
def test_a_peer_beats_the_mean(load, dataset, library, method, params):
    pytest.importorskip(library)
    split = load("interactions").split_of(dataset)
    found = getattr(load("libraries"), method)(split.train, split.valid.pairs, params)
    constant = split.valid.rating - split.train.rating.mean()
    assert np.mean((found - split.valid.rating) ** 2) < np.mean(constant**2)


def test_valid_chooses_the_better_point(load, dataset):
    peers = load("peers")
    split = load("interactions").split_of(dataset)

    def shifted(train, pairs, params):
        return np.full(len(pairs), train.rating.mean() + params["shift"])

    peer = peers.Peer("shifted", shifted, {"shift": [1.0, 0.0, -1.0]})
    assert peers.select_on_valid(peer, split).params == {"shift": 0.0}


def test_predictions_of_a_peer_stay_inside_the_scale(load, dataset):
    peers = load("peers")
    split = load("interactions").split_of(dataset)
    peer = peers.Peer("wild", lambda train, pairs, params: np.full(len(pairs), 99.0), {})
    found = peers.predict(peer, split.train, split.test.pairs, {}, split)
    assert (found == split.scale[1]).all()
