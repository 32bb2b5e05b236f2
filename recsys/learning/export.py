"""Export: a `Fit` in; a `NewModel` with ONNX bytes, compared with it on every rating, out."""

import contextlib
import copy
import hashlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import onnx
import torch

from recsys.arrays import Indices, Vectors
from recsys.config import DISTRIBUTION, NetworkConfig, TrainingConfig
from recsys.data.registry import Entities, NewModel, Parity, Residuals, tolerance_on_scale
from recsys.data.versions import installed_versions
from recsys.errors import ExportMismatchError
from recsys.learning.dataset import Dataset
from recsys.learning.network import FoldedNetwork, RatingNetwork, run_in_batches, weights_of
from recsys.learning.training import Fit
from recsys.serving.scoring import Scorer, cuda_problem

# Largest difference, for tolerance_on_scale.
TOLERANCE = 1e-5
CUDA_TOLERANCE = 1e-4  # CUDA multiplies in another order and precision
_BATCH_SIZES = (1, 2, 7, 4096)
_PACKAGES = (DISTRIBUTION, "duckdb", "torch", "onnx", "onnxruntime", "numpy")

Predict = Callable[[Indices, Indices], Vectors]


def export_model(
    fit: Fit,
    dataset: Dataset,
    network_config: NetworkConfig,
    config: TrainingConfig,
    preset: str,
    fit_on: str,
) -> NewModel:
    """Return a trained network as the registry stores it.

    Raises:
        ExportMismatchError: onnxruntime and torch differ by more than TOLERANCE.
    """
    device = str(fit.network.lowest.device.type)
    network = copy.deepcopy(fit.network).cpu()
    hyperparameters = _hyperparameters(fit, dataset, network_config, config)
    model_id = _identify(network, hyperparameters, dataset.fingerprint, fit_on)
    onnx_bytes = export_network(
        network,
        {
            "model_id": model_id,
            "data_fingerprint": dataset.fingerprint,
            "lowest_rating": str(dataset.lowest_rating),
            "highest_rating": str(dataset.highest_rating),
            "user_count": str(len(dataset.user_ids)),
            "movie_count": str(len(dataset.movie_ids)),
        },
    )
    parity = verify_export(network, onnx_bytes, dataset)
    return NewModel(
        model_id=model_id,
        preset=preset,
        onnx=onnx_bytes,
        onnx_sha256=hashlib.sha256(onnx_bytes).hexdigest(),
        data_fingerprint=dataset.fingerprint,
        hyperparameters=hyperparameters,
        seed=config.seed,
        fit_on=fit_on,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        best_epoch=fit.best_epoch,
        valid_rmse=fit.valid_rmse,
        lowest_rating=dataset.lowest_rating,
        highest_rating=dataset.highest_rating,
        training_device=device,
        seconds=fit.seconds,
        versions=installed_versions(_PACKAGES),
        history=fit.history,
        teacher_models=list(fit.teacher.tried) if fit.teacher else [],
        users=Entities("user", dataset.user_ids, network.user_embedding.weight.detach().numpy()),
        movies=Entities(
            "movie", dataset.movie_ids, network.movie_embedding.weight.detach().numpy()
        ),
        weights=weights_of(FoldedNetwork(network)),
        residuals=Residuals(
            dataset.user_ids[dataset.valid.user_index.cpu().numpy()],
            dataset.movie_ids[dataset.valid.movie_index.cpu().numpy()],
            fit.valid_residuals,
        ),
        parity=parity,
    )


