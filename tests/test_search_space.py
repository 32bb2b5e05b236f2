"""What tuning may change, and the presets that a choice of values makes."""

from dataclasses import asdict, replace

import pytest

from recsys.config import PRESETS
from recsys.tuning.search_space import (
    Choice,
    preset_from,
    preset_with,
    search_space,
    signature_of,
    values_of,
)

MUST_VARY = {"hidden_sizes", "dropout", "learning_rate", "weight_decay", "batch_size"}


@pytest.mark.parametrize("name", PRESETS)
def test_the_space_has_all_that_must_vary(name: str) -> None:
    names = {one.name for one in search_space(PRESETS[name])}
    assert names >= MUST_VARY
    assert any("embedding_size" in one for one in names)


@pytest.mark.parametrize("name", PRESETS)
def test_the_values_of_a_preset_lie_in_its_space(name: str) -> None:
    values = values_of(PRESETS[name])
    for one in search_space(PRESETS[name]):
        if isinstance(one, Choice):
            assert values[one.name] in one.options
        else:
            assert one.low <= values[one.name] <= one.high


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_with_its_own_values_differs_at_most_by_the_bounds(name: str) -> None:
    preset = PRESETS[name]
    same = preset_with(preset, values_of(preset))
    assert values_of(same) == values_of(preset)
    assert same.name == f"{name}-tuned"


def test_values_reach_the_network_and_its_training() -> None:
    preset = PRESETS["distilled"]
    values = values_of(preset) | {
        "embedding_size": 9,
        "hidden_sizes": "7-5",
        "learning_rate": 0.02,
    }
    tuned = preset_with(preset, values)
    assert (tuned.network.user_dimension, tuned.network.movie_dimension) == (9, 9)
    assert tuned.network.hidden_sizes == (7, 5)
    assert tuned.training.learning_rate == 0.02
    assert tuned.training.epochs == preset.training.epochs


def test_without_a_dot_product_the_embeddings_differ_in_size() -> None:
    values = values_of(PRESETS["notebook"]) | {"movie_embedding_size": 5}
    tuned = preset_with(PRESETS["notebook"], values)
    assert (tuned.network.user_dimension, tuned.network.movie_dimension) == (8, 5)


def test_what_is_stored_with_a_model_makes_its_preset_again() -> None:
    preset = PRESETS["direct"]
    stored = {"network": asdict(preset.network), "training": asdict(preset.training)}
    assert preset_from("direct", stored) == preset


def test_a_stored_model_of_other_hyperparameters_is_refused() -> None:
    with pytest.raises(TypeError):
        preset_from("old", {"network": {"hidden_sizes": [1], "gone": 1}, "training": {}})


def test_the_signature_changes_with_the_preset() -> None:
    preset = PRESETS["direct"]
    other = replace(preset, network=replace(preset.network, dropout=0.123))
    assert signature_of(preset) != signature_of(other)
    assert signature_of(preset) == signature_of(replace(preset, network=preset.network))
