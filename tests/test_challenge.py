"""A tuned configuration against the current model."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recsys.config import PRESETS, NetworkConfig, Preset, TrainingConfig, TrainingOptions
from recsys.data.warehouse import open_for_reading, open_for_writing
from recsys.errors import WarehouseChangedError
from recsys.learning.dataset import Dataset, choose_device, load_dataset
from recsys.learning.model import create_model
from recsys.pipeline import TrainingOutcome, publish_as_decided
from recsys.tuning.challenge import Comparison, add_reference, challenge
from recsys.tuning.search_space import preset_from


@pytest.fixture
def dataset(built: Path) -> Dataset:
    with open_for_reading(built) as warehouse:
        return load_dataset(warehouse, choose_device("cpu"))


def compared(path: Path, dataset: Dataset, tuned: Preset) -> TrainingOutcome:
    return challenge(path, dataset, tuned, seeds=(0, 1), study="a study", device="cpu")


def current_model(path: Path) -> dict[str, str]:
    with open_for_reading(path) as warehouse:
        return warehouse.row("select_model_recipe")


USER = np.repeat(np.arange(20), 5)
SIGN = np.where(np.arange(100) % 2, 1.0, -1.0)


def comparison_of(tuned: list[float], current: list[float]) -> Comparison:
    """Compare errors of one size for all ratings, a size for each seed."""
    sides = (np.outer(sizes, SIGN) for sizes in (tuned, current))
    return Comparison(*sides, USER)


def test_a_gain_beyond_the_spread_that_all_users_share_wins() -> None:
    comparison = comparison_of([0.70, 0.71], [0.75, 0.76])
    assert comparison.gain == pytest.approx(0.05)
    assert comparison.least_gain == pytest.approx(0.05, abs=1e-3)
    assert comparison.is_better


def test_a_gain_within_the_spread_does_not() -> None:
    comparison = comparison_of([0.70, 0.76], [0.72, 0.76])
    assert comparison.gain == pytest.approx(0.01)
    assert comparison.spread > comparison.gain
    assert not comparison.is_better


def test_a_gain_that_a_few_users_bring_does_not() -> None:
    """One user gains much, and everybody else loses a little: other users could all lose."""
    current = np.full((2, 100), 0.70)
    tuned = np.where(USER == 0, 0.1, 0.705) * np.ones((2, 1))
    comparison = Comparison(tuned, current, USER)
    assert comparison.gain > comparison.spread == 0.0
    assert comparison.least_gain < 0
    assert not comparison.is_better


def test_the_least_gain_is_that_of_a_bootstrap_over_users() -> None:
    generator, user = np.random.default_rng(5), np.repeat(np.arange(100), 5)
    tuned, current = generator.normal(0, 0.7, (1, 500)), generator.normal(0, 0.75, (1, 500))
    draws = []
    for _ in range(2000):
        rows = np.concatenate(
            [np.flatnonzero(one == user) for one in generator.integers(0, 100, 100)]
        )
        rmse = [np.sqrt((side[0, rows] ** 2).mean()) for side in (tuned, current)]
        draws.append(rmse[1] - rmse[0])
    expected = np.quantile(draws, 0.025)
    assert Comparison(tuned, current, user).least_gain == pytest.approx(expected, abs=0.01)


def test_a_configuration_that_fails_does_not_win() -> None:
    assert not comparison_of([0.70, float("inf")], [0.75, 0.76]).is_better


def test_the_same_configuration_is_not_promoted_again(built: Path, dataset: Dataset) -> None:
    before = current_model(built)
    same = preset_from("again", json.loads(before["hyperparameters"]))
    outcome = compared(built, dataset, same)
    assert not outcome.is_promoted
    assert "same configuration" in outcome.reason
    assert current_model(built) == before


@pytest.mark.slow
def test_a_worse_configuration_is_stored_and_not_promoted(built: Path, dataset: Dataset) -> None:
    before = current_model(built)
    poor = Preset(
        "poor",
        NetworkConfig(has_interaction_terms=False, user_dimension=1, movie_dimension=1),
        TrainingConfig(is_distilled=False, epochs=1, learning_rate=1e-6),
    )
    outcome = compared(built, dataset, poor)
    assert not outcome.is_promoted
    assert "not more than the spread" in outcome.reason
    assert current_model(built) == before
    with open_for_reading(built) as warehouse:
        assert warehouse.rows("select_model", model_id=outcome.model_id)


@pytest.mark.slow
def test_a_better_configuration_becomes_current(built: Path, dataset: Dataset) -> None:
    poor = replace(PRESETS["notebook"].training, epochs=1, learning_rate=1e-6)
    slow = Preset("poor", PRESETS["notebook"].network, poor)
    _make_current(built, dataset, slow)
    outcome = compared(built, dataset, PRESETS["direct"])
    assert outcome.is_promoted
    assert "more than the spread" in outcome.reason
    assert current_model(built)["model_id"] == outcome.model_id


def _make_current(path: Path, dataset: Dataset, preset: Preset) -> None:
    model = create_model(dataset, TrainingOptions(device="cpu"), preset=preset)
    with open_for_writing(path) as warehouse:
        publish_as_decided(warehouse, model, "cpu", True, "a test")


def test_a_model_of_other_data_is_not_stored(built: Path, dataset: Dataset) -> None:
    other = replace(dataset, fingerprint="other")
    with pytest.raises(WarehouseChangedError):
        compared(built, other, PRESETS["direct"])


@pytest.mark.slow
def test_the_reference_is_trained_once_and_never_promoted(built: Path, dataset: Dataset) -> None:
    before = current_model(built)
    for _ in range(2):
        add_reference(built, dataset, "cpu")
        with open_for_reading(built) as warehouse:
            found = list(warehouse.rows("select_report_models"))
        assert [one["preset"] for one in found] == [before["preset"], "notebook"]
    assert current_model(built) == before
