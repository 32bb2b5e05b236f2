"""Export: ONNX bytes that compute what the network computes, and say what they are."""

import hashlib
import json
import logging
import os
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from recsys.config import NetworkConfig, TrainingConfig
from recsys.data import versions
from recsys.data.registry import EpochRecord, NewModel
from recsys.errors import ExportMismatchError
from recsys.learning import export
from recsys.learning.dataset import Dataset, Interactions
from recsys.learning.export import TOLERANCE, export_model, export_network, verify_export
from recsys.learning.features import encode_features
from recsys.learning.network import RatingNetwork
from recsys.learning.training import Fit
from recsys.serving.scoring import Scorer

USERS, MOVIES = 30, 20
SHAPE = NetworkConfig(
    user_dimension=4, movie_dimension=4, hidden_sizes=(8, 6), feature_dimension=3, dropout=0.5
)
PLAIN = NetworkConfig(
    user_dimension=3, movie_dimension=5, hidden_sizes=(8, 6), has_interaction_terms=False
)
CONFIG = TrainingConfig(seed=11)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    generator = torch.Generator().manual_seed(0)

    def interactions(count: int) -> Interactions:
        return Interactions(
            torch.randint(USERS, (count,), generator=generator),
            torch.randint(MOVIES, (count,), generator=generator),
            torch.rand(count, generator=generator) * 4.5 + 0.5,
        )

    nothing = np.zeros(0)
    return Dataset(
        train=interactions(300),
        valid=interactions(50),
        test=interactions(50),
        user_ids=np.arange(USERS) * 7 + 1,
        movie_ids=np.arange(MOVIES)[::-1] + 500,
        features=encode_features(
            MOVIES, nothing.astype(np.int64), nothing.astype(np.str_), nothing
        ),
        lowest_rating=0.5,
        highest_rating=5.0,
        fingerprint="a fingerprint",
    )


def every_pair() -> tuple[torch.Tensor, torch.Tensor]:
    users, movies = np.indices((USERS, MOVIES)).reshape(2, -1)
    return torch.from_numpy(users), torch.from_numpy(movies)


def make_network(shape: NetworkConfig) -> RatingNetwork:
    """Return a network in train mode whose ratings reach both bounds."""
    torch.manual_seed(3)
    size = (MOVIES, shape.feature_dimension)
    features = np.random.default_rng(0).normal(size=size).astype(np.float32)
    network = RatingNetwork(USERS, MOVIES, (0.5, 5.0), shape, features)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0.0, 0.5)
        network.layers[-1].bias += 2.75 - network.estimate(*every_pair()).median()
    return network


def make_fit(network: RatingNetwork) -> Fit:
    history = [EpochRecord(1, 1.0, 1.1, 1.05, 0.9, 1e-3, 0.1)]
    residuals = np.linspace(-1, 1, 50)
    return Fit(network.eval(), history, 1, residuals, seconds=0.1, teacher=None)


@pytest.fixture(scope="module")
def network() -> RatingNetwork:
    return make_network(SHAPE)


@pytest.fixture(scope="module")
def model(dataset: Dataset, network: RatingNetwork) -> NewModel:
    return export_model(make_fit(network), dataset, SHAPE, CONFIG, "direct", "train")


@torch.no_grad()
def largest_difference(network: RatingNetwork, scorer: Scorer, size: int) -> float:
    generator = np.random.default_rng(size)
    users, movies = generator.integers(USERS, size=size), generator.integers(MOVIES, size=size)
    expected = network.eval()(torch.from_numpy(users), torch.from_numpy(movies)).numpy()
    predicted = scorer.predict(users, movies)
    assert predicted.shape == expected.shape == (size,)
    return float(np.abs(predicted - expected).max())


@pytest.mark.parametrize("size", [1, 2, 7, 600, 4096])
def test_onnxruntime_computes_what_torch_does_at_any_batch_size(network, model, size):
    assert largest_difference(network, Scorer(model.onnx, "cpu"), size) <= TOLERANCE


def test_a_network_without_interaction_terms_can_be_exported(dataset):
    network = make_network(PLAIN).eval()
    onnx_bytes = export_network(network, {})
    verify_export(network, onnx_bytes, dataset)
    assert largest_difference(network, Scorer(onnx_bytes, "cpu"), 600) <= TOLERANCE


def test_the_comparison_covers_more_than_the_bounds(network):
    ratings = network(*every_pair())
    assert {0.5, 5.0} <= set(ratings.tolist())
    assert ((ratings > 0.5) & (ratings < 5.0)).float().mean() > 0.5


@pytest.mark.parametrize("change", [1e-3, float("nan")])
def test_a_network_that_computes_something_else_is_refused(dataset, model, change):
    other = make_network(SHAPE).eval()
    with torch.no_grad():
        other.movie_bias.weight[MOVIES - 1] += change
    with pytest.raises(ExportMismatchError, match=r"differ by .* stars on "):
        verify_export(other, model.onnx, dataset)


