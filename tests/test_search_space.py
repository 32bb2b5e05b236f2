"""What tuning may change, and the presets that a choice of values makes."""

from dataclasses import asdict, replace

import pytest
from optuna.distributions import FloatDistribution

from recsys.config import PRESETS
from recsys.tuning import search_space as spaces
from recsys.tuning.search_space import (
    preset_from,
    preset_with,
    search_space,
    signature_of,
    values_of,
)

MUST_VARY = {"hidden_sizes", "dropout", "learning_rate", "weight_decay", "batch_size"}


@pytest.mark.parametrize("name", PRESETS)
def test_the_space_has_all_that_must_vary(name: str) -> None:
    names = set(search_space(PRESETS[name]))
    assert names >= MUST_VARY
    assert any("embedding_size" in one for one in names)


@pytest.mark.parametrize("name", PRESETS)
def test_the_values_of_a_preset_lie_in_its_space(name: str) -> None:
    values = values_of(PRESETS[name])
    space = search_space(PRESETS[name])
    assert list(values) == list(space)
    for key, value in values.items():
        assert space[key]._contains(space[key].to_internal_repr(value))


def test_values_outside_the_bounds_are_brought_inside() -> None:
    preset = PRESETS["notebook"]
    wide = replace(preset, network=replace(preset.network, user_dimension=500))
    slow = replace(wide, training=replace(wide.training, learning_rate=1e-6, batch_size=8))
    values = values_of(slow)
    assert values["user_embedding_size"] == 64
    assert values["learning_rate"] == 3e-4
    assert values["batch_size"] == 32


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


def test_the_signature_changes_with_the_space(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signature_of(PRESETS["direct"])
    wider = search_space(PRESETS["direct"]) | {"dropout": FloatDistribution(0.0, 0.7)}
    monkeypatch.setattr(spaces, "search_space", lambda preset: wider)
    assert signature_of(PRESETS["direct"]) != before