def export_network(network: RatingNetwork, metadata: dict[str, str]) -> bytes:
    """Return a network, on the CPU, as an ONNX file with a dynamic batch.

    Inputs are user_index and movie_index, int64 of shape (batch,); the output is rating,
    float32 of shape (batch,), in stars. The same network gives the same bytes.
    """
    folded = FoldedNetwork(network).eval()
    batch = torch.export.Dim("batch")
    # Two different tensors of two rows: equal ones would be merged into one input, and a
    # batch of one would be compiled in.
    example = (torch.tensor([0, 0]), torch.tensor([0, 0]))
    with _quiet():
        program = torch.onnx.export(
            folded,
            example,
            input_names=["user_index", "movie_index"],
            output_names=["rating"],
            dynamic_shapes=({0: batch}, {0: batch}),
            dynamo=True,
            external_data=False,
            optimize=True,
            verbose=False,
        )
    assert program is not None  # it is None only where dynamo is off
    model = program.model_proto
    _forget_origins(model)
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def verify_export(network: RatingNetwork, onnx_bytes: bytes, dataset: Dataset) -> list[Parity]:
    """Compare what will be served with the trained network, on all ratings and other batches.

    Returns:
        How closely the folded network and each provider of onnxruntime reproduce it.

    Raises:
        ExportMismatchError: one differs by more than is allowed somewhere.
    """
    folded = FoldedNetwork(network)
    runtimes: dict[str, tuple[Predict, float]] = {
        "torch": (lambda users, movies: _run(folded, users, movies), TOLERANCE),
        "onnxruntime-cpu": (Scorer(onnx_bytes, "cpu").predict, TOLERANCE),
    }
    if cuda_problem() is None:
        runtimes["onnxruntime-cuda"] = (Scorer(onnx_bytes, "cuda").predict, CUDA_TOLERANCE)
    batches = list(_batches(dataset))
    scale = dataset.lowest_rating, dataset.highest_rating
    return [
        _compare(network, runtime, predict, tolerance_on_scale(tolerance, *scale), batches)
        for runtime, (predict, tolerance) in runtimes.items()
    ]


def _batches(dataset: Dataset) -> Iterator[tuple[str, Indices, Indices]]:
    """Yield what to compare on: a name, user indices, movie indices."""
    for name in ("train", "valid", "test"):
        rows = getattr(dataset, name)
        yield f"the {name} rows", rows.user_index.cpu().numpy(), rows.movie_index.cpu().numpy()
    generator = np.random.default_rng(0)
    for size in _BATCH_SIZES:
        users = generator.integers(len(dataset.user_ids), size=size)
        yield f"a batch of {size}", users, generator.integers(len(dataset.movie_ids), size=size)


def _compare(
    network: RatingNetwork,
    runtime: str,
    predict: Predict,
    tolerance: float,
    batches: list[tuple[str, Indices, Indices]],
) -> Parity:
    pairs, largest = 0, 0.0
    for where, users, movies in batches:
        difference = float(np.abs(predict(users, movies) - _run(network, users, movies)).max())
        if not difference <= tolerance:
            raise ExportMismatchError(runtime, difference, tolerance, where)
        pairs, largest = pairs + len(users), max(largest, difference)
    return Parity(runtime, "trained network", pairs, largest, tolerance)


def _run(network: torch.nn.Module, users: Indices, movies: Indices) -> Vectors:
    """Return the ratings that a network predicts, as arrays in and out."""
    pairs = torch.from_numpy(users), torch.from_numpy(movies)
    return run_in_batches(network, *pairs).numpy()


def _identify(
    network: RatingNetwork, hyperparameters: object, fingerprint: str, fit_on: str
) -> str:
    """Return the model's id: the same weights from the same data have the same one."""
    digest = hashlib.sha256()
    text = json.dumps([hyperparameters, fingerprint, fit_on], sort_keys=True)
    digest.update(text.encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()[:12]


def _hyperparameters(
    fit: Fit, dataset: Dataset, network_config: NetworkConfig, config: TrainingConfig
) -> dict[str, dict[str, Any]]:
    """Return all that was set and had a part in this network, by group and name."""
    groups = {"network": asdict(network_config), "training": asdict(config)}
    if fit.teacher is not None:
        teacher = asdict(fit.teacher.config)
        groups |= {"gaussian": teacher.pop("gaussian"), "teacher": teacher}
    has_features = fit.teacher is not None or network_config.feature_dimension > 0
    if has_features and not dataset.features.is_empty:
        groups["features"] = asdict(dataset.features.config)
    return groups


def _forget_origins(model: onnx.ModelProto) -> None:
    """Remove what names this machine: stack traces and paths of the exporter."""
    model.ClearField("doc_string")
    model.graph.ClearField("doc_string")
    model.graph.ClearField("metadata_props")
    for part in (
        *model.graph.node,
        *model.graph.value_info,
        *model.graph.input,
        *model.graph.output,
        *model.graph.initializer,
    ):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress reports off the terminal; errors still raise."""
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            yield
    finally:
        logging.disable(logging.NOTSET)
