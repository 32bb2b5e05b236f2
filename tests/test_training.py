"""Training: what is learnt, when it stops, that it can be repeated."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
import torch

from recsys.config import PRESETS, NetworkConfig, Preset, TrainingConfig
from recsys.errors import (
    DistillationShapeError,
    DivergedError,
    EmbeddingDimensionsError,
    TeacherTooLargeError,
)
from recsys.learning import training
from recsys.learning.dataset import Dataset, Interactions
from recsys.learning.features import encode_features
from recsys.learning.network import RatingNetwork
from recsys.learning.training import adapt, choose_preset, fit, refit

USERS, MOVIES = 16, 20
SHAPE = NetworkConfig(user_dimension=4, movie_dimension=4, hidden_sizes=(16, 8))
DIRECT = TrainingConfig(
    is_distilled=False,
    learning_rate=2e-2,
    has_one_cycle=False,
    weight_decay=0.0,
    embedding_decay=0.0,
    batch_size=32,
    epochs=30,
)
DISTILLED = replace(DIRECT, is_distilled=True)


def interactions(table: np.ndarray, cells: np.ndarray) -> Interactions:
    users, movies = np.nonzero(cells)
    return Interactions(
        torch.from_numpy(users),
        torch.from_numpy(movies),
        torch.from_numpy(table[users, movies].astype(np.float32)),
    )


def make_dataset(table: np.ndarray) -> Dataset:
    """Return ratings dealt to train (60 %), valid and test (20 % each)."""
    deal = np.random.default_rng(0).random(table.shape)
    users, movies = table.shape
    nothing = np.zeros(0)
    return Dataset(
        train=interactions(table, deal < 0.6),
        valid=interactions(table, (deal >= 0.6) & (deal < 0.8)),
        test=interactions(table, deal >= 0.8),
        user_ids=np.arange(users) + 100,
        movie_ids=np.arange(movies) + 900,
        features=encode_features(
            movies, nothing.astype(np.int64), nothing.astype(np.str_), nothing
        ),
        lowest_rating=1.0,
        highest_rating=5.0,
        fingerprint="of no warehouse",
    )


@pytest.fixture
def noisy() -> Dataset:
    """Return ratings that a network can learn by heart and not predict."""
    return make_dataset(np.random.default_rng(1).integers(1, 6, (USERS, MOVIES)))


@pytest.fixture
def checkerboard() -> Dataset:
    """Return ratings of 5 where user and movie are both even or both odd, else 1."""
    users, movies = np.indices((USERS, MOVIES))
    return make_dataset(np.where((users + movies) % 2 == 0, 5, 1))


def weights(network: RatingNetwork) -> list[torch.Tensor]:
    return list(network.state_dict().values())


def are_equal(one: Iterable[torch.Tensor], other: Iterable[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@torch.no_grad()
def measure(network: RatingNetwork, rows: Interactions) -> float:
    difference = network(rows.user_index, rows.movie_index) - rows.rating
    return difference.square().mean().sqrt().item()


# What is learnt


@pytest.mark.parametrize("name", ["notebook", "direct"])
def test_a_network_that_nothing_holds_back_learns_a_tiny_data_set_by_heart(noisy, name):
    shape = replace(PRESETS[name].network, dropout=0.0, embedding_dropout=0.0)
    config = replace(
        PRESETS["notebook"].training, learning_rate=5e-3, weight_decay=0.0, embedding_decay=0.0
    )
    history = fit(noisy, shape, config).history
    assert history[0].train_loss > 1.0
    assert history[-1].train_loss < 0.01
    assert history[-1].valid_loss > 1.0, "there is nothing to predict in these ratings"


@pytest.mark.parametrize("config", [DIRECT, DISTILLED], ids=["direct", "distilled"])
def test_it_finds_the_colours_of_a_checkerboard(checkerboard, config):
    done = fit(checkerboard, SHAPE, replace(config, epochs=60))
    assert measure(done.network, checkerboard.test) < 0.5


@pytest.mark.parametrize("config", [DIRECT, DISTILLED], ids=["direct", "distilled"])
def test_it_starts_from_a_sensible_place(checkerboard, config):
    """The mean rating, or what the teacher says, and not from zero stars."""
    still = fit(checkerboard, SHAPE, replace(config, epochs=1, learning_rate=1e-9))
    assert measure(still.network, checkerboard.train) < 2.2  # the mean alone: 2.0


def test_a_distilled_network_comes_close_to_its_teacher(noisy):
    done = fit(noisy, SHAPE, replace(DISTILLED, epochs=60))
    users, movies = (torch.from_numpy(one) for one in np.indices((USERS, MOVIES)).reshape(2, -1))
    learnt = done.network.estimate(users, movies).detach().numpy()
    assert np.sqrt(((learnt - done.teacher.expected.ravel()) ** 2).mean()) < 0.2


def test_a_penalty_keeps_the_embeddings_short(noisy):
    free = fit(noisy, SHAPE, DIRECT).network
    held = fit(noisy, SHAPE, replace(DIRECT, embedding_penalty=1.0, bias_penalty=1.0)).network
    assert held.user_embedding.weight.norm() < 0.5 * free.user_embedding.weight.norm()
    assert held.user_bias.weight.norm() < free.user_bias.weight.norm()


# That it can be repeated


@pytest.mark.parametrize("config", [DIRECT, DISTILLED], ids=["direct", "distilled"])
def test_the_same_seed_gives_the_same_weights_and_another_gives_others(noisy, config):
    shape = replace(SHAPE, dropout=0.3, embedding_dropout=0.2)
    first = fit(noisy, shape, config)
    torch.rand(7)  # what others draw does not matter
    again, other = fit(noisy, shape, config), fit(noisy, shape, replace(config, seed=1))
    assert are_equal(weights(first.network), weights(again.network))
    assert not are_equal(weights(first.network), weights(other.network))


def test_torch_is_left_as_it_was(noisy):
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    fit(noisy, SHAPE, DIRECT)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


# When it stops, and what is kept


def test_the_best_epoch_is_kept(noisy):
    done = fit(noisy, SHAPE, replace(DIRECT, keeps_best_epoch=True))
    errors = [one.valid_rmse for one in done.history]
    assert len(errors) == DIRECT.epochs
    assert done.best_epoch == 1 + int(np.argmin(errors)) < DIRECT.epochs
    assert done.valid_rmse == min(errors)
    assert measure(done.network, noisy.valid) == pytest.approx(min(errors), abs=1e-6)


def test_it_stops_early_after_as_many_worse_epochs_as_its_patience(noisy):
    done = fit(noisy, SHAPE, replace(DIRECT, epochs=200, patience=3, keeps_best_epoch=True))
    assert len(done.history) == done.best_epoch + 3 < 200


def test_without_patience_the_last_epoch_is_reached_and_may_be_kept(noisy):
    done = fit(noisy, SHAPE, DIRECT)
    assert done.best_epoch == len(done.history) == DIRECT.epochs
    last = done.history[-1].valid_rmse
    assert last > min(one.valid_rmse for one in done.history)
    assert measure(done.network, noisy.valid) == pytest.approx(last, abs=1e-6)


def test_the_notebook_preset_never_stops_early_and_keeps_its_last_epoch(noisy):
    preset = PRESETS["notebook"]
    done = fit(noisy, preset.network, replace(preset.training, epochs=30))
    assert done.best_epoch == len(done.history) == 30


def test_the_history_is_complete_and_the_network_ready_to_serve(noisy):
    heard = []
    done = fit(noisy, replace(SHAPE, dropout=0.5), DIRECT, heard.append)
    assert heard == done.history
    assert [one.epoch for one in heard] == list(range(1, len(heard) + 1))
    assert [one.seconds for one in heard] == sorted(one.seconds for one in heard)
    for one in heard:
        assert one.learning_rate == DIRECT.learning_rate
        assert 0 < one.valid_mae <= one.valid_rmse <= np.sqrt(one.valid_loss) + 1e-6
    assert not done.network.training


def test_one_cycle_warms_up_and_anneals_to_nothing(noisy):
    config = replace(DIRECT, has_one_cycle=True, warm_up=0.25)
    rates = [one.learning_rate for one in fit(noisy, SHAPE, config).history]
    assert rates[0] < max(rates) == pytest.approx(config.learning_rate, rel=0.05)
    assert rates.index(max(rates)) + 1 == round(0.25 * config.epochs)
    assert rates[-1] < 1e-3 * config.learning_rate


def test_a_listener_may_end_the_training(noisy):
    def stop(record: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(noisy, SHAPE, DIRECT, stop)


def test_an_absurd_learning_rate_is_a_foreseen_error(noisy):
    with pytest.raises(DivergedError, match="not finite by epoch") as caught:
        fit(noisy, SHAPE, replace(DIRECT, learning_rate=1e30))
    for name in PRESETS:  # the remedy names those that there are, and no other
        assert name in caught.value.remedy
    assert "default" not in caught.value.remedy


def test_interaction_terms_of_embeddings_of_two_sizes_are_refused():
    with pytest.raises(EmbeddingDimensionsError, match=r"is 8 while .* is 14") as caught:
        NetworkConfig(user_dimension=8, movie_dimension=14)
    assert "has_interaction_terms" in caught.value.remedy
    NetworkConfig(user_dimension=8, movie_dimension=14, has_interaction_terms=False)


def test_distilling_into_a_network_without_interaction_terms_is_refused():
    plain = PRESETS["notebook"].network
    with pytest.raises(DistillationShapeError, match="'odd' is distilled") as caught:
        Preset("odd", plain, DISTILLED)
    assert "is_distilled" in caught.value.remedy
    Preset("odd", plain, DIRECT)


# Train and valid together


def test_refitting_learns_valid_too_for_as_many_epochs_as_were_best(checkerboard, monkeypatch):
    config = replace(DIRECT, epochs=8, patience=1, keeps_best_epoch=True)
    chosen = fit(checkerboard, SHAPE, config)
    seen: list[tuple[int, int]] = []

    def listen(dataset, *arguments, **options):
        again = fit(dataset, *arguments, **options)
        seen.append((len(dataset.train), len(again.history)))
        return again

    monkeypatch.setattr(training, "fit", listen)
    final = refit(checkerboard, chosen, SHAPE, config)
    both = len(checkerboard.train) + len(checkerboard.valid)
    assert seen == [(both, chosen.best_epoch)]
    assert (final.history, final.best_epoch) == (chosen.history, chosen.best_epoch)
    assert final.seconds > chosen.seconds
    assert measure(final.network, checkerboard.valid) < chosen.valid_rmse


def test_the_last_epoch_may_be_earlier_at_the_same_learning_rates(noisy):
    config = replace(DIRECT, has_one_cycle=True)
    rates = [one.learning_rate for one in fit(noisy, SHAPE, config).history]
    short = fit(noisy, SHAPE, config, last_epoch=5)
    assert [one.learning_rate for one in short.history] == rates[:5]


def test_refitting_a_distilled_network_asks_the_teacher_again(noisy):
    config = replace(DISTILLED, epochs=40)
    chosen = fit(noisy, SHAPE, config)
    final = refit(noisy, chosen, SHAPE, config)
    assert measure(final.network, noisy.valid) < measure(chosen.network, noisy.valid)
    assert not final.network.training


# What the data can afford


def test_a_small_catalogue_gets_a_teacher(noisy):
    assert choose_preset(noisy).name == "distilled"
    assert adapt(DISTILLED, noisy) == DISTILLED


def test_a_large_catalogue_is_learnt_from_directly(noisy):
    large = replace(noisy, user_ids=np.arange(10_000), movie_ids=np.arange(10_000))
    assert choose_preset(large).name == "direct"
    with pytest.raises(TeacherTooLargeError, match="10000 users and 10000 movies"):
        adapt(DISTILLED, large)


def test_a_dense_table_is_too_much_for_a_teacher_as_well(noisy):
    """Few cells but many ratings a row: an EM step inverts a matrix a row."""
    row = torch.arange(2000)
    every = Interactions(
        row.repeat_interleave(1000), torch.arange(1000).repeat(2000), torch.ones(2_000_000)
    )
    dense = replace(noisy, user_ids=np.arange(2000), movie_ids=np.arange(1000), train=every)
    assert choose_preset(dense).name == "direct"


@pytest.mark.parametrize(
    ("rating_count", "steps", "expected"),
    [(1_000, 50, 32), (100_000, 50, 2_000), (10_000_000, 50, 2_048), (100_000, None, 32)],
)
def test_many_ratings_take_larger_batches(noisy, rating_count, steps, expected):
    column = torch.zeros(rating_count, dtype=torch.int64)
    many = noisy.with_train(Interactions(column, column, column.float()))
    config = replace(DIRECT, steps_per_epoch=steps)
    assert adapt(config, many).batch_size == expected


def test_a_teachers_large_table_is_passed_over_less_often(noisy):
    large = replace(noisy, user_ids=np.arange(1000), movie_ids=np.arange(300))
    assert adapt(PRESETS["distilled"].training, large).epochs == 13  # 4 million cells seen