def test_the_bytes_say_what_they_are(dataset, model):
    loaded = onnx.load_from_string(model.onnx)
    onnx.checker.check_model(loaded, full_check=True)
    assert {one.key: one.value for one in loaded.metadata_props} == {
        "model_id": model.model_id,
        "data_fingerprint": "a fingerprint",
        "lowest_rating": "0.5",
        "highest_rating": "5.0",
        "user_count": str(USERS),
        "movie_count": str(MOVIES),
    }
    assert model.onnx_sha256 == hashlib.sha256(model.onnx).hexdigest()


def test_inputs_and_output_are_named_typed_and_of_any_length(model):
    graph = onnx.load_from_string(model.onnx).graph
    values = [*graph.input, *graph.output]
    assert [value.name for value in values] == ["user_index", "movie_index", "rating"]
    tensors = [value.type.tensor_type for value in values]
    kinds = [onnx.TensorProto.INT64, onnx.TensorProto.INT64, onnx.TensorProto.FLOAT]
    assert [tensor.elem_type for tensor in tensors] == kinds
    lengths = [[size.dim_param for size in tensor.shape.dim] for tensor in tensors]
    assert lengths == [["batch"]] * 3


def test_nothing_of_this_machine_is_in_the_bytes(model):
    places = [Path(__file__).resolve().parent.parent, Path(torch.__file__).parent, Path.home()]
    for trace in [*(os.fsencode(place) for place in places), b"site-packages", b".py", b"/tmp"]:
        assert trace not in model.onnx, trace


def test_the_same_network_gives_the_same_bytes_without_a_word(dataset, model, capfd, caplog):
    again = export_model(make_fit(make_network(SHAPE)), dataset, SHAPE, CONFIG, "direct", "train")
    assert (again.model_id, again.onnx) == (model.model_id, model.onnx)
    assert capfd.readouterr() == ("", "")
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert logging.getLogger("recsys").isEnabledFor(logging.CRITICAL), "logging is on again"


def test_the_id_changes_with_weights_settings_data_and_what_was_fitted(
    dataset, network, model, monkeypatch
):
    monkeypatch.setattr(export, "export_network", lambda *arguments: model.onnx)
    monkeypatch.setattr(export, "verify_export", lambda *arguments: [])

    def identify(
        network: RatingNetwork = network,
        data: Dataset = dataset,
        config: TrainingConfig = CONFIG,
        fit_on: str = "train",
    ) -> str:
        return export_model(make_fit(network), data, SHAPE, config, "direct", fit_on).model_id

    other = make_network(SHAPE)
    with torch.no_grad():
        other.user_bias.weight[0] += 1e-6
    ids = [
        identify(),
        identify(network=other),
        identify(data=replace(dataset, fingerprint="another fingerprint")),
        identify(config=replace(CONFIG, learning_rate=0.5)),
        identify(fit_on="train+valid"),
    ]
    assert ids[0] == model.model_id
    assert len(set(ids)) == len(ids)
    assert all(len(one) == 12 and int(one, 16) >= 0 for one in ids)


def test_another_distribution_of_onnxruntime_is_no_reason_to_fail(
    dataset, network, model, monkeypatch
):
    """On macOS training ended in a traceback, after the work."""

    def find(name: str) -> str:
        if name == "onnxruntime-gpu":
            raise PackageNotFoundError(name)
        return "1.2.3"

    monkeypatch.setattr(versions, "version", find)
    monkeypatch.setattr(export, "export_network", lambda *arguments: model.onnx)
    exported = export_model(make_fit(network), dataset, SHAPE, CONFIG, "direct", "train")
    assert exported.versions["onnxruntime"] == "1.2.3"
    assert "onnxruntime-gpu" not in exported.versions


def test_the_model_carries_all_that_the_registry_stores(dataset, network, model):
    assert (model.preset, model.fit_on, model.seed) == ("direct", "train", 11)
    assert (model.best_epoch, model.valid_rmse) == (1, 1.05)
    assert (model.lowest_rating, model.highest_rating) == (0.5, 5.0)
    assert model.training_device == "cpu"
    assert model.parameters == sum(one.numel() for one in network.parameters())
    assert json.loads(json.dumps(model.hyperparameters))["training"]["seed"] == 11
    assert model.versions["torch"] == torch.__version__
    for entities, ids, table in (
        (model.users, dataset.user_ids, network.user_embedding),
        (model.movies, dataset.movie_ids, network.movie_embedding),
    ):
        np.testing.assert_array_equal(entities.ids, ids)
        np.testing.assert_array_equal(entities.embeddings, table.weight.detach())
